"""Derivations checked line by line: what a line is, and judging it."""
