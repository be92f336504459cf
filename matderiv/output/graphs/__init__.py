"""Computational graphs as text, SVG, DOT, Mermaid and TikZ."""
