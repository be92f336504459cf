"""The choice of the form: sums of terms, common factors, layouts, last touches, named parts."""
