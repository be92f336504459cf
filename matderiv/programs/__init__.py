"""Derivatives as programs: the instructions behind exported code and compiled functions."""
