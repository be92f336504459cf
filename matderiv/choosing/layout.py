"""The only file that knows layouts and vec order: numerator, denominator, ⊗ and commutation.

vec stacks columns, so the row of ∂vec(F)/∂vec(X)' for F_ij is (j, i), the slow index first, and
its column for X_kl is (l, k). A term whose factors tie i to k and j to l is a Kronecker product.
Source: Magnus & Neudecker, Matrix Differential Calculus, ch. 3 and 9.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from matderiv.choosing.factoring import factored
from matderiv.choosing.items import Item, item_of
from matderiv.choosing.sums import new_search, raise_tensor
from matderiv.expr import Expr, apply, contains, is_
from matderiv.reducing.elimination import reduce_network
from matderiv.reducing.network import Network
from matderiv.reducing.raising import raise_term, spell
from matderiv.shapes import times
from matderiv.tensors.tensor import Factor, Index, Indices, Tensor, Term, delta, normalise
from matderiv.words.chains import chain, matrix_product, transposed, transposed_chain, turned
from matderiv.words.folds import tidy
from matderiv.words.monomials import scaled
from matderiv.words.signs import shortest, total

Sides = tuple[Indices, Indices]  # the axes of f, and of the variable


def in_layout(e: Expr, layout: str, kind: str, outer: int, axes: int) -> Expr:
    """A derivative with `outer` of its axes for f, as it is displayed: turned for some layouts.

    `numerator` turns the gradient of a scalar into a row, `denominator` transposes Jacobians of a
    vector by a vector.

    >>> [str(derive("norm2(A*x - b)^2", "x", layout=which)) for which in ("numerator", "gradient")]
    ["2*(A*x - b)'*A", "2*A'*(A*x - b)"]
    """
    if axes == 0 or axes > 2 or kind in ("vjp", "jvp", "hvp", "differential", "hessian"):
        return e
    turns = (("numerator", "gradient"), ("denominator", "jacobian"))
    if (layout, kind) not in turns or (layout == "denominator" and (outer, axes) != (1, 2)):
        return e
    return shortest((_transposed_line(e), turned(e), transposed(e)))


def _transposed_line(e: Expr) -> Expr:
    """(2*A'*b)' as 2*b'*A, and a sum term by term.

    >>> shapes = {"A": "m,n", "b": "m", "x": "n"}
    >>> [text(_transposed_line(read(t, shapes=shapes).expr)) for t in ("2*A'*b", "x - A'*b", "x")]
    ["2*b'*A", "x' - b'*A", "x'"]
    """
    if is_(e, "add") and all(a.shape == e.shape for a in e.args):
        return total([_transposed_line(a) for a in e.args])
    number, scalars, word = item_of(e)
    return scaled(number, scalars, chain(transposed_chain(word)))


def vec_form(tensor: Tensor, outer: int) -> Expr | None:
    """∂vec(F)/∂vec(X)' with ⊗, diagonal and commutation matrices; None where these do not reach.

    `outer` counts the axes of f; they have at most two, and so has the variable.

    >>> shapes = {"A": "m,n", "X": "n,d", "B": "d,k"}
    >>> derive("A*X*B", "X", shapes=shapes).vec_text
    "kron(B',A)"
    >>> derive("norm2(x)*T", "x", shapes={"T": "a,b,c", "x": "n"}).vec_text is None
    True
    """
    f, x = tensor.axes[:outer], tensor.axes[outer:]
    if not 0 < len(f) <= 2 or len(x) > 2:
        return None
    if not x:
        e = raise_tensor(tensor, broadcast=False)
        return apply("vec", e) if len(e.shape) == 2 and len(f) == 2 else e
    if len(f) == len(x) == 1:
        e = raise_tensor(tensor, broadcast=False)
        return None if contains(e, "levicivita", "fuse", "einsum") else e
    items: list[Item] = []
    for t in tensor.terms:
        item = _vec_term(t, (f, x)) if t.coefficient else None
        if item is None and t.coefficient:
            return None
        items += [item] if item is not None else []
    form = factored(_commuted(items), new_search()) if items else None
    return None if form is None or contains(form, "fuse") else form


def by_free_entries(form: Expr, wrt: Expr, both: bool) -> Expr:
    """∂vec(F)/∂vech(S)' from ∂vec(F)/∂vec(S)': J*D, and D'*H*D for a Hessian.

    D is the duplication matrix, D vech(S) = vec(S). Source: Magnus & Neudecker, ch. 3.8.

    >>> about = {"shapes": {"A": "m,n", "X": "n,n"}, "assume": {"X": "symmetric"}}
    >>> [derive("A*X", "X", structure=s, **about).vec_text for s in ("independent", "none")]
    ['kron(eye(n),A)*duplication(n)', 'kron(eye(n),A)']
    """
    matrix = apply("duplication", params=(wrt.shape[0],))
    number, scalars, word = item_of(form)
    if word and is_(word[-1], "commutation"):
        word = word[:-1]  # commutation(n,n)*duplication(n) = duplication(n)
    before = [transposed(matrix)] if both else []
    return scaled(number, scalars, chain([*before, *word, matrix]))


def _commuted(items: list[Item]) -> list[Item]:
    """kron(P,Q)*K + kron(Q,P) as K*kron(Q,P) + kron(Q,P), so that kron(Q,P) is common.

    kron(P,Q)*commutation(q,n) = commutation(p,m)*kron(Q,P) for P of p × q and Q of m × n. Source:
    Magnus & Neudecker, ch. 3, theorem 9.

    >>> derive("X'*X", "X", shapes={"X": "m,n"}).vec_text
    "(commutation(n,n) + eye(n*n))*kron(eye(n),X')"
    >>> derive("A*X'", "X", shapes={"X": "m,n", "A": "k,n"}).vec_text
    'kron(eye(m),A)*commutation(m,n)'
    """
    plain = {f[-1] for _, _, f in items}
    return [(c, s, _turned_kron(f, plain)) for c, s, f in items]


def _turned_kron(word: list[Expr], plain: set[Expr]) -> list[Expr]:
    if len(word) < 2 or not is_(word[-1], "commutation") or not is_(word[-2], "kron"):
        return word
    p, q = word[-2].args
    swapped = apply("kron", q, p)
    if swapped not in plain:
        return word
    rows = tuple(e.shape[0] for e in (p, q))
    return [*word[:-2], apply("commutation", params=rows), swapped]


def _vec_term(t: Term, sides: Sides) -> Item | None:
    """One term of ∂vec(F)/∂vec(X)' as a product; None where it has no such form."""
    f, x = sides
    t, x = _split_axis(t, x, f)
    if len(f) == 2 and any(is_(g.expr, "fuse") and g.indices[0] in f for g in t.factors):
        return _vec_of_kron(t, (f, x))
    t, f = _split_axis(t, f, x)
    sides = (f, x)
    net = Network(t, (*f, *x))
    reduce_network(net)
    if net.summed() or net.others:
        return None
    ties = [Factor(e, (i, j), k) for e, i, j, k in net.edges]
    ties += [Factor(e, (i,), k) for i, mono in net.nodes.items() for e, k in mono.items()]
    ties += [delta(i, j) for i, j in net.deltas]
    core = _separate(ties, sides)
    for pairing in _pairings(f, x):
        core = core or _kronecker(ties, pairing, sides)
    core = core or _by_columns(ties, sides)
    return None if core is None else (net.coefficient, tidy(net.scalars), core)


def _split_axis(t: Term, axes: Indices, others: Indices) -> tuple[Term, Indices]:
    """A lone axis of vec or unvec, which is a pair (slow, fast), as the axes fast and slow."""
    fused = [g for g in t.factors if is_(g.expr, "fuse") and g.indices[0] in axes]
    if len(axes) != 1 or len(fused) != 1:
        return t, axes
    slow, fast = (Index(i.size) for i in fused[0].indices[1:])
    ties = [delta(slow, fused[0].indices[1]), delta(fast, fused[0].indices[2])]
    rest = [g for g in t.factors if g is not fused[0]]
    return normalise(t.coefficient, [*rest, *ties], (fast, slow, *others)), (fast, slow)


def _vec_of_kron(t: Term, sides: Sides) -> Item | None:
    """vec(A ⊗ B) = (I ⊗ K ⊗ I)(vec(A) ⊗ vec(B)), differentiated by what stands in A or in B.

    Source: Magnus & Neudecker, ch. 3, theorem 10.

    >>> derive("kron(X,A)", "X", shapes={"X": "m,n", "A": "p,q"}).vec_text
    'kron(eye(n),kron(commutation(q,m),eye(p)))*kron(eye(m*n),vec(A))'
    >>> derive("X.*A", "X", shapes={"X": "m,n"}).vec_text
    'diag(vec(A))'
    >>> derive("exp(kron(X,A))", "X", shapes={"X": "m,n", "A": "p,q"}).vec_text[:27]
    'diag(vec(exp(kron(X,A))))*k'
    """
    f, x = sides
    weight = [g for g in t.factors if g.indices and set(g.indices) <= set(f)]
    parts = _unfused([g for g in t.factors if g not in weight], f)
    if parts is None:
        return None
    factors, pairs = parts
    (a, c), (b, d) = pairs
    whole = normalise(t.coefficient, factors, (a, b, c, d, *x))
    middle = apply("commutation", params=(d.size, a.size))
    around = [apply("eye", params=(i.size,)) for i in (b, c)]
    turn = apply("kron", around[0], apply("kron", middle, around[1]))
    for fixed, free in (((a, b), (c, d)), ((c, d), (a, b))):
        apart = _apart(whole, fixed, (*free, *x))
        inner = _vec_term(apart[1], (free, x)) if apart is not None else None
        if apart is None or inner is None:
            continue
        constant = apply("vec", spell(raise_term(apart[0], fixed), fixed))
        derivative = matrix_product(inner[2])
        blocks = (constant, derivative) if fixed[0] is a else (derivative, constant)
        spread = [apply("diag", _stacked(weight, f))] if weight else []
        return inner[0], inner[1], [*spread, turn, apply("kron", *blocks)]
    return None


def _unfused(factors: Sequence[Factor], axes: Indices) -> tuple[list[Factor], list[Indices]] | None:
    """The factors with two axes in place of each that a product fuses; None where one is not."""
    rest = list(factors)
    pairs: list[Indices] = []
    for axis in axes:
        touching = [g for g in rest if axis in g.indices]
        if len(touching) != 1 or not is_(touching[0].expr, "fuse"):
            return None
        inner = touching[0].indices[1:]
        outer = tuple(Index(i.size) for i in inner)
        rest.remove(touching[0])
        rest += [delta(new, old) for new, old in zip(outer, inner, strict=True)]
        pairs.append(outer)
    return rest, pairs


def _apart(t: Term, fixed: Indices, others: Indices) -> tuple[Term, Term] | None:
    """The factors tied to some axes, and the rest; None where a factor ties them to the others."""
    reached = set(fixed)
    inside: list[Factor] = []
    while more := [g for g in t.factors if g not in inside and set(g.indices) & reached]:
        inside += more
        reached |= {i for g in more for i in g.indices}
    if reached & set(others) or any(is_(g.expr, "fuse") for g in t.factors):
        return None
    rest = tuple(g for g in t.factors if g not in inside)
    return Term(Fraction(1), tuple(inside)), Term(t.coefficient, rest)


def _by_columns(ties: list[Factor], sides: Sides) -> list[Expr] | None:
    """P_jk Q_ik, column by column a Kronecker product, as kron(P,ones(m)).*kron(ones(p),Q).

    This is the Khatri-Rao product of P and Q; row by row where f is a vector. Source: Liu &
    Trenkler 2008, Hadamard, Khatri-Rao, Kronecker and other matrix products.

    >>> derive("A*diag(x)*B", "x", shapes={"A": "m,n", "B": "n,k"}).vec_text
    "kron(B',ones(m)).*kron(ones(k),A)"
    >>> derive("A*X", "X", shapes={"A": "m,n", "X": "n,d"}).vec_text
    'kron(eye(d),A)'
    """
    f, x = sides
    if {len(f), len(x)} != {1, 2}:
        return None
    (common,), (fast, slow) = (x, f) if len(f) == 2 else (f, x)
    slow_ties = [t for t in ties if set(t.indices) <= {common, slow}]
    fast_ties = [t for t in ties if t not in slow_ties and set(t.indices) <= {common, fast}]
    weight = [t for t in ties if t not in slow_ties and t not in fast_ties]
    if any(common in t.indices for t in weight):
        return None
    pairs = [(slow, common), (fast, common)] if len(f) == 2 else [(common, slow), (common, fast)]
    blocks = [_over(found, pair) for found, pair in zip((slow_ties, fast_ties), pairs, strict=True)]
    spread = [apply("ones", params=(i.size,)) for i in (fast, slow)]
    if len(f) == 1:
        spread = [transposed(e) for e in spread]
    core = apply(
        "hadamard", apply("kron", blocks[0], spread[0]), apply("kron", spread[1], blocks[1])
    )
    if not weight:
        return [core]
    stacked = apply("diag", apply("vec", _over(weight, (fast, slow))))
    return [stacked, core] if len(f) == 2 else [core, stacked]


def _separate(ties: list[Factor], sides: Sides) -> list[Expr] | None:
    """vec(F)*vec(X)' when nothing ties the axes of f to those of the variable.

    >>> derive("tr(X)*A", "X", shapes={"X": "n,n", "A": "m,d"}).vec_text
    "vec(A)*vec(eye(n))'"
    >>> derive("s*X", "X", shapes={"s": "", "X": "n,n"}).vec_text
    's*eye(n*n)'
    """
    f, x = sides
    if any(set(t.indices) & set(f) and set(t.indices) & set(x) for t in ties):
        return None
    return [_stacked(ties, f), transposed(_stacked(ties, x))]


def _stacked(ties: list[Factor], axes: Indices) -> Expr:
    e = _over(ties, axes)
    return apply("vec", e) if len(axes) == 2 else e


def _over(ties: list[Factor], axes: Indices) -> Expr:
    """The product of the factors within some axes, with every axis there."""
    within = tuple(t for t in ties if set(t.indices) <= set(axes))
    return spell(raise_term(Term(Fraction(1), within), axes), axes, full=True)


class Pairing(NamedTuple):
    """Which axis of f goes with which of the variable: blocks for the slow and the fast axes."""

    slow: tuple[Index | None, Index | None]
    fast: tuple[Index | None, Index | None]
    crossed: bool


def _pairings(f: Indices, x: Indices) -> list[Pairing]:
    rows = (f[1], f[0]) if len(f) == 2 else (None, f[0])
    if len(x) == 2 and len(f) == 1:
        beside = Pairing((f[0], x[1]), (None, x[0]), False)
        return [Pairing((None, x[1]), (f[0], x[0]), False), beside]
    if len(x) == 2:
        straight = Pairing((rows[0], x[1]), (rows[1], x[0]), False)
        return [straight, Pairing((rows[0], x[0]), (rows[1], x[1]), True)]
    return [
        Pairing((rows[0], None), (rows[1], x[0]), False),
        Pairing((rows[0], x[0]), (rows[1], None), False),
    ]


def _kronecker(ties: list[Factor], pairing: Pairing, sides: Sides) -> list[Expr] | None:
    """diag(vec(M)) * kron(P, Q) * diag(vec(N)) [* commutation], parts that are identities left out.

    M gathers what is within f, N what is within the variable; a tie across the pairing counts when
    a delta of the pairing moves it to one of these.

    >>> derive("A*X*B", "X").vec_text, derive("A.*X", "X").vec_text
    ("kron(B',A)", 'diag(vec(A))')
    """
    f, x = sides
    same: dict[Index, Index] = {}
    for t in ties:
        if is_(t.expr, "eye") and set(t.indices) in (set(pairing.slow), set(pairing.fast)):
            i, j = t.indices
            same[i], same[j] = j, i
    before: list[Factor] = []
    after: list[Factor] = []
    blocks: list[Factor] = []
    for t in ties:
        at = set(t.indices)
        if at <= set(pairing.slow) or at <= set(pairing.fast):
            blocks.append(t)
        elif (moved := _moved(t, f, same)) is not None:
            before.append(moved)
        elif (moved := _moved(t, x, same)) is not None:
            after.append(moved)
        else:
            return None
    columns = tuple(i for i in (pairing.fast[1], pairing.slow[1]) if i is not None)
    core = [_joined(_block(blocks, pairing.slow), _block(blocks, pairing.fast))]
    if before:
        core.insert(0, apply("diag", _stacked(before, f)))
    if after:
        core.append(apply("diag", _stacked(after, columns)))
    core = [e for e in core if len(core) == 1 or not is_(e, "eye")]
    if pairing.crossed:
        core = [e for e in core if not is_(e, "eye")]
        core.append(apply("commutation", params=(x[0].size, x[1].size)))
    return core


def _moved(t: Factor, axes: Indices, same: dict[Index, Index]) -> Factor | None:
    """The factor with its indices renamed into `axes` by deltas, if that is possible."""
    at = tuple(i if i in axes else same.get(i, i) for i in t.indices)
    return Factor(t.expr, at, t.exponent) if set(at) <= set(axes) else None


def _block(ties: list[Factor], pair: tuple[Index | None, Index | None]) -> Expr:
    """The matrix over (row, column) of one pair; a column or a row where one is missing."""
    e = _over(ties, tuple(i for i in pair if i is not None))
    return shortest((turned(e), transposed(e))) if pair[0] is None else e


def _joined(slow: Expr, fast: Expr) -> Expr:
    if is_(slow, "eye") and is_(fast, "eye"):
        return apply("eye", params=(times(slow.shape[0], fast.shape[0]),))
    return apply("kron", slow, fast)
