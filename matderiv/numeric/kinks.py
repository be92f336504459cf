"""Where an expression has no derivative, and where it has no value: what its functions say."""

from fractions import Fraction
from typing import NamedTuple

from matderiv.expr import Expr, is_, number_value, walk
from matderiv.numeric.draws import LABEL_FACTS
from matderiv.numeric.evaluate import Array
from matderiv.numeric.poles import outside_branches
from matderiv.numeric.ranges import bounds, positive
from matderiv.numeric.stable import expanded


class Kink(NamedTuple):
    """An expression that vanishes at the kink, and the name of the function that has it.

    `zero` is the side that 0 itself belongs to, for a comparison. A kink that is `guarded` is in a
    branch that need not be chosen.
    """

    label: str
    distance: Expr
    zero: int = 0
    guarded: bool = False

    @property
    def sides(self) -> tuple[int, ...]:
        """The signs of the distance that are not impossible by its form."""
        low, high = bounds(self.distance)
        below = low < 0 or (low == 0 and self.zero < 0 and not positive(self.distance))
        above = high > 0 or (high == 0 and self.zero > 0)
        return (-1,) * below + (1,) * above

    def seen(self, distance: Array) -> set[int]:
        """The signs that some entries of a distance have."""
        zero = bool((distance == 0).any())
        return {s for s in (-1, 1) if (s * distance > 0).any() or (zero and s == self.zero)}


def kinks(expr: Expr, order: int = 1) -> tuple[Kink, ...]:
    """Where `expr` is not differentiable: the kinks of its functions, shorthands written out.

    Labels count as kinks that may not be missed on either side. Where a formula changes there is a
    second derivative on either side only.

    >>> bend = apply("huber", variable("x"), 1)
    >>> len(kinks(bend)), len(kinks(bend, order=2))
    (0, 1)
    """
    found: list[Kink] = []
    whole = expanded(expr)
    plain = outside_branches(whole)
    for node in walk(whole):
        if node.function.kink is not None:
            distance = node.function.kink(*node.args)
            zero = _ZEROS.get(node.function.name, 0)
            found.append(Kink(node.function.label, distance, zero, node not in plain))
        elif node.function.border is not None and order > 1:
            distance = node.function.border(*node.args)
            found.append(Kink(node.function.label, distance, 0, node not in plain))
        elif is_(node, "variable") and node.params[2] & LABEL_FACTS:
            middle = node - Fraction(1, 2) if "binary" in node.params[2] else node
            found.append(Kink(node.name, middle))
    return tuple(found)


_ZEROS = {"ge": 1, "lt": 1, "gt": -1, "le": -1, "step": -1}


def inside(node: Expr) -> Expr | None:
    """What must not be negative for the node to have a value."""
    if is_(node, "sqrt", "log"):
        return node.args[0]
    if is_(node, "log1p"):
        return 1 + node.args[0]
    if is_(node, "arcsin", "arccos"):
        return 1 - node.args[0] * node.args[0]
    if is_(node, "power", "epow"):
        k = number_value(node.args[1])
        return None if k is not None and k.denominator == 1 else node.args[0]
    return None


def without_zero(distance: Expr) -> Expr:
    """u of u + 0."""
    terms = distance.args if is_(distance, "add") else (distance,)
    left = [t for t in terms if number_value(t) != 0]
    return left[0] if len(left) == 1 else distance


def compared_with(expr: Expr) -> set[Expr]:
    """What the jumps and kinks of an expression depend on, up to a sign.

    >>> x = variable("x")
    >>> compared_with(apply("relu", x)) == compared_with(apply("gt", x, 0)) == {x}
    True
    """
    found = set()
    for kink in kinks(expr):
        plain = without_zero(kink.distance)
        found.add(plain.args[0] if is_(plain, "neg") else plain)
    return found
