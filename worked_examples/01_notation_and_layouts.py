"""What the derivative of one thing by another is, and how it is laid out.

Asked: which shape does the derivative of a scalar, a vector or a matrix have, by a scalar, a vector
or a matrix? And why do two books give transposed answers for the same question?
"""

import numpy as np
from lesson import Lesson, differences

import matderiv as md

lesson = Lesson("Notation: which entry stands where")
LAYOUTS = ("gradient", "numerator", "denominator")

lesson.say(
    """The derivative of y by x collects every rate of change of an entry of y by an entry of x.
    That much all books agree on. How to arrange these numbers is a matter of layout. A layout
    never changes a number; it says which entry stands where."""
)


def shape(of: md.Derivation) -> str:
    """The shape of what is displayed; of all its axes where no matrix holds them."""
    sizes = of.displayed.shape if of.has_matrix_form else of.shape
    return " × ".join(map(str, sizes)) or "scalar"


QUESTIONS = (
    ("a scalar", "a scalar", "sin(c)", "c", {}),
    ("a scalar", "a vector, m", "a'*v", "v", {"a": "m", "v": "m"}),
    ("a vector, m", "a scalar", "a*c", "c", {"a": "m", "c": ""}),
    ("a vector, m", "a vector, n", "A*x", "x", {"A": "m,n"}),
    ("a scalar", "a matrix, k × l", "a'*M*b", "M", {"M": "k,l", "a": "k", "b": "l"}),
    ("a matrix, k × l", "a scalar", "c*M", "c", {"M": "k,l", "c": ""}),
    ("a vector, m", "a matrix, m × n", "W*x", "W", {"W": "m,n"}),
    ("a matrix, m × n", "a vector, m", "v*x'", "v", {"v": "m", "x": "n"}),
    ("a matrix, m × q", "a matrix, n × p", "A*X*B", "X", {"A": "m,n", "X": "n,p", "B": "p,q"}),
)

rows = [("derivative of", "by", "for instance", *LAYOUTS)]
for of, by, f, x, sizes in QUESTIONS:
    found = [md.derive(f, x, shapes=sizes, layout=layout) for layout in LAYOUTS]
    rows.append((of, by, f"`{f}` by `{x}`", *map(shape, found)))
lesson.table(
    rows,
    """`gradient` is what matderiv shows unless told otherwise: the gradient of a scalar has the
    shape of the variable, so that `w - 0.1*gradient` makes sense, and a Jacobian has a row for
    each output. From three axes on nothing is left to transpose: the axes of f come first, then
    those of the variable.""",
    "The shapes",
)

rows = [("layout", "`a'*x` by `x`", "`A*x` by `x`", "`tr(A*X)` by `X`")]
for layout in LAYOUTS:
    asked = (
        ("a'*x", "x", {"a": "n"}),
        ("A*x", "x", {"A": "m,n"}),
        ("tr(A*X)", "X", {"A": "n,m"}),
    )
    found = [md.derive(f, x, shapes=sizes, layout=layout) for f, x, sizes in asked]
    rows.append((layout, *(f"`{d}`" for d in found)))
lesson.table(
    rows,
    """The numerator layout (Parr & Howard, most calculus courses) writes the gradient as a row; the
    denominator layout (much of statistics) transposes the Jacobians instead.""",
    "The same derivative in three layouts",
)

lesson.say(
    """Take the two functions `3*x^2*y` and `2*x + y^8`. Their Jacobian in numerator layout has
    the partial derivatives of the first function in its first row, those of the second below.""",
    "Two functions of two variables",
)
TWO = ("3*x^2*y", "2*x + y^8")
scalars = {"x": "", "y": ""}
partials = [md.derive(f, ["x", "y"], shapes=scalars) for f in TWO]
lesson.table(
    [
        ("", "by x", "by y"),
        *((f"`{f}`", *(f"`{d}`" for d in row)) for f, row in zip(TWO, partials, strict=True)),
    ]
)

at = {"x": 2.0, "y": -1.0}
jacobian = [[d.evaluate(at) for d in row] for row in partials]


def both(v: np.ndarray) -> np.ndarray:
    """f and g as a vector."""
    x, y = v
    return np.array([3 * x**2 * y, 2 * x + y**8])


lesson.agree("the Jacobian at x = 2, y = -1", jacobian, differences(both, [2.0, -1.0]))

by_gradient, by_denominator = (
    md.derive("A*x", "x", layout=layout) for layout in ("gradient", "denominator")
)
A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
numbers = {"A": A, "x": np.ones(3)}
lesson.agree(
    "A layout changes what is shown, never the axes of the numbers",
    by_denominator.evaluate(numbers),
    by_gradient.evaluate(numbers),
    "the default layout",
)
lesson.finish()
