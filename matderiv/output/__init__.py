"""Expressions and derivations, printed."""
