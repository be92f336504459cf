"""From expressions to a program: the value, named adjoints and gradients, in one list."""

from collections.abc import Iterable, Mapping, Sequence

from matderiv.expr import Expr, is_, variables
from matderiv.numeric.stable import stable_all
from matderiv.programs import arithmetic, arrays, products
from matderiv.programs.lowering import Lowering
from matderiv.programs.program import Program, ProgramBuilder, needed
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
    for v in taken:
        _enter(work, v)
    if roots and stands.isdisjoint(variables(roots[0])):
        settled(work.b, work.lower(roots[0]))  # the value before its gradients
    names = [v for v, _, _ in named]
    adjoints = _adjoints(work, zip(names, values, nodes, strict=True))
    wanted = tuple(shapes or [e.shape for e in exprs])
    outputs = [_output(work, *pair) for pair in zip(roots, wanted, strict=True)]
    return _collected(work, tuple(outputs), wanted, taken, adjoints)


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


def _enter(work: Lowering, v: Expr) -> None:
    slot = work.b.add("input", params=(v.name,), shape=v.shape)
    work.set(v, Scaled(work.b.scalar(slot) if is_scalar(v.shape) else slot))


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
    shapes: tuple[Shape, ...],
    inputs: Sequence[Expr],
    adjoints: Mapping[int, Expr],
) -> Program:
    entered = [
        work.b.add("input", params=(v.name,), shape=v.shape) for v in inputs
    ]  # stay, used or not
    kept, new = needed(work.b.lines, (*outputs, *entered))
    lines = []
    for k in kept:
        line = work.b.lines[k]
        moved = tuple(new[a] for a in line.arguments)
        lines.append(type(line)(line.operation, moved, line.params, line.shape, line.mask))
    names = {n for line in lines for n in _size_names(line.params, line.shape)}
    shown = shown_sizes([v.shape for v in inputs])
    forward = {e: new[s.core] for e, s in work.found.items() if s.core in new}
    return Program(
        tuple(lines),
        tuple(new[k] for k in outputs),
        shapes,
        tuple(inputs),
        tuple(sorted(names - shown)),
        {new[k]: e for k, e in work.origin.items() if k in new},
        {new[k]: forward[e] for k, e in adjoints.items() if k in new and e in forward},
    )


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


def _size_names(params: tuple[object, ...], shape: Shape) -> set[str]:
    return size_names([shape, tuple(p for p in params if isinstance(p, Dim))])
