"""Derivations and sheets as text, LaTeX, Markdown, HTML and JSON."""
