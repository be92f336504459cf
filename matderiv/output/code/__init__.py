"""Programs as source code for NumPy, PyTorch, JAX, Julia and MATLAB."""
