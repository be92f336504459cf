"""One reduced term as parts of matrix notation, and the einsum of what has no matrix form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isqrt

from matderiv.expr import Expr, apply, is_, number, size_expr
from matderiv.functions.reduce import reduced_size
from matderiv.reducing.elimination import plain_scalar, reduce_network
from matderiv.reducing.network import Network, as_matrix
from matderiv.tensors.tensor import Factor, Index, Indices, Term
from matderiv.words.chains import chain, factors_of, matrix_product, transposed, transposed_chain
from matderiv.words.folds import tidy
from matderiv.words.monomials import Mono, entrywise, multiply_into, power, scaled, terminates
from matderiv.words.signs import is_one, negated, signed, total
from matderiv.work import spend

LETTERS = "ijklmnpqrstuvwxyzabcdefghoIJKLMNPQRSTUVWXYZABCDEFGHO"


@dataclass
class Raised:
    """A term in matrix notation, still in parts.

    Scalars, one weight (a product of vectors) per axis, and `mats`, matrices over the two axes
    multiplied entry by entry. `delta` says that the two axes are equal; `tensor` is an einsum over
    all axes where no matrix form exists.
    """

    coefficient: Fraction
    scalars: Mono = field(default_factory=dict)
    weights: tuple[Mono, ...] = ()
    mats: Mono = field(default_factory=dict)
    delta: bool = False
    tensor: Expr | None = None

    def parts(self) -> tuple[Mono, ...]:
        """Every product of powers in it."""
        return (self.scalars, *self.weights, self.mats)

    def key(self) -> tuple[object, ...]:
        """Equal for terms that differ in the coefficient only."""
        return (*[frozenset(m.items()) for m in self.parts()], self.delta, self.tensor)

    def spelling(self) -> tuple[object, ...]:
        """Equal for terms that are spelled alike: the order of factors counts too."""
        parts = [tuple(m.items()) for m in self.parts()]
        c = self.coefficient
        return (c.numerator, c.denominator, *parts, self.delta, self.tensor)


def place_of_entries(axes: Indices) -> int:
    """Where `Raised.parts` has the factors over all axes: scalars, the only weight, or `mats`."""
    return len(axes) if len(axes) < 2 else len(axes) + 1


def raise_term(term: Term, axes: Indices) -> Raised:
    """The term in matrix notation; over more than two axes entry by entry, or as an einsum.

    >>> i, j, k = (Index(s) for s in (2, 3, 4))
    >>> T = variable("T", (2, 3, 4))
    >>> raise_term(Term(Fraction(2), (Factor(T, (i, j, k), 2),)), (i, j, k)).mats == {T: 2}
    True
    >>> raise_term(Term(Fraction(2), (Factor(T, (j, i, k)),)), (i, j, k)).tensor is None
    False
    """
    spend(30 * len(term.factors))
    net = Network(term, axes)
    reduce_network(net)
    mats = _entries(net) if len(axes) > 2 else {}
    if mats is None or (len(axes) < 3 and (net.summed() or net.others)):
        _contract(net, len(axes) > 2)
    if mats is None:
        (tensor,) = net.others
        return Raised(net.coefficient, tidy(plain_scalars(net.scalars)), tensor=tensor.expr)
    delta = bool(net.deltas)
    if len(axes) == 2:
        mats = tidy(net.between(*axes))
    weights = tuple(net.nodes.get(i, {}) for i in axes)
    if delta:
        weights, mats = on_the_diagonal(weights, mats)
    sign, (free, *signless, mats) = signs_out([net.scalars, *weights, mats])
    net.coefficient = net.coefficient if sign > 0 else -net.coefficient
    weights = tuple(signless)
    scalars = tidy(plain_scalars(free))
    if scalars:
        net.coefficient *= numbers_out(scalars)
    fold_means(weights, scalars)
    parts = [clear_fractions(tidy(m), scalars) for m in (*weights, mats)]
    clear_fractions(scalars, scalars)
    return Raised(net.coefficient, scalars, tuple(parts[:-1]), parts[-1], delta)


def _entries(net: Network) -> Mono | None:
    """The tensors of a term that is a product entry by entry; None if there are other factors."""
    if net.nodes or net.edges or net.deltas or any(f.indices != net.axes for f in net.others):
        return None
    mats: Mono = {}
    for f in net.others:
        multiply_into(mats, f.expr, f.exponent)
    return mats


def on_the_diagonal(weights: Sequence[Mono], mats: Mono) -> tuple[tuple[Mono, ...], Mono]:
    """Everything as a weight of the first axis, for a term with a delta of the two axes."""
    rows = dict(weights[0])
    for e, k in weights[1].items():
        multiply_into(rows, e, k)
    for e, k in mats.items():
        multiply_into(rows, apply("diag", e), k)
    return (rows, {}), {}


def signs_out(monos: Sequence[Mono]) -> tuple[int, list[Mono]]:
    """The sign of products of powers, and the products with positive bases."""
    sign, plain = 1, []
    for mono in monos:
        out: Mono = {}
        for e, k in mono.items():
            minus, core = signed(e)
            whole = k.denominator == 1
            if minus < 0 and whole and int(k) % 2:
                sign = -sign
            multiply_into(out, core if whole else e, k)
        plain.append(out)
    return sign, plain


def plain_scalars(mono: Mono) -> Mono:
    """Scalar factors in their plain spelling, so that equal ones meet."""
    out: Mono = {}
    for e, k in mono.items():
        multiply_into(out, plain_scalar(e), k)
    return out


def numbers_out(scalars: Mono) -> Fraction:
    """The rational part of powers of numbers, taken out: sqrt(8)*sqrt(3)/sqrt(2) leaves sqrt(3).

    >>> mono: Mono = {number(8): Fraction(1, 2), number(2): Fraction(-1, 2), variable("a"): 1}
    >>> numbers_out(mono), len(mono)
    (Fraction(2, 1), 1)
    """
    value = square = Fraction(1)
    if not any(is_(e, "number") for e in scalars):
        return value
    for e, k in list(scalars.items()):
        if is_(e, "number") and e.params[0] > 0 and k.denominator <= 2 and -8 <= k <= 8:
            del scalars[e]
            square *= e.params[0] ** int(2 * k)
    for side, sign in ((square.numerator, 1), (square.denominator, -1)):
        root, rest = _square_part(side)
        value *= Fraction(root) ** sign
        if rest != 1:
            multiply_into(scalars, number(rest), Fraction(sign, 2))
    return value


def _square_part(n: int) -> tuple[int, int]:
    """n as root² * rest, with the squares of small primes and whole squares taken out."""
    root, rest = 1, n
    for prime in (2, 3, 5, 7, 11, 13):
        while rest % prime**2 == 0:
            root, rest = root * prime, rest // prime**2
    whole = isqrt(rest)
    return (root * whole, 1) if whole * whole == rest else (root, rest)


def fold_means(weights: Sequence[Mono], scalars: Mono) -> None:
    """sum(x)/n over n entries is mean(x).

    >>> total, n = read("sum(x)").expr, size_expr(Dim(("n",)))
    >>> both, alone = {total: 1, n: -1}, {total: 1}
    >>> fold_means((), both), fold_means((), alone)
    (None, None)
    >>> [text(e) for e in both], [text(e) for e in alone]
    (['mean(x)'], ['sum(x)'])
    """
    for mono in (scalars, *weights):
        for e, k in list(mono.items()):
            inner = e.args[0] if is_(e, "transpose") else e
            if k != 1 or not is_(inner, "sum"):
                continue
            size = size_expr(reduced_size(inner.args[0].shape, inner.params[0]))
            if scalars.get(size, 0) < 0:
                del mono[e]
                multiply_into(scalars, size)
                mean = apply("mean", inner.args[0], params=inner.params)
                multiply_into(mono, transposed(mean) if is_(e, "transpose") else mean)


def clear_fractions(mono: Mono, scalars: Mono) -> Mono:
    """(1 + q/v)^-1 * v^-1 becomes (v + q)^-1: a scalar beside a sum clears its denominator.

    `scalars` gives up the factor; each clearing removes one, so it ends.

    >>> e, v = (read(t, shapes={"q": "", "v": ""}).expr for t in ("1 + q/v", "v"))
    >>> [text(b) for b in clear_fractions({e: -1}, {v: -1})]
    ['v + q']
    >>> [text(b) for b in clear_fractions({e: -1}, {})]
    ['1 + q/v']
    """
    for e, k in list(mono.items()):
        for u in (
            [t.args[1] for a in e.args if is_(t := signed(a)[1], "div")] if is_(e, "add") else []
        ):
            power = scalars.get(u, 0)
            if e not in mono or power * k <= 0 or power * power < k * k:
                continue
            whole = total([_times(u, a) for a in e.args])
            if whole.weight < e.weight + u.weight + 1:
                del mono[e]
                multiply_into(mono, whole, k)
                multiply_into(scalars, u, -k)
    return mono


def _times(u: Expr, a: Expr) -> Expr:
    """u times a term of a sum, u cancelled against its denominator."""
    sign, core = signed(a)
    if is_(core, "div") and core.args[1] is u:
        made = core.args[0]
    else:
        made = u if is_one(core) else scaled(Fraction(1), {u: 1}, [core])
    return made if sign > 0 else negated(made)


def _contract(net: Network, everything: bool) -> None:
    """Put what could not be reduced into one einsum, which becomes a factor of its own."""
    operands: list[tuple[Expr, Indices]] = []
    summed = set(net.summed())
    touched = summed | {i for f in net.others for i in f.indices}
    for i, mono in list(net.nodes.items()):
        if mono and (everything or i in summed):
            operands.append((entrywise(tidy(mono), (i.size,)), (i,)))
            net.nodes.pop(i)
    pairs = {frozenset(e[1:3]): (e[1], e[2]) for e in net.edges}
    for i, j in pairs.values():
        if everything or i in summed or j in summed:
            operands.append((as_matrix(net.take(i, j), i, j), (i, j)))
            touched |= {i, j}
    for d in list(net.deltas):
        if everything or d[0] in touched or d[1] in touched:
            net.deltas.remove(d)
            operands.append((apply("eye", params=(d[0].size,)), d))
    operands += [(power(f.expr, f.exponent), f.indices) for f in net.others]
    used = {i for _, indices in operands for i in indices}
    axes = tuple(i for i in net.axes if everything or i in used)
    operands += [(apply("ones", params=(i.size,)), (i,)) for i in axes if i not in used]
    net.others = []
    result = einsum(operands, axes)
    if everything:
        net.others = [Factor(result, axes)]
    elif len(axes) == 0:
        multiply_into(net.scalars, result)
    elif len(axes) == 1:
        net.weigh(axes[0], result)
    else:
        net.connect(result, axes[0], axes[1])


def einsum(operands: Sequence[tuple[Expr, Indices]], axes: Indices) -> Expr:
    """The einsum over named indices, letters in order of appearance, axes first."""
    names: dict[Index, str] = {}
    for i in [*axes, *(i for _, indices in operands for i in indices)]:
        names.setdefault(i, LETTERS[len(names)])
    left = ",".join("".join(names[i] for i in indices) for _, indices in operands)
    spec = f"{left}->{''.join(names[i] for i in axes)}"
    return apply("einsum", *(_plain(e, len(i)) for e, i in operands), params=(spec,))


def _plain(e: Expr, rank: int) -> Expr:
    """An n x 1 matrix standing for a vector loses its second axis."""
    if len(e.shape) == rank:
        return e
    return apply("vec", e)


# Spelling a raised term ---------------------------------------------------------------------


def word(t: Raised, axes: Indices, full: bool, diagonal: bool) -> list[Expr]:
    """The matrix factors of a term, to be multiplied in order; scalars apart.

    `full` asks for every axis: otherwise an axis on which the term does not depend may be left to
    broadcasting (a row for an n x d result, nothing at all for a constant). `diagonal` writes
    weights of rows and columns as diag(u)*M, not as u.*M.
    """
    if t.tensor is not None:
        return [t.tensor]
    if len(axes) == 0:
        return []
    if len(axes) == 1:
        if not t.weights[0] and not full:
            return []
        return factors_of(entrywise(t.weights[0], (axes[0].size,)))
    if len(axes) > 2:
        return [entrywise(t.mats, tuple(i.size for i in axes))] if t.mats or full else []
    return _matrix_word(t, axes, full, diagonal)


def _matrix_word(t: Raised, axes: Indices, full: bool, diagonal: bool) -> list[Expr]:
    i, j = axes
    rows, columns = t.weights
    left = entrywise(rows, (i.size,)) if rows else None
    right = entrywise(columns, (j.size,)) if columns else None
    if t.delta:
        return [apply("diag", left) if left is not None else apply("eye", params=(i.size,))]
    if not t.mats:
        return _outer(left, right, axes, full)
    if diagonal:
        middle = factors_of(entrywise(t.mats, (i.size, j.size)))
        before = [apply("diag", left)] if left is not None else []
        after = [apply("diag", right)] if right is not None else []
        return chain([*before, *middle, *after])
    return _broadcast_word(t.mats, rows, columns, (i, j))


def _broadcast_word(mats: Mono, rows: Mono, columns: Mono, axes: Indices) -> list[Expr]:
    """`u.*M./s` with columns and rows broadcast over the matrix."""
    if not rows and not columns:
        return factors_of(entrywise(mats, (axes[0].size, axes[1].size)))
    if rows and columns and not any(k < 0 for k in (*rows.values(), *columns.values())):
        u = entrywise(rows, (axes[0].size,))
        v = entrywise(columns, (axes[1].size,))
        outer = matrix_product([*factors_of(u), *_row(v)])
        both = dict(mats)
        multiply_into(both, outer)
        return [entrywise(both, (axes[0].size, axes[1].size))]
    mono: Mono = {e: k for e, k in rows.items() if k > 0}
    below = {e: k for e, k in rows.items() if k < 0}
    for e, k in (*mats.items(), *below.items()):
        multiply_into(mono, e, k)
    for e, k in columns.items():
        multiply_into(mono, transposed(e), k)
    return [entrywise(mono, (axes[0].size, axes[1].size))]


def _outer(left: Expr | None, right: Expr | None, axes: Indices, full: bool) -> list[Expr]:
    i, j = axes
    if left is not None and right is not None:
        return [*factors_of(left), *_row(right)]
    if not full:
        if left is not None:
            return factors_of(left)
        return _row(right) if right is not None else []
    if left is not None:
        return [*factors_of(left), transposed(apply("ones", params=(j.size,)))]
    if right is not None:
        return [apply("ones", params=(i.size,)), *_row(right)]
    return [apply("ones", params=(i.size, j.size))]


def _row(e: Expr) -> list[Expr]:
    return transposed_chain(factors_of(e))


def spell(t: Raised, axes: Indices, full: bool = True, diagonal: bool = True) -> Expr:
    """One term as an expression; see `word`."""
    if len(axes) == 1 and t.tensor is None and t.weights[0] and max(t.weights[0].values()) < 0:
        above = {e: k for e, k in t.scalars.items() if k > 0}
        below = {e: k for e, k in t.scalars.items() if k < 0}
        bottom = entrywise({e: -k for e, k in t.weights[0].items()}, (axes[0].size,))
        top, rest = abs(t.coefficient), Fraction(1)
        if not terminates(top):  # 1./x/3, and not 1/3./x
            top, rest = Fraction(top.numerator), rest / top.denominator
        first = scaled(top, above, []) if above else number(top)
        first = first if t.coefficient > 0 else negated(first)
        return scaled(rest, below, [apply("ediv", first, bottom)])
    return scaled(t.coefficient, t.scalars, word(t, axes, full, diagonal))
