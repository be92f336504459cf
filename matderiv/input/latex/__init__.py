"""LaTeX formulas, read into the source tree of the text language."""
