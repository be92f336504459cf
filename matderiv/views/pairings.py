"""Numbers linear in a change, written with the change last: G'*dx, tr(M*dX), sum(M.*dX)."""

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import prod

from matderiv.expr import Expr, apply, fold, is_, number, number_value, rebuild, variables, walk
from matderiv.shapes import is_scalar
from matderiv.words.chains import factors_of, matrix_product, transposed, transposed_chain
from matderiv.words.monomials import Mono, multiply_into, scaled
from matderiv.words.signs import negated, signed, total


def change_last(e: Expr, changes: Collection[Expr]) -> Expr:
    """A scalar term with its change last where transposing or rotating brings it there.

    >>> u, dx = variable("u", (3,)), variable("dx", (3,))
    >>> text(change_last(dx.T @ u, {dx}))
    "u'*dx"
    """
    sign, core = signed(e)
    return with_sign(sign, _turned(core, changes))


def with_sign(sign: int, e: Expr) -> Expr:
    """-(u'*v) as -u'*v."""
    if sign > 0:
        return e
    if is_(e, "mul") and not is_(e.args[0], "number"):
        return apply("mul", -e.args[0], *e.args[1:])
    return negated(e)


def _turned(e: Expr, changes: Collection[Expr]) -> Expr:
    if e.shape:
        return e
    if is_(e, "div"):
        above = _turned(e.args[0], changes)
        return e if above is e.args[0] else apply("div", above, e.args[1])
    if is_(e, "mul"):
        return _product(e, changes)
    if is_(e, "tr"):
        return apply("tr", _rotated(e.args[0], changes))
    if is_(e, "sum") and e.params == (None,):
        return _summed(e, changes)
    return e


def _product(e: Expr, changes: Collection[Expr]) -> Expr:
    scalars = [a for a in e.args if is_scalar(a.shape)]
    rest = [a for a in e.args if not is_scalar(a.shape)]
    if not rest:
        moving = [k for k, a in enumerate(scalars) if holds(a, changes)]
        if len(moving) != 1:
            return e
        inner = change_last(scalars.pop(moving[0]), changes)
        parts = list(inner.args) if is_(inner, "mul") else [inner]
        return apply("mul", *scalars, *parts) if scalars else inner
    first = rest[0]
    if not (is_(first, "transpose") and holds(first, changes)):
        return e
    if any(holds(a, changes) for a in rest[1:]):
        return e
    return apply("mul", *scalars, *transposed_chain(rest))


def _rotated(product: Expr, changes: Collection[Expr]) -> Expr:
    """The factors under a trace with the change last."""
    if not is_(product, "mul"):
        return product
    scalars = [a for a in product.args if is_scalar(a.shape)]
    factors = [a for a in product.args if not is_scalar(a.shape)]
    places = [k for k, a in enumerate(factors) if holds(a, changes)]
    if len(places) != 1:
        return product
    if is_(factors[places[0]], "transpose"):
        factors = transposed_chain(factors)
        places = [k for k, a in enumerate(factors) if holds(a, changes)]
    cut = places[0] + 1
    return apply("mul", *scalars, *factors[cut:], *factors[:cut])


def _summed(e: Expr, changes: Collection[Expr]) -> Expr:
    """sum(u.*dx.*v) = (u.*v)'*dx; for matrices sum(U.*V.*dX)."""
    (inner,) = e.args
    if not is_(inner, "hadamard"):
        return e
    sign, inner = signed(inner)
    moving = [a for a in inner.args if holds(a, changes)]
    still = [a for a in inner.args if a not in moving]
    if len(moving) != 1 or not still or moving[0].shape != inner.shape:
        return e
    if len(inner.shape) != 1:
        return with_sign(sign, apply("sum", apply("hadamard", *still, moving[0]), params=(None,)))
    weight = apply("hadamard", *still)
    if weight.shape != moving[0].shape:
        return e
    return with_sign(sign, apply("mul", transposed(weight), moving[0]))


def holds(e: Expr, changes: Collection[Expr]) -> bool:
    """True if one of the changes is in the expression."""
    return any(v in changes for v in variables(e))


def paired(g: Expr, change: Expr, *, traced: bool = False) -> Expr | None:
    """<G, dX> as G'*dx, G*dt, sum(G.*dX) or tr(G'*dX), numbers in front; None for other shapes.

    >>> A, x, dx = variable("A", (2, 3)), variable("x", (3,)), variable("dx", (2,))
    >>> text(paired(number(2) * (A @ x), dx))
    "2*x'*A'*dx"
    """
    if not change.shape:
        if g.shape:
            return None
        factors = g.args if is_(g, "mul") else (g,)
        return change if number_value(g) == 1 else apply("mul", *factors, change)
    if len(change.shape) == 2 and change.shape[0] == 1 and g.shape == change.shape[1:]:
        change = change.T
    if g.shape != change.shape:
        return None
    sign, scalars, core, below = _scalars_apart(g)
    if len(core.shape) == 1:
        turned = [core.T] if is_(core, "hadamard") else transposed_chain(factors_of(core))
        made = matrix_product([*turned, change])
    elif traced:
        made = apply("tr", apply("mul", *transposed_chain(factors_of(core)), change))
    else:
        made = apply("sum", apply("hadamard", core, change), params=(None,))
    if scalars:
        made = apply("mul", *scalars, *(made.args if is_(made, "mul") else (made,)))
    return with_sign(sign, made if below is None else apply("div", made, below))


def _scalars_apart(g: Expr) -> tuple[int, list[Expr], Expr, Expr | None]:
    """g as sign, scalars, array and divisor."""
    sign, core = signed(g)
    below = None
    if is_(core, "div"):
        core, below = core.args
    if is_(core, "hadamard") and any(_numbered(a) for a in core.args):
        numbers = [a.args[0] for a in core.args if _numbered(a)]
        rest = [apply("mul", *a.args[1:]) if _numbered(a) else a for a in core.args]
        return sign, numbers, apply("hadamard", *rest), below
    if not is_(core, "mul") or all(a.shape for a in core.args):
        return sign, [], core, below
    scalars = [a for a in core.args if is_scalar(a.shape)]
    arrays = [a for a in core.args if not is_scalar(a.shape)]
    made = apply("mul", *arrays)
    return (sign, scalars, made, below) if made.shape == g.shape else (sign, [], core, below)


def _numbered(e: Expr) -> bool:
    return is_(e, "mul") and is_(e.args[0], "number") and len(e.args) > 1


def standard(e: Expr, change: Expr) -> bool:
    """True for one term that ends in the change: M*dx, tr(M*dX) or sum(M.*dX)."""
    _, core = signed(e)
    if is_(core, "div"):
        core = core.args[0]
    if is_(core, "mul") and is_scalar(core.args[-1].shape) and is_(core.args[-1], "tr", "sum"):
        core = core.args[-1]
    if is_(core, "tr", "sum"):
        core = core.args[0]
        if is_(core, "hadamard"):
            return core.args[-1] is change and not any(holds(a, {change}) for a in core.args[:-1])
    if core is change:
        return True
    return (
        is_(core, "mul")
        and core.args[-1] is change
        and not any(holds(a, {change}) for a in core.args[:-1])
    )


def multiplied(e: Expr, change: Expr) -> bool:
    """True if the change is a factor of a matrix product, perhaps under a trace: a'*dX*b."""
    _, core = signed(e)
    while True:
        if core is change or _is_turned(core, change):
            return True
        if is_(core, "tr", "div"):
            core = core.args[0]
            continue
        inner = [a for a in core.args if holds(a, {change})] if is_(core, "mul") else []
        if len(inner) != 1:
            return False
        core = inner[0]


def traced(e: Expr, change: Expr) -> Expr | None:
    """a'*dX*b = tr(b*a'*dX): a number is its own trace. None where dX is not in the middle."""
    sign, core = signed(e)
    if not is_(core, "mul") or core.shape or is_scalar(change.shape):
        return None
    scalars = [a for a in core.args if is_scalar(a.shape)]
    rest = [a for a in core.args if not is_scalar(a.shape)]
    if len(rest) < 2 or sum(a is change or _is_turned(a, change) for a in rest) != 1:
        return None
    trace = apply("tr", _rotated(apply("mul", *rest), {change}))
    return with_sign(sign, apply("mul", *scalars, trace) if scalars else trace)


def _is_turned(e: Expr, change: Expr) -> bool:
    return is_(e, "transpose") and e.args[0] is change


def plain(e: Expr, changes: Collection[Expr]) -> Expr:
    """A line as a person writes it: signs in front, sum(u.*v) as u'*v, the change last.

    Brackets that a product of matrices does not need are left out.

    >>> u, X, dw = variable("u", (3,)), variable("X", (3, 2)), variable("dw", (2,))
    >>> text(plain(u.T @ (-(X @ dw)), {dw}))
    "-u'*X*dw"
    >>> text(plain(apply("sum", (X @ dw) * u, params=(None,)), {dw}))
    "u'*X*dw"
    """

    def visit(node: Expr, args: tuple[Expr, ...]) -> Expr:
        made = rebuild(node, args)
        if is_(made, "add"):
            return _counted_once(made)
        if is_(made, "div"):
            return _one_bar(made)
        if is_(made, "hadamard"):
            return _moved_last(made, changes)
        if is_(made, "sum") and made.params == (None,):
            made = _summed(made, changes)
        if is_(made, "tr", "sum"):
            sign, core = signed(made.args[0])
            turned = apply(made.function.name, core, params=made.params)
            return made if sign > 0 else negated(turned)
        return _spliced(made) if is_(made, "mul") else made

    return sign_inside(fold(e, visit))


def _spliced(product: Expr) -> Expr:
    """Factors side by side, the sign in front, what numbers are divided by below one bar."""
    sign, factors, below = 1, list[Expr](), list[Expr]()
    for a in product.args:
        own, core = signed(a)
        sign *= own
        if is_(core, "div") and not core.shape:
            core, under = core.args
            below.append(under)
        factors.append(core)
    flat: list[Expr] = []
    for k, core in enumerate(factors):
        before = all(is_scalar(f.shape) for f in factors[:k])
        numbers = is_(core, "mul") and all(is_scalar(a.shape) for a in core.args)
        chain = is_scalar(core.shape) and before and k == len(factors) - 1
        joins = is_(core, "mul") and (not is_scalar(core.shape) or numbers or chain)
        flat += core.args if joins else (core,)
    counts = [c for f in flat if (c := number_value(f)) is not None]
    flat = [number(prod(counts))] * (prod(counts) != 1) + [
        f for f in flat if number_value(f) is None
    ] or flat[:1]
    made = apply("mul", *flat)
    if made.shape != product.shape:
        return product
    return with_sign(sign, _one_bar(apply("div", made, multiplied_out(below))) if below else made)


def _one_bar(fraction: Expr) -> Expr:
    """a/b/c as a/(b*c)."""
    above, below = fraction.args
    sign, core = signed(above)
    if not is_(core, "div"):
        return fraction
    return with_sign(sign, apply("div", core.args[0], multiplied_out([core.args[1], below])))


def multiplied_out(numbers: list[Expr]) -> Expr:
    """The product of scalars: one number in front, equal ones as a power."""
    powers: Mono = {}
    flat = [f for e in numbers for f in (e.args if is_(e, "mul") and not e.shape else (e,))]
    counts = [c for f in flat if (c := number_value(f)) is not None]
    for e in flat:
        k = number_value(e.args[1]) if is_(e, "power") else None
        base, k = (e.args[0], k) if k is not None else (e, Fraction(number_value(e) is None))
        multiply_into(powers, base, k)
    return scaled(prod(counts, start=Fraction(1)), powers, [])


def met_twice(e: Expr, change: Expr) -> bool:
    """True where a change stands in one term of a sum more than once."""
    met: dict[Expr, int] = {}
    for node in walk(e):
        counts = [met[a] for a in node.args]
        met[node] = 1 if node is change else sum(counts)
    return any(met[a] > 1 for a in (e.args if is_(e, "add") else (e,)))


def _counted_once(sum_: Expr) -> Expr:
    """Brackets around sums left out, equal terms counted."""
    terms: list[Expr] = []
    for a in sum_.args:
        sign, core = signed(a)
        inner = core.args if is_(core, "add") and core.shape == sum_.shape else (core,)
        terms += inner if sign > 0 else [-e for e in inner]
    made = collected(terms) if len(set(terms)) < len(terms) else in_order(terms)
    return made if made.shape == sum_.shape else sum_


def in_order(terms: Sequence[Expr]) -> Expr:
    """The sum as it is written: the sign of the first term inside it, the others before theirs."""
    parts = [signed(e) for e in terms]
    first, *rest = (
        with_sign(*part) if k == 0 else part[1] if part[0] > 0 else -part[1]
        for k, part in enumerate(parts)
    )
    return apply("add", first, *rest) if rest else first


def _moved_last(product: Expr, changes: Collection[Expr]) -> Expr:
    """u.*dx.*v as u.*v.*dx, its sign in front and without ones."""
    parts = [signed(a) for a in product.args]
    sign = 1
    for own, _ in parts:
        sign *= own
    cores: list[Expr] = []
    for _, core in parts:
        cores += core.args if is_(core, "hadamard") and core.shape == product.shape else (core,)
    moving = [a for a in cores if holds(a, changes)]
    if len(moving) == 1:
        cores = [*(a for a in cores if a is not moving[0]), moving[0]]
    below = next((a for a in cores if is_(a, "ediv") and number_value(a.args[0]) == 1), None)
    rest = [a for a in cores if a is not below]
    if below is not None and len(rest) > 1 and rest[0].shape == product.shape:
        cores = [apply("ediv", rest[0], below.args[1]), *rest[1:]]
    cores = [a for a in cores if not is_(a, "ones")] or cores[:1]
    made = apply("hadamard", *cores) if len(cores) > 1 else cores[0]
    if made.shape != product.shape:
        return product
    return negated(made) if sign < 0 else made


def in_place(e: Expr, before: Expr) -> Expr:
    """The sum with the terms of the line before where they stood, new ones in the gaps.

    >>> a, b, c = variable("a"), variable("b"), variable("c")
    >>> text(in_place(c + a, a + b)), text(in_place(c + a, b + a))
    ('a + c', 'c + a')
    """
    if not (is_(e, "add") and is_(before, "add")):
        return e
    old = [signed(a) for a in before.args]
    new = [t for t in map(signed, e.args) if t not in old]
    staying = set(map(signed, e.args))
    out = []
    for t in old:
        if t in staying:
            out.append(t)
        elif new:
            out.append(new.pop(0))
    made = in_order([with_sign(*t) for t in (*out, *new)])
    return made if len(made.args) == len(e.args) and made.shape == e.shape else e


def collected(terms: list[Expr]) -> Expr:
    """The sum with equal terms counted."""
    counts: dict[Expr, Fraction] = {}
    for e in terms:
        sign, core = signed(e)
        counts[core] = counts.get(core, Fraction(0)) + sign
    return sign_inside(total([_counted(k, e) for e, k in counts.items()]))


def _counted(k: Fraction, e: Expr) -> Expr:
    if abs(k) == 1:
        return e if k > 0 else -e
    return scaled(k, {}, [e]) if e.shape else scaled(k, {e: 1}, [])


def sign_inside(e: Expr) -> Expr:
    """-(u'*v) as -u'*v."""
    return with_sign(-1, e.args[0]) if is_(e, "neg") else e
