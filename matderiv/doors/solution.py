"""What `solve` returns, and the random data on which its values are tested."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from matderiv.doors.derivation import Derivation
from matderiv.errors import DomainError, MatderivError, NoClosedForm
from matderiv.expr import Expr, substitute, walk
from matderiv.language.printer import text
from matderiv.lazy import np, quiet
from matderiv.numeric.evaluate import evaluate
from matderiv.numeric.ranges import bounds
from matderiv.numeric.sampling import Point, points
from matderiv.output.latex.formula import latex
from matderiv.words.chains import facts
from matderiv.words.signs import total

POINTS = 4
DRAWS = 16
TOLERANCE = 1e-7
"""Of what is left of the gradient at the solution, relative to its terms."""


@dataclass(frozen=True)
class Solution:
    """The values of a variable where the gradient vanishes, under a constraint if there is one.

    `kinds` says of each value whether it is a "minimum", a "maximum" or "stationary"; `conditions`
    what has to hold; `steps` the equations with their reasons. An eigenvalue problem has no values
    but an `equation`. `mixed` says that every entry may be that of any of the values.
    """

    gradient: Derivation
    values: tuple[Expr, ...]
    kinds: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    conditions: tuple[str, ...] = ()
    equation: str = ""
    equation_latex: str = ""
    mixed: bool = False

    @property
    def expr(self) -> Expr:
        """The value, or the first of several; NoClosedForm for an eigenvalue problem."""
        if not self.values:
            raise NoClosedForm(f"there is no closed form: {self.equation}")
        return self.values[0]

    @property
    def kind(self) -> str:
        """What the first value is."""
        return self.kinds[0]

    def latex(self) -> str:
        """The values as LaTeX equations, or the eigenvalue equation."""
        x = latex(self.gradient.wrt)
        said = r",\quad ".join(f"{x} = {latex(v)}" for v in self.values) or self.equation_latex
        return said + (r"\quad\text{entry by entry}" if self.mixed else "")

    def __str__(self) -> str:
        x = self.gradient.wrt.name
        said = " or ".join(f"{x} = {text(v)}" for v in self.values) or self.equation
        return said + (", entry by entry" if self.mixed else "")


def everywhere(
    test: Callable[[dict[str, Any], Point], bool], f: Expr, x: Expr, value: Expr
) -> bool:
    """True where all data that give x this value pass a test, and there are enough of them."""
    seen = 0
    for point in data(f, x, value):
        at = data_with(point, x, value)
        if at is not None and not test(at, point):
            return False
        seen += at is not None
    return seen >= POINTS


def data(f: Expr, x: Expr, value: Expr) -> Iterator[Point]:
    """Points of the data; some have only positive numbers, which logarithms and roots may need."""
    with_value = total([substitute(f, {x: value})])
    for seed in (1, 2):
        with suppress(MatderivError):
            yield from points(with_value, count=DRAWS, seed=seed)
            return


def data_with(point: Point, x: Expr, value: Expr) -> dict[str, Any] | None:
    """The data with the value of x; None where it has none."""
    try:
        with quiet():
            solved = evaluate(value, point.values, point.sizes)
    except (np.linalg.LinAlgError, DomainError):
        return None  # as where X'*X has no inverse: fewer rows than columns
    return {**point.values, x.name: solved} if np.isfinite(solved).all() else None


def conditions(values: Sequence[Expr]) -> tuple[str, ...]:
    """What the values need: matrices with inverses, logarithms and roots of positive numbers."""
    found: dict[str, None] = {}
    for node in walk(*values):
        name, argument = node.function.name, node.args[0] if node.args else node
        if name == "inv" and not facts(argument) & {"posdef", "orthogonal"}:
            found[f"{text(argument)} is invertible"] = None
        if name in ("log", "sqrt") and not bounds(argument)[0] > 0:
            found[f"{text(argument)} > 0"] = None
        below = node.args[1] if name in ("div", "ediv") else None
        if below is not None and bounds(below)[0] <= 0 <= bounds(below)[1]:
            found[f"{text(below)} is not 0"] = None
    return tuple(found)
