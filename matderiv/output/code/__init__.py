"""Programs as source code for NumPy, PyTorch and JAX."""
