"""The way back from index products to matrix notation: the graph of a term, reduced."""
