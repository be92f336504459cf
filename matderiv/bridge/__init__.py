"""The SymPy side: our functions on SymPy objects, and classes for what SymPy lacks."""
