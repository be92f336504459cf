"""Index products, and the way down to them from expressions."""
