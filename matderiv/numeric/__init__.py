"""Numbers: values of expressions, random points, and the check against differences."""
