"""Equations that hold entry by entry, solved for the entry: at most quadratic in x, exp, log or a
root of it after multiplying by the denominators. Also equations in the inverse of one matrix."""

from fractions import Fraction
from typing import Any

from matderiv.calculus.recognise import prepare
from matderiv.choosing.items import numbers_apart
from matderiv.choosing.polish import polished
from matderiv.expr import (
    Expr,
    apply,
    is_,
    number,
    number_value,
    ones,
    size_expr,
    variables,
    walk,
    zeros,
)
from matderiv.lazy import sp
from matderiv.shapes import Shape, is_scalar
from matderiv.solving.affine import addends
from matderiv.words.chains import inverse_of, turned
from matderiv.words.monomials import power
from matderiv.words.signs import negated, total

MOST_TERMS = 40  # of an equation that is written out


class NotEntrywise(ValueError):  # noqa: N818  (it says what is the case)
    """The variable stands in something that is no function of each entry."""


class EntryEquation:
    """One entry of an array equation as a SymPy scalar; `parts` is what its symbols stand for.

    >>> x, a = variable("x", ("n",)), variable("a", ("n",))
    >>> EntryEquation(x).scalar(apply("exp", x) - 2 * a)
    -2*c2 + exp(x)
    """

    def __init__(self, x: Expr) -> None:
        self.x = x
        self.symbol = sp.Symbol("x", positive=True)
        self.parts: dict[Any, Expr] = {self.symbol: x}
        self._known: dict[Expr, Any] = {x: self.symbol}

    def scalar(self, e: Expr) -> Any:
        """The entry of an expression; NotEntrywise where x is below another kind of function."""
        if e in self._known:
            return self._known[e]
        value = number_value(e)
        if value is not None:
            return sp.Rational(value.numerator, value.denominator)
        if is_(e, "ones"):
            return sp.Integer(1)
        made = self._built(e)
        if made is None:
            if self.x in set(walk(e)):
                raise NotEntrywise
            return self._named(e)
        self._known[e] = made
        return made

    def _built(self, e: Expr) -> Any:
        """An operation entry by entry on the entries of its arguments; None for any other."""
        name, args = e.function.name, e.args
        one_array = sum(not is_scalar(a.shape) for a in args) <= 1
        if name in ("add", "hadamard", "neg") or (name == "mul" and one_array):
            made = [self.scalar(a) for a in args]
            return -made[0] if name == "neg" else (sp.Add if name == "add" else sp.Mul)(*made)
        if name == "ediv" or (name == "div" and is_scalar(args[1].shape)):
            return self.scalar(args[0]) / self.scalar(args[1])
        if name in ("epow", "power") and (one_array and is_scalar(args[1].shape)):
            scalar = name == "epow" or is_scalar(args[0].shape)
            return self.scalar(args[0]) ** self.scalar(args[1]) if scalar else None
        if name == "sum" and is_scalar(e.shape) and not is_scalar(args[0].shape):
            return self._reduced(e)
        written = _FUNCTIONS.get(name)
        if written is None or self.x not in set(walk(e)):
            return None
        return written(self.scalar(args[0]))

    def _reduced(self, e: Expr) -> Any:
        """sum(u(x)*v + c) as u(x)*sum(v) + n*c, for numbers x and c."""
        inside = e.args[0]
        moves = self.x in set(walk(e))
        if (moves and self.x.shape) or not (moves or is_(inside, "add")):
            return None
        terms = sp.expand(self.scalar(inside)).as_ordered_terms()
        if len(terms) > MOST_TERMS:
            raise NotEntrywise
        made = sp.Integer(0)
        for term in terms:
            arrays = [s for s in term.free_symbols if not is_scalar(self.parts[s].shape)]
            outside, array = term.as_independent(*arrays) if arrays else (term, sp.Integer(1))
            made += outside * self._summed(array, e)
        return made

    def _summed(self, array: Any, like: Expr) -> Any:
        """The sum of an array without x, a symbol where it is no number."""
        if array == 1:
            return sp.Mul(*(self.scalar(size_expr(n)) for n in like.args[0].shape))
        whole = polished(apply("sum", self.written(array), params=like.params), set())
        if whole not in self._known:
            self._named(whole)
        return self._known[whole]

    def _named(self, e: Expr) -> Any:
        made = sp.Symbol(f"c{len(self._known)}", positive=True)
        self.parts[made], self._known[e] = e, made
        return made

    def written(self, scalar: Any, shape: Shape = ()) -> Expr:
        """A SymPy scalar as an expression of each entry, at least of the shape that is given.

        >>> entry = EntryEquation(variable("x", ("n",)))
        >>> text(entry.written(sp.exp(entry.symbol) / 2))
        'exp(x)/2'
        """
        made = self._written(scalar)
        if made.shape == shape or not is_scalar(made.shape):
            return made
        above, below = made.args if is_(made, "div") else (made, number(1))
        value = number_value(above)
        if value == 0:
            return zeros(shape)
        whole = ones(*shape) if value in (1, -1) else apply("mul", above, ones(*shape))
        whole = negated(whole) if value == -1 else whole
        return whole if number_value(below) == 1 else apply("div", whole, below)

    def spelled(self, scalar: Any, shape: Shape = ()) -> Expr:
        """The same in the form that derivatives have."""
        made = self.written(scalar, shape)
        return polished(prepare(made, *variables(made)), set())

    def _written(self, s: Any) -> Expr:
        if s.is_Symbol:
            return self.parts[s]
        if s.is_Rational:
            return number(Fraction(int(s.p), int(s.q)))
        if s is sp.E:
            return apply("exp", 1)
        if s.is_Add:
            terms = sorted(s.as_ordered_terms(), key=lambda t: t.could_extract_minus_sign())
            return total([self._written(t) for t in terms])
        if s.is_Mul or (s.is_Pow and s.exp.could_extract_minus_sign()):
            return self._quotient(*s.as_numer_denom())
        if s.is_Pow:
            base = self._written(s.base)
            if s.exp == sp.Rational(1, 2):
                return apply("sqrt", base)
            return apply("power" if is_scalar(base.shape) else "epow", base, self._written(s.exp))
        if type(s) in (sp.exp, sp.log):
            return apply(type(s).__name__, self._written(s.args[0]))
        raise NotEntrywise

    def _quotient(self, above: Any, below: Any) -> Expr:
        """A quotient with its sign in front, or in a difference below."""
        if above.could_extract_minus_sign():
            if below.is_Add:
                return self._quotient(-above, -below)
            return negated(self._quotient(-above, below))
        top = _product([self._written(a) for a in sp.Mul.make_args(above)])
        if below == 1:
            return top
        bottom = _product([self._written(a) for a in sp.Mul.make_args(below)])
        if is_(top, "sum") and bottom is _length(top.args[0].shape):
            return apply("mean", top.args[0], params=top.params)
        return apply("div" if is_scalar(bottom.shape) else "ediv", top, bottom)


def _length(shape: Shape) -> Expr | None:
    """The size of a vector as a number."""
    return size_expr(shape[0]) if len(shape) == 1 else None


def _product(factors: list[Expr]) -> Expr:
    arrays = [f for f in factors if not is_scalar(f.shape)]
    scalars = [f for f in factors if is_scalar(f.shape)]
    return apply("mul", *scalars, *([apply("hadamard", *arrays)] if arrays else ()))


_FUNCTIONS: dict[str, Any] = {
    "exp": lambda z: sp.exp(z),
    "log": lambda z: sp.log(z),
    "sqrt": lambda z: sp.sqrt(z),
    "sigmoid": lambda z: 1 / (1 + sp.exp(-z)),
    "tanh": lambda z: (sp.exp(2 * z) - 1) / (sp.exp(2 * z) + 1),
}


def roots(equation: Any, x: Any) -> list[Any]:
    """Where a SymPy scalar is zero: at most quadratic in x, or in exp, log or a root of it.

    Powers of x may stand before the quadratic, which are zero at 0.

    Nothing where it is of another form.

    >>> x, a = sp.symbols("x a", positive=True)
    >>> roots(a / x - 2, x), roots(a - sp.exp(x), x), roots(x + sp.exp(x), x)
    ([a/2], [log(a)], [])
    """
    above = sp.fraction(sp.together(sp.expand_log(equation, force=True)))[0]
    t = sp.Symbol("t", positive=True)
    for inner, back in (
        (x, lambda v: v),
        (sp.exp(x), sp.log),
        (sp.log(x), sp.exp),
        (sp.sqrt(x), lambda v: v**2),
    ):
        made = sp.expand(sp.expand(above).subs(inner, t)) if inner is not x else above.subs(x, t)
        if made.has(x) or not made.is_polynomial(t):
            continue
        found = _quadratic(sp.Poly(made, t))
        if found is None:
            return []
        zero = [sp.Integer(0)] if inner is x and not made.subs(t, 0) else []
        return zero + [sp.expand_power_base(sp.powsimp(back(v))) for v in found]
    return []


def _quadratic(p: Any) -> list[Any] | None:
    """The zeros that are not 0 of a polynomial that is a power of t times one of degree up to 2."""
    t = p.gen
    while p.degree() and not p.eval(0):
        p = sp.Poly(sp.cancel(p.as_expr() / t), t)
    found = p.all_coeffs()
    if len(found) == 2:
        return [sp.factor(-found[1] / found[0])]
    if len(found) != 3:
        return [] if len(found) == 1 else None
    a, b, c = found
    if b == 0:
        root = sp.sqrt(sp.factor(-c / a))
        return [root, -root]
    root = sp.sqrt(sp.factor(b**2 - 4 * a * c))
    return [(-b + root) / (2 * a), (-b - root) / (2 * a)]


def entry_roots(gradient: Expr, x: Expr) -> list[Expr]:
    """The values of x where a gradient that acts entry by entry is zero; none where it does not.

    >>> x, a = variable("x", ("n",)), variable("a", ("n",))
    >>> [text(v) for v in entry_roots(apply("exp", x) - a, x)]
    ['log(a)']
    """
    entry = EntryEquation(x)
    try:
        found = roots(entry.scalar(gradient), entry.symbol)
        return [entry.spelled(v, x.shape) for v in found]
    except NotEntrywise:
        return []


def inverse_root(gradient: Expr, x: Expr) -> Expr | None:
    """The matrix x at which a gradient in its inverse is zero; None for another form.

    >>> X, M = variable("X", ("n", "n")), variable("M", ("n", "n"))
    >>> inverse = apply("inv", X)
    >>> text(inverse_root(2 * inverse - inverse @ M @ inverse, X))
    'M/2'
    """
    sides = (apply("inv", x), turned(apply("inv", x)))
    entry = EntryEquation(x)
    alone = sp.Integer(0)
    between: list[tuple[Any, Expr]] = []
    free: list[tuple[Any, Expr]] = []
    seen: set[Expr] = set()
    for c, scalars, word in map(numbers_apart, addends(gradient)):
        numbers = [number(c), *(power(e, k) for e, k in scalars.items())]
        ends = [k for k, m in enumerate(word) if m in sides]
        rest = [m for k, m in enumerate(word) if k not in ends]
        if any(x in set(walk(m)) for m in (*numbers, *rest)):
            return None
        seen |= {word[k] for k in ends}
        scale = sp.Mul(*map(entry.scalar, numbers))
        if len(ends) == 1 and not rest:
            alone += scale
        elif not ends or (rest and ends == [0, len(word) - 1]):
            (between if ends else free).append((scale, apply("mul", *rest)))
        else:
            return None
    if alone == 0 or bool(free) == bool(between) or len(seen) > 1:
        return None
    terms = [(sp.cancel(-c / alone), m) for c, m in free or between]
    scale = terms[0][0]  # of all, written outside
    whole = total([m if c == scale else entry.written(c / scale) * m for c, m in terms])
    whole = turned(whole) if sides[1] in seen else whole
    above, below = sp.fraction(1 / scale if free else scale)
    found = inverse_of([whole], x)[0] if free else whole
    found = found if above == 1 else entry.written(above) * found
    return polished(found if below == 1 else found / entry.written(below), set())
