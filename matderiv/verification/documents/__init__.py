"""Documents with derivations in them: files, prose, and what both say about names."""
