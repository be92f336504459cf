"""Matrix words: products of matrices, signs, and products of powers entry by entry."""
