"""Known names read out of long spellings before differentiating: log(1 + exp(z)) is softplus(z).

Each pattern is an identity for all values; it saves terms that would only cancel later.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

from matderiv.calculus.spectral import det_power, without_spectra
from matderiv.expr import (
    Expr,
    apply,
    contains,
    dependents,
    fold,
    is_,
    rebuild,
    substitute,
    walk,
    without_facts,
)
from matderiv.functions.algebra import product_shape
from matderiv.shapes import Shape, is_scalar, same
from matderiv.words.chains import MAX_CHAIN, facts
from matderiv.words.folds import respelled_by, spellings
from matderiv.words.signs import is_one, negated, signed

Pattern = Callable[[Expr], Expr | None]


def prepare(f: Expr, *wrt: Expr) -> Expr:
    """f with shorthands that contain a variable of `wrt` written out and known spellings folded.

    What is declared of these variables is not used: the result is to be differentiated by them.
    """
    f = without_spectra(f)
    free = {x: without_facts(x) for x in wrt}
    if any(x is not v for x, v in free.items()):
        without = prepare(substitute(f, free), *free.values())
        return substitute(without, {v: x for x, v in free.items()})
    alive = set(dependents(f, *wrt))

    def prepared(node: Expr, args: tuple[Expr, ...]) -> Expr:
        new = rebuild(node, args)
        if new is not node and is_(new, "neg") and is_(new.args[0], "neg"):
            return new.args[0].args[0]  # of -cross_entropy, which is -sum(...)
        if node not in alive:
            return new
        new = folded(_written_out(_balanced(_gathered(new))))
        return rank_one(new, wrt) if is_(new, "det", "logdet") else new

    return fold(f, prepared)


def _gathered(node: Expr) -> Expr:
    """A long product with powers of its equal numbers, or of equal factors entry by entry.

    So a*a*...*a has one differential, not one as long as itself for each factor.

    >>> text(_gathered(read("*".join("a" * 40) + "*b").expr)), text(_gathered(read("a*a").expr))
    ('a^40*b', 'a*a')
    >>> text(_gathered(read("x'*y*" * 40 + "x").expr))
    "(x'*y)^40*x"
    """
    if not is_(node, "mul", "hadamard") or len(node.args) <= MAX_CHAIN:
        return node
    entrywise = is_(node, "hadamard")
    factors = node.args if entrywise else _numbers_closed(node.args)
    alike = {a: k for a, k in Counter(factors).items() if k > 1 and (entrywise or not a.shape)}
    args: list[Expr] = []
    for a in factors:
        if a in alike:
            k = alike[a]
            args += [apply("epow" if a.shape else "power", a, k)] if k else []
            alike[a] = 0
        else:
            args.append(a)
    return apply(node.function.name, *args)


def _numbers_closed(factors: Sequence[Expr]) -> list[Expr]:
    """The factors of a product of matrices, x'*y*x'*y*x as the numbers x'*y, x'*y and then x."""
    out, run, shape = list[Expr](), list[Expr](), Shape()
    for a in factors:
        if is_scalar(a.shape):
            out.append(a)
            continue
        shape = product_shape(shape, a.shape, same) if run else a.shape
        run.append(a)
        if is_scalar(shape):
            out.append(apply("mul", *run))
            run = []
    return [*out, *run]


def _balanced(node: Expr) -> Expr:
    """A long run of factors in a product in two halves, again and again: (A*B)*(C*D).

    Each factor then meets its neighbours in products of bounded length.

    >>> A, scalars = variable("A", (2, 2)), [variable(f"a{k}") for k in range(16)]
    >>> len(_balanced(apply("mul", *scalars)).args), _balanced(A @ A) is A @ A
    (2, True)
    """
    if not is_(node, "mul", "hadamard") or len(node.args) <= MAX_CHAIN:
        return node
    if is_(node, "hadamard"):
        return _halved(list(node.args), "hadamard")
    args: list[Expr] = []
    for kind, group in groupby(node.args, _kind_of_factor):
        run = list(group)
        args += run if kind == "vector" else [_halved(run, "mul")]
    return apply("mul", *args)


def _kind_of_factor(e: Expr) -> str:
    if not e.shape:
        return "scalar"
    return "matrix" if len(e.shape) == 2 and 1 not in e.shape else "vector"


def _halved(level: list[Expr], name: str) -> Expr:
    while len(level) > 1:
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        level = [apply(name, *pair) for pair in pairs]
    return level[0]


def _written_out(node: Expr) -> Expr:
    """A shorthand in simpler functions, down to the last one; what it is made of is prepared."""
    while node.function.kind == "shorthand":
        expanded = node.function.expand(*node.args, *node.params)  # type: ignore[misc]
        inside: dict[Expr, Expr] = {a: a for a in node.args}
        for part in walk(expanded):
            if part not in inside:
                new = rebuild(part, tuple(inside[a] for a in part.args))
                if part is not expanded and new.function.kind == "shorthand":
                    new = _written_out(new)
                inside[part] = new if part is expanded else folded(new)
        node = inside[expanded]
    return node


def folded(node: Expr) -> Expr:
    """The node under its known name, if one of the spellings or patterns fits.

    >>> typed = ("log(1 + exp(z))", "1./(1 + exp(-z))", "exp(z)./sum(exp(z))", "sqrt(z'*z)")
    >>> [text(folded(read(t).expr)) for t in typed]
    ['softplus(z)', 'sigmoid(z)', 'softmax(z)', 'norm2(z)']
    >>> shapes = {"A": "m,n", "X": "p,q", "B": "q,n"}
    >>> text(folded(read("kron(A,X)*vec(B)", shapes=shapes).expr))
    "vec(X*B*A')"
    >>> unlike = ("log(2 + exp(z))", "2./(1 + exp(-z))", "exp(z)./sum(z)", "max(1, z)")
    >>> all(folded(f := read(t).expr) is f for t in unlike)
    True
    """
    if node.function.kind == "elementwise" and len(node.args) == 1 and is_(node.args[0], "neg"):
        (x,) = node.args[0].args
        if is_(x, "mul", "hadamard", "div", "ediv"):  # -(y.*z) as (-y).*z, however it was typed
            node = rebuild(node, (negated(x),))
    name = node.function.name
    if (found := respelled_by(node, _SPELLINGS)) is not None:
        return folded(found)
    for pattern in _PATTERNS.get(name, ()):
        if (found := pattern(node)) is not None:
            return found
    if node.function.kind == "elementwise" and len(node.args) == 1 and is_(node.args[0], "vec"):
        inner = rebuild(node, node.args[0].args)
        return apply("vec", inner)
    return node


def _unshifted(node: Expr) -> Expr | None:
    """softmax(z - max(z)) = softmax(z): a shift along the axis does not matter.

    >>> text(_unshifted(read("softmax(z - max(z))").expr))
    'softmax(z)'
    >>> _unshifted(read("softmax(z - y)").expr) is None
    True
    """
    (x,) = node.args
    if not is_(x, "add") or len(x.args) != 2 or not is_(x.args[1], "neg"):
        return None
    z, shift = x.args[0], x.args[1].args[0]
    reduced = is_(shift, "max", "min", "mean", "sum") and shift.params == node.params
    return apply("softmax", z, params=node.params) if is_scalar(shift.shape) or reduced else None


def _abs(node: Expr) -> Expr | None:
    """max(z, -z) = abs(z), min(z, -z) = -abs(z).

    >>> [text(_abs(read(t).expr)) for t in ("max(z,-z)", "min(-2*z,2*z)")]
    ['abs(z)', '-abs(2*z)']
    >>> _abs(read("max(z,y)").expr) is None
    True
    """
    a, b = node.args
    if a.shape != b.shape or negated(a) is not b:
        return None
    size = apply("abs", signed(a)[1])
    return size if is_(node, "maximum") else negated(size)


def _summed(node: Expr) -> Expr | None:
    """1'*x = sum(x) of a vector x.

    >>> found = _summed(read("vector(1)'*exp(x)").expr)
    >>> text(found), _summed(read("y'*x").expr), _summed(read("ones(k,m)'*x").expr)
    ('sum(exp(x))', None, None)
    """
    *numbers, row, x = node.args
    one = is_(row, "transpose") and len(row.args[0].shape) == 1 and is_one(row.args[0])
    if not one or len(x.shape) != 1 or not all(is_scalar(k.shape) for k in numbers):
        return None
    total = apply("sum", x, params=(None,))
    return apply("mul", *numbers, total) if numbers else total


def _log_density(node: Expr) -> Expr | None:
    """The logarithm of a normal density, written out."""
    (x,) = node.args
    return _written_out(apply("mvnlogpdf", *x.args)) if is_(x, "mvnpdf") else None


def _log_of_exp(node: Expr) -> Expr | None:
    """log(exp(u)/v) = u - log(v).

    >>> text(_log_of_exp(read("log(exp(a'*x)/sum(exp(A*x)))").expr))
    "a'*x - logsumexp(A*x)"
    """
    (x,) = node.args
    if not is_(x, "div", "ediv") or not is_(x.args[0], "exp") or x.args[0].shape != x.shape:
        return None
    return x.args[0].args[0] - folded(apply("log", x.args[1]))


def _log_picked(node: Expr) -> Expr | None:
    """The logarithms of the entries of a softmax that labels pick, picked from log_softmax.

    >>> text(_log_picked(read("log(sum(onehot(y,n).*softmax(Z,2),2))").expr))
    'sum(onehot(y,n).*log_softmax(Z, axis=2),2)'
    """
    (x,) = node.args
    both = x.args[0].args if is_(x, "sum") and is_(x.args[0], "hadamard") else ()
    labels, others = ([a for a in both if is_(a, "onehot") is one] for one in (True, False))
    if len(labels) != 1 or len(others) != 1 or not is_(others[0], "softmax"):
        return None
    (p,), rank = others, len(labels[0].shape)
    if p.shape != labels[0].shape or x.params[0] not in (rank, None if rank == 1 else rank):
        return None
    logs = apply("log_softmax", *p.args, params=p.params)
    return apply("sum", apply("hadamard", labels[0], logs), params=x.params)


_SPELLINGS = spellings(
    (("log", ("add", 1, ("exp", "z"))), ("softplus", "z")),
    (("log1p", ("exp", "z")), ("softplus", "z")),
    (("log", ("sum", ("exp", "z"))), ("logsumexp", "z")),
    (("log", ("softmax", "z")), ("log_softmax", "z")),
    (("div ediv", 1, ("add", 1, ("exp", "z"))), ("sigmoid", ("neg", "z"))),
    (("div ediv", ("exp", "z"), ("add", 1, ("exp", "z"))), ("sigmoid", "z")),
    (("power epow", ("add", 1, ("exp", "z")), -1), ("sigmoid", ("neg", "z"))),
    (("div ediv", ("exp", "z"), ("sum", ("exp", "z"))), ("softmax", "z")),
    (("sqrt", ("sum", ("epow", "x", 2))), ("norm2", "x")),
    (("sqrt", ("mul", ("transpose", "x"), "x")), ("norm2", "x")),
    (("mul", ("kron", "A", "X"), ("vec", "B")), ("vec", ("mul", "X", "B", ("transpose", "A")))),
    (("maximum minimum", "z", "z"), "z"),
    (("maximum", 0, "z"), ("relu", "z")),
    (("sum", ("vec", "X")), ("sum", "X")),
    (("det", ("transpose", "X")), ("det", "X")),
    (("logdet", ("transpose", "X")), ("logdet", "X")),
)
"""Long spellings, and what they are under a known name."""

_PATTERNS: dict[str, tuple[Pattern, ...]] = {
    "softmax": (_unshifted,),
    "log": (_log_density, _log_picked, _log_of_exp),
    **dict.fromkeys(("maximum", "minimum"), (_abs,)),
    "mul": (_summed,),
    "det": (det_power,),
}


_REGULAR = {"posdef", "orthogonal"}


def rank_one(node: Expr, wrt: Collection[Expr]) -> Expr:
    """det(A + x*y') = det(A)*(1 + y'*inv(A)*x), for an identity or another variable A.

    Source: the matrix determinant lemma, Petersen & Pedersen 2012, eq. (24).

    >>> e, f = read("det(eye(n) - x*y')").expr, read("det(A + x*y')").expr
    >>> A = f.args[0].args[0]
    >>> text(rank_one(e, ())), text(rank_one(f, ())), rank_one(f, {A}) is f
    ("1 - y'*x", "det(A)*(1 + y'*inv(A)*x)", True)
    """
    (m,) = node.args
    if not is_(m, "add") or len(m.args) != 2:
        return node
    for plain, (sign, outer) in ((m.args[0], signed(m.args[1])), (m.args[1], signed(m.args[0]))):
        rows = [k for k, a in enumerate(outer.args) if len(a.shape) == 2 and a.shape[0] == 1]
        known = is_(plain, "eye") or (is_(plain, "variable") and plain not in wrt)
        if known and is_(outer, "mul") and rows and outer.shape == plain.shape:
            k = rows[0]
            column, row = (
                apply("mul", *part) if part else None for part in (outer.args[:k], outer.args[k:])
            )
            if column is None or row is None or len(column.shape) != 1:
                return node
            middle = () if is_(plain, "eye") else (apply("inv", plain),)
            inner = apply("mul", row, *middle, column)
            ratio = 1 + inner if sign > 0 else 1 - inner
            if is_(node, "logdet"):
                whole = apply("log", ratio)
                return whole if is_(plain, "eye") else apply("logdet", plain) + whole
            return ratio if is_(plain, "eye") else apply("det", plain) * ratio
    return node


def taken_as_invertible(f: Expr, wrt: Expr) -> list[Expr]:
    """The variables A whose inverse the lemma brought in, although f itself has none of A.

    det(A + x*y') has a derivative by x where A is singular, too, and det(A)*inv(A)'*y says nothing
    there. Declared facts settle it for positive definite and orthogonal matrices.

    >>> f = read("det(A + x*y')").expr
    >>> A, x, y = (n for n in walk(f) if is_(n, "variable"))
    >>> taken_as_invertible(f, x) == [A], taken_as_invertible(f, A)
    (True, [])
    """
    nodes, found = walk(f) if contains(f, "det", "logdet") else (), dict[Expr, None]()
    inverted = {n.args[0] for n in nodes if is_(n, "inv", "logdet")}
    for node in nodes:
        if is_(node, "det", "logdet") and wrt in set(walk(node)):
            new = rank_one(node, {wrt})
            for n in walk(new) if new is not node else ():
                regular = is_(n, "inv") and facts(n.args[0]) & _REGULAR
                if is_(n, "inv") and n.args[0] not in inverted and not regular:
                    found[n.args[0]] = None
    return [a for a in found if is_(a, "variable")]
