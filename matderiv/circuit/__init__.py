"""The computational graph: nodes, forward and backward passes, what each gate does."""
