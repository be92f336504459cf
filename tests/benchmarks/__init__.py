"""Measurements: time, growth, start and share, as tables of ratios within one run."""
