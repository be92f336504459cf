"""Equations solved for a variable: where a gradient is zero, in closed form."""
