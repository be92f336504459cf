"""How an expression bends in a variable, by the rules of composition; no derivative is taken.

A convex function that increases, of what is convex, is convex; and so on. Kinks do no harm.
Source: Grant, Boyd & Ye 2006, Disciplined convex programming; Boyd & Vandenberghe 2004, ch. 3.2.
"""

from dataclasses import dataclass
from fractions import Fraction

from matderiv.expr import Expr, apply, exact_value, is_, number_value, size_expr, walk
from matderiv.language.printer import text
from matderiv.numeric.ranges import positive
from matderiv.shapes import is_scalar, times
from matderiv.words.chains import facts, transposed
from matderiv.words.definite import definite_sign, nonnegative

CONVEX, CONCAVE = frozenset({"convex"}), frozenset({"concave"})
AFFINE = CONVEX | CONCAVE
UNKNOWN: frozenset[str] = frozenset()
Bend = frozenset[str]
HALF = Fraction(1, 2)

_MONOTONE = frozenset("add sum mean transpose diag vec tr triu tril unvec flip roll".split())
_PRODUCTS = frozenset("mul hadamard kron".split())
_LOGARITHMS = {"normcdf": "log_ndtr", "sigmoid": "logsigmoid", "det": "logdet"}
_TURNED = {"convex": "concave", "concave": "convex"}


def turned_over(bend: Bend) -> Bend:
    """How the negative of something bends.

    >>> sorted(turned_over(CONVEX))
    ['concave']
    """
    return frozenset(_TURNED[b] for b in bend)


@dataclass
class Composition:
    """How the parts of an expression bend in x, and the reasons, one for each part.

    >>> f = read("sum(relu(X*w)) + c^2*norm1(w)").expr
    >>> by = Composition(next(v for v in variables(f) if v.name == "w"))
    >>> sorted(by.bend(f)), by.reasons[0]
    (['convex'], 'relu(X*w): relu is convex, X*w is affine')
    """

    x: Expr

    def __post_init__(self) -> None:
        self._moving: set[Expr] = {self.x}
        self._found: dict[Expr, Bend] = {}
        self.reasons: list[str] = []

    def bend(self, e: Expr) -> Bend:
        """Both for an affine expression, one, or nothing where the rules do not say."""
        for node in walk(e):
            if node not in self._found:
                if any(a in self._moving for a in node.args):
                    self._moving.add(node)
                self._found[node] = self._of(node)
        return self._found[e]

    def _of(self, e: Expr) -> Bend:
        if e is self.x or not self._moves(e):
            return AFFINE
        whole = self._as_a_square(e) or _entropy(e)
        if whole is not None:
            return self._said(e, CONVEX, whole[1]) if self._found[whole[0]] == AFFINE else UNKNOWN
        root = is_(e, "sqrt") or (is_(e, "power", "epow") and exact_value(e.args[1]) == HALF)
        if root and self._moves(e.args[0]) and self._adds_squares(e.args[0]):
            return self._said(e, CONVEX, f"the length of what is squared in {text(e.args[0])}")
        moving = [a for a in e.args if self._moves(a)]
        bends = [self._found[a] for a in moving]
        if is_(e, "neg"):
            return turned_over(bends[0])
        if is_(e, "tr") and self._inverse(e.args[0]):
            return self._said(e, CONVEX, "the trace of the inverse is convex, if it is >= 0")
        if is_(e, *_MONOTONE):
            return frozenset.intersection(*bends)
        if e.function.kind == "structural" and bends == [AFFINE]:
            return AFFINE
        if is_(e, *_PRODUCTS):
            return self._scaled(e, moving) if len(moving) == 1 else UNKNOWN
        if is_(e, "div", "ediv"):
            return self._quotient(e, moving)
        if is_(e, "power", "epow"):
            return self._power(e, moving)
        return self._matrix(e) or self._applied(e, moving)

    def _moves(self, e: Expr) -> bool:
        return e in self._moving

    def _said(self, e: Expr, bend: Bend, why: str) -> Bend:
        self.reasons.append(f"{text(e)}: {why}")
        return bend

    def _adds_squares(self, e: Expr) -> bool:
        """True for Σ h², where each h is affine, or convex and >= 0: its root is a norm of the h.

        Source: Boyd & Vandenberghe 2004, ch. 3.2.4.
        """
        if not self._moves(e):
            return nonnegative(e)
        whole = self._as_a_square(e)
        if whole is not None:
            return self._found[whole[0]] == AFFINE
        if is_(e, "power", "epow") and (is_(e, "epow") or is_scalar(e.args[0].shape)):
            base, p = e.args[0], exact_value(e.args[1])
            bend, even = self._found[base], p is not None and p.denominator == 1 and p % 2 == 0
            positive_part = "convex" in bend and nonnegative(base)
            return p is not None and p >= 2 and (positive_part or (even and bend == AFFINE))
        if e.function.kind == "shorthand" and e.function.expand:
            written = e.function.expand(*e.args, *e.params)
            self.bend(written)
            return self._adds_squares(written)
        if is_(e, "mul", "hadamard", "div"):
            moving = sum(map(self._moves, e.args)) > 1 or (is_(e, "div") and self._moves(e.args[1]))
            return not moving and all(map(self._adds_squares, e.args))
        return is_(e, "add", "sum", "mean") and all(map(self._adds_squares, e.args))

    def _as_a_square(self, e: Expr) -> tuple[Expr, str] | None:
        """a and the reason for c*a'*a and c*a'*Q*a with constants c, Q >= 0, or Q = inv(M).

        An affine M > 0 may move with a. Source: Boyd & Vandenberghe 2004, example 3.4.
        """
        if is_(e, "tr") and is_(e.args[0], "mul"):
            e = e.args[0]
        elif not is_(e, "mul") or not is_scalar(e.shape):
            return None
        numbers = [a for a in e.args if is_scalar(a.shape)]
        word = [a for a in e.args if a not in numbers]
        if len(word) not in (2, 3) or not all(map(nonnegative, numbers)):
            return None
        if transposed(word[0]) is not word[-1] or any(map(self._moves, numbers)):
            return None
        if len(word) == 2:
            return word[1], f"a square of {text(word[1])}"
        if self._moves(word[1]) and not self._inverse(word[1]):
            return None
        said = f"a quadratic form of {text(word[-1])} with {text(word[1])} >= 0"
        return (word[-1], said) if definite_sign(word[1]) > 0 else None

    def _inverse(self, e: Expr) -> bool:
        """True for the inverse of an affine positive definite matrix."""
        return is_(e, "inv") and self._found[e.args[0]] == AFFINE and _definite(e.args[0])

    def _scaled(self, e: Expr, moving: list[Expr]) -> Bend:
        """A part times constants, which keep its bend, turn it over, or need it affine."""
        bend = self._found[moving[0]]
        rest = [a for a in e.args if a is not moving[0]]
        if bend == AFFINE:
            return AFFINE
        negative = sum(not nonnegative(a) and nonnegative(-a) for a in rest)
        if any(not nonnegative(a) and not nonnegative(-a) for a in rest):
            return UNKNOWN
        return turned_over(bend) if negative % 2 else bend

    def _quotient(self, e: Expr, moving: list[Expr]) -> Bend:
        above, below = e.args
        if moving == [above]:
            if self._found[above] == AFFINE or nonnegative(below):
                return self._found[above]
            return turned_over(self._found[above]) if nonnegative(-below) else UNKNOWN
        if moving != [below] or "concave" not in self._found[below] or not positive(below):
            return UNKNOWN
        bend = CONVEX if nonnegative(above) else CONCAVE if nonnegative(-above) else UNKNOWN
        return self._said(e, bend, f"{text(below)} > 0 is concave, its inverse convex")

    def _power(self, e: Expr, moving: list[Expr]) -> Bend:
        """x^p: convex for even p or p >= 1 above 0, concave between 0 and 1, convex below 0."""
        base, exponent = e.args
        p = exact_value(exponent)
        if is_(base, "prod") and exponent is 1 / size_expr(times(*base.args[0].shape)):
            bend = self._found[base.args[0]]
            if "concave" in bend and positive(base.args[0]):
                return self._said(e, CONCAVE, "the geometric mean is concave and increasing")
        if p is None or moving != [base] or not (is_(e, "epow") or is_scalar(base.shape)):
            return UNKNOWN
        bend = self._found[base]
        if p == 1:
            return bend
        even = p > 0 and p.denominator == 1 and p % 2 == 0
        if even and (bend == AFFINE or ("convex" in bend and nonnegative(base))):
            return self._said(e, CONVEX, "an even power")
        if p > 1 and nonnegative(base) and "convex" in bend:
            return self._said(e, CONVEX, f"a power above 1 of {text(base)} >= 0")
        if 0 < p < 1 and "concave" in bend:
            return self._said(e, CONCAVE, f"a power below 1 of the concave {text(base)}")
        if p < 0 and "concave" in bend and positive(base):
            return self._said(e, CONVEX, f"a negative power of the concave {text(base)} > 0")
        return UNKNOWN

    def _matrix(self, e: Expr) -> Bend:
        """logdet and tr(inv()) of positive definite matrices."""
        inner = e.args[0]
        if is_(e, "logdet") and self._found[inner] == AFFINE and _definite(inner):
            return self._said(e, CONCAVE, "log det of a positive definite matrix is concave")
        return UNKNOWN

    def _applied(self, e: Expr, moving: list[Expr]) -> Bend:
        """A function with a bend of its own, applied to arguments that fit it."""
        bends, _, way = e.function.bends.partition(" ")
        if is_(e, "leaky_relu") and not 0 <= (number_value(e.args[1]) or 0) <= 1:
            bends = ""  # with another slope it is concave, or falls
        if is_(e, "log") and is_(e.args[0], *_LOGARITHMS):
            return self.bend(apply(_LOGARITHMS[e.args[0].function.name], *e.args[0].args))
        if is_(e, "log") and is_(e.args[0], "div", "ediv") and len(moving) == 1:
            above, below = e.args[0].args
            if not self._moves(above) and "concave" in self._found[below]:
                return self._said(e, CONVEX, f"minus the logarithm of the concave {text(below)}")
        several = is_(e, "maximum", "minimum", "kl")  # of all arguments together
        if not bends or (not several and moving != [e.args[0]]):
            written = e.function.expand
            return self.bend(written(*e.args, *e.params)) if written and not bends else UNKNOWN
        own = frozenset({bends})
        fits = all(self._fits(own, way, a) for a in moving)
        if not fits:
            return UNKNOWN
        parts = ", ".join(f"{text(a)} is {_word(self._found[a])}" for a in moving)
        shown = way not in ("", "even") and any(self._found[a] != AFFINE for a in moving)
        going = f" and {way}" if shown else ""
        return self._said(e, own, f"{e.function.label} is {bends}{going}, {parts}")

    def _fits(self, own: Bend, way: str, a: Expr) -> bool:
        bend = self._found[a]
        if bend == AFFINE:
            return True
        if way == "even":
            return own == CONVEX == bend and nonnegative(a)
        wanted = {"increasing": own, "decreasing": turned_over(own)}
        return bend == wanted.get(way)


def _word(bend: Bend) -> str:
    return "affine" if bend == AFFINE else next(iter(bend))


def _definite(e: Expr) -> bool:
    return "posdef" in facts(e) or definite_sign(e) > 0


def _entropy(e: Expr) -> tuple[Expr, str] | None:
    """u and the reason for u*log(u)."""
    if not is_(e, "hadamard", "mul") or len(e.args) != 2:
        return None
    for u, log in (e.args, e.args[::-1]):
        entrywise = is_(e, "hadamard") or is_scalar(u.shape)
        if is_(log, "log") and log.args[0] is u and entrywise:
            return u, f"{text(u)} times its logarithm is convex"
    return None
