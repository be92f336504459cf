"""From expressions to a program: the value, named adjoints and gradients, in one list."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from matderiv.expr import Expr, is_, variables
from matderiv.numeric.stable import stable_all
from matderiv.programs import arithmetic, arrays, products
from matderiv.programs.lowering import Lowering
from matderiv.programs.program import (
    REPEATING,
    VIEWS,
    Instruction,
    Program,
    ProgramBuilder,
    shares_memory,
)
from matderiv.programs.scaled import Scaled, settled
from matderiv.shapes import Dim, Shape, is_scalar, size_names

RULES_FROM = (arrays, arithmetic, products)
"""The modules whose rules are in force."""


def program(
    exprs: Sequence[Expr],
    *,
    shapes: Sequence[Shape] | None = None,
    inputs: Sequence[Expr] | None = None,
    named: Sequence[tuple[Expr, Expr, Expr]] = (),
    parameters: Sequence[Expr] = (),
    sizes: Mapping[str, int] | None = None,
) -> Program:
    """The program that computes some expressions together.

    `shapes` are the shapes wanted, where they differ from those of the expressions (a row as a
    vector). `named` holds adjoints as (variable, value, node), in the order in which they are
    computed. `sizes` are the sizes to expect, for the order of products. Raises NoRule for a
    function that has no code.

    >>> n = Dim(("n",))
    >>> x = variable("x", (n,))
    >>> [line.operation for line in program((x.T @ x,)).instructions]
    ['input', 'dot']
    """
    forms = stable_all((*(e for _, value, node in named for e in (value, node)), *exprs))
    both, roots = forms[: 2 * len(named)], forms[2 * len(named) :]
    values, nodes = both[::2], both[1::2]
    work = Lowering([*values, *roots], sizes or {}, parameters)
    stands = {v for v, _, _ in named}
    seen = variables(*roots, *values)
    taken = list(inputs) if inputs is not None else [v for v in seen if v not in stands]
    entered = [work.b.add("input", params=(v.name,), shape=v.shape) for v in taken]  # first of all
    for v, slot in zip(taken, entered, strict=True):
        work.set(v, Scaled(work.b.scalar(slot) if is_scalar(v.shape) else slot))
    if roots and stands.isdisjoint(variables(roots[0])):
        settled(work.b, work.lower(roots[0]))  # the value before its gradients
    names = [v for v, _, _ in named]
    adjoints = _adjoints(work, zip(names, values, nodes, strict=True))
    wanted = tuple(shapes or [e.shape for e in exprs])
    outputs = [_output(work, *pair) for pair in zip(roots, wanted, strict=True)]
    return _collected(work, tuple(outputs), entered, wanted, taken, adjoints)


def _output(work: Lowering, root: Expr, wanted: Shape) -> int:
    slot = work.b.real(settled(work.b, work.lower(root)))
    return _shaped(work.b, slot, root.shape, wanted)


def _adjoints(work: Lowering, named: Iterable[tuple[Expr, Expr, Expr]]) -> dict[int, Expr]:
    """Compute the adjoints that have names; the results that are adjoints, and of which nodes."""
    found: dict[int, Expr] = {}
    for v, value, node in named:
        placed = work.found[v] = _placed(work, v, work.lower(value))
        if placed.core is not None and placed.plain:
            found.setdefault(placed.core, node)
    return found


def _placed(work: Lowering, name: Expr, value: Scaled) -> Scaled:
    """The factor in front of an adjoint applied here, unless its users together are smaller."""
    if value.plain or value.core is None:
        return value
    later = 0.0
    users = list(work.uses.get(name, ()))
    while users:
        user = users.pop()
        if is_(user, "transpose"):
            users += work.uses.get(user, ())
        else:
            later += work.entries(user.shape)
    if work.entries(name.shape) <= later:
        return Scaled(settled(work.b, value))
    return value


def _shaped(b: ProgramBuilder, slot: int, shape: Shape, wanted: Shape) -> int:
    slot = b.whole(slot, shape)
    if b.shape(slot) == wanted:
        return slot
    if len(shape) == 2 and len(wanted) == 1 and 1 in shape:
        return b.flat(slot)
    return b.add("reshape", slot, params=wanted, shape=wanted)


def _collected(
    work: Lowering,
    outputs: tuple[int, ...],
    entered: Sequence[int],
    shapes: tuple[Shape, ...],
    inputs: Sequence[Expr],
    adjoints: Mapping[int, Expr],
) -> Program:
    lines, new = finished(work.b, (*outputs, *entered))  # inputs stay, used or not
    names = {n for line in lines for n in line.size_names()}
    shown = shown_sizes([v.shape for v in inputs])
    forward = {e: new[s.core] for e, s in work.found.items() if s.plain and s.core in new}
    return Program(
        tuple(lines),
        tuple(new[k] for k in outputs),
        shapes,
        tuple(inputs),
        tuple(sorted(names - shown)),
        {new[k]: e for k, e in work.origin.items() if k in new},
        {new[k]: forward[e] for k, e in adjoints.items() if k in new and e in forward},
    )


# What two operations do together, and what nobody needs -------------------------------------------


def finished(
    first: ProgramBuilder, outputs: tuple[int, ...]
) -> tuple[list[Instruction], dict[int, int]]:
    """The instructions that the outputs need, in order, and their new numbers.

    A sum of products is one operation, and a product of matrices that is only read as its
    transpose is multiplied so.
    """
    users = _users(first.lines, outputs)
    b, new = ProgramBuilder(), dict[int, int]()
    for k in sorted(users):
        line = first.lines[k]
        given = [new[a] for a in line.arguments]
        if line.operation == "transpose":
            new[k] = b.transposed(*given)
        elif line.operation == "matmul" and _read_turned(first.lines, users, k):
            turned = (b.transposed(a) for a in reversed(given))
            new[k] = b.transposed(b.add("matmul", *turned, shape=line.shape[::-1]))
        elif line.operation == "sum" and (pair := _summed_pair(first.lines, users, k)):
            x, y = (new[a] for a in pair)
            new[k] = _inner(b, x, y, line)
        else:
            new[k] = b.add(
                line.operation, *given, params=line.params, shape=line.shape, mask=line.mask
            )
        if k in first.symmetric:
            b.symmetric.add(new[k])
    kept, place = needed(b.lines, tuple(new[k] for k in outputs))
    lines = [b.lines[k] for k in kept]
    moved = (tuple(place[a] for a in line.arguments) for line in lines)
    found = [line._replace(arguments=given) for line, given in zip(lines, moved, strict=True)]
    return found, {k: place[n] for k, n in new.items() if n in place}


def _users(lines: Sequence[Instruction], outputs: Collection[int]) -> dict[int, list[int]]:
    """The results that the outputs need, and the lines that use each; -1 stands for an output."""
    users: dict[int, list[int]] = {k: [-1] for k in outputs}
    for k in range(len(lines) - 1, -1, -1):
        if k in users:
            for a in lines[k].arguments:
                users.setdefault(a, []).append(k)
    return users


def _read_turned(lines: Sequence[Instruction], users: Mapping[int, Sequence[int]], k: int) -> bool:
    """True for a matrix that products take as it is, and others as its transpose.

    Products of matrices read memory in any order; where all else has another order, NumPy is slow.
    """
    views = [u for u in users[k] if u >= 0 and lines[u].operation == "transpose"]
    if len(lines[k].shape) != 2 or not all(
        u >= 0 and lines[u].operation in ("transpose", "matmul") for u in users[k]
    ):
        return False
    readers = [(v, u) for v in views for u in users[v] if u < 0 or lines[u].operation != "matmul"]
    others = (a for v, u in readers if u >= 0 for a in lines[u].arguments if a != v)
    return bool(readers) and "transpose" not in {lines[a].operation for a in others}


def _summed_pair(
    lines: Sequence[Instruction], users: Mapping[int, Sequence[int]], k: int
) -> tuple[int, ...] | None:
    """Two arrays of one shape whose product nobody but this sum needs."""
    (m,), (axis, _) = lines[k].arguments, lines[k].params
    product = lines[m]
    if product.operation != "mul" or len(users[m]) > 1:
        return None
    fits = all(lines[a].shape == product.shape and not lines[a].mask for a in product.arguments)
    known = len(product.shape) == 2 or axis is None
    return product.arguments if fits and product.shape and known else None


def _inner(b: ProgramBuilder, x: int, y: int, line: Instruction) -> int:
    """The sum of x.*y along an axis, or of all its entries."""
    axis, keep = line.params
    if axis is None:
        return b.dotted("vdot", x, y)
    found = b.dotted("rowdot" if axis else "coldot", x, y)
    return b.turned_up(found, "column" if axis else "row") if keep else found


def needed(
    lines: Sequence[Instruction], outputs: tuple[int, ...]
) -> tuple[list[int], dict[int, int]]:
    """The instructions that the outputs need, in order, and their new numbers.

    A copy of what nobody else uses is that itself.
    """
    users = _users(lines, outputs)
    own = {k for k in users if lines[k].operation == "copy" and _is_own(lines, users, k)}
    kept = sorted(users.keys() - own)
    new = {k: n for n, k in enumerate(kept)}
    for k in sorted(own):
        new[k] = new[lines[k].arguments[0]]
    return kept, new


def _is_own(lines: Sequence[Instruction], users: Mapping[int, Sequence[int]], copy: int) -> bool:
    """True where the memory that is to be copied is new, and nothing else uses it."""
    (k,) = lines[copy].arguments
    while lines[k].operation in VIEWS and lines[k].operation not in REPEATING:
        if len(users[k]) > 1:
            return False
        (k,) = lines[k].arguments
    line = lines[k]
    return len(users[k]) == 1 and bool(line.arguments) and not shares_memory(line)


def shown_sizes(shapes: Sequence[Shape]) -> set[str]:
    """The named sizes that arrays of these shapes settle: m × n settles both, m·n entries neither.

    >>> m, n = Dim(("m",)), Dim(("n",))
    >>> sorted(shown_sizes([(m, n)])), shown_sizes([(Dim(("m", "n")),)])
    (['m', 'n'], set())
    """
    found: set[str] = set()
    axes = [s for shape in shapes for s in shape if isinstance(s, Dim)]
    for s in sorted(axes, key=lambda s: len(s.names)):
        unknown = [n for n in s.names if n not in found]
        if len(unknown) == 1 and size_names([(s,)]) >= set(unknown):
            found.add(unknown[0])
    return found
