"""Descent on derived gradients: the loop, what it works on, and its step rules."""
