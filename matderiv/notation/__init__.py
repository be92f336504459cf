"""The way back from index products to matrix notation, and the choice of the form."""
