"""The public verbs and their values: a file for each, behind `matderiv.derive` and its like."""
