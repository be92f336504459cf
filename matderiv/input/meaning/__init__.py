"""What was typed, given its meaning: kinds, indices, and signs that depend on them."""
