"""SymPy objects, read into expressions."""
