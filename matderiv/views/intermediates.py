"""An expression cut into pieces of one operation each, as a teacher names intermediates.

Signs, transposes, scalings, constant terms and sums ride along with the operation beside them, so
`W*x + b` is one piece and `sum(relu(z))` is one piece.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from matderiv.calculus.sweeps import dependents
from matderiv.expr import Expr, is_, number_value, rebuild, variable, variables
from matderiv.shapes import is_scalar, long_axes
from matderiv.words.chains import symmetric

_RIDING = frozenset("neg transpose vec unvec permute vector matrix add sum mean tr diag".split())
_BARE = frozenset("neg transpose vec unvec permute".split())
LETTERS = "fghqLJ"


@dataclass(frozen=True)
class Intermediate:
    """One named intermediate: its name, the node it stands for, its definition over the names
    before it, the operation in it that gives the rule, and which names change in it. `parts` are
    the pieces that it was joined from, the outermost first."""

    variable: Expr
    node: Expr
    definition: Expr
    main: Expr
    inputs: tuple[Expr, ...] = ()
    parts: tuple[Intermediate, ...] = ()


def fresh_name(base: str, taken: set[str]) -> str:
    """A name that is not taken yet, and is from now on."""
    name, mark = base, 0
    while name in taken:
        mark += 1
        name = f"{base}_{mark}"
    taken.add(name)
    return name


def numbered_name(letters: str, number: int, taken: set[str]) -> str:
    """The first letter of several whose name with this number is free."""
    for c in letters:
        if f"{c}{number}" not in taken:
            return fresh_name(f"{c}{number}", taken)
    return fresh_name(f"{letters[0]}{number}", taken)


def function_name(taken: set[str], letters: str = LETTERS) -> str:
    """A letter for the function itself."""
    name = next((c for c in letters if c not in taken), None)
    if name is None:
        return fresh_name("f", taken)
    taken.add(name)
    return name


def pieces(
    f: Expr, wrt: Sequence[Expr], called: Expr, taken: set[str], offset: int = 0
) -> list[Intermediate]:
    """The intermediates from the variables to f, in order of computation; f itself is the last.

    Empty when f depends on none of the variables.
    """
    cutter = _Cutter(f, wrt, taken, offset)
    for node in cutter.alive:
        cutter.visit(node)
    if cutter.alive:
        cutter.close(f, called)
    return cutter.found


class _Cutter:
    def __init__(self, f: Expr, wrt: Sequence[Expr], taken: set[str], offset: int) -> None:
        self.f, self.wrt, self.taken, self.offset = f, wrt, taken, offset
        self.alive = dependents(f, *wrt)
        self.members = set(self.alive)
        self.uses: dict[Expr, int] = {}
        for node in self.alive:
            for a in node.args:
                self.uses[a] = self.uses.get(a, 0) + 1
        self.shown: dict[Expr, Expr] = {}
        self.work: dict[Expr, int] = {}
        self.main: dict[Expr, Expr] = {}
        self.found: list[Intermediate] = []

    def visit(self, node: Expr) -> None:
        """Give the node a definition; name its arguments when it holds too much."""
        if node in self.wrt:
            self.shown[node], self.work[node], self.main[node] = node, 0, node
            return
        inner = [a for a in dict.fromkeys(node.args) if a in self.members]
        own = _own_work(node, self.members)
        if self._held(node, inner, own) > 1:
            for a in inner:
                if self.work[a]:
                    self.name(a)
        self.shown[node] = rebuild(node, tuple(self.shown.get(a, a) for a in node.args))
        worked = [a for a in inner if self.work[a]]
        self.work[node] = self._held(node, inner, own)
        self.main[node] = self.main[worked[0]] if worked and not own else self.shown[node]
        if is_(node, "power") and _squared_norm(node):
            self.main[node] = self.shown[node]
        if self.uses.get(node, 0) > 1 and not self._bare(node):
            self.name(node)

    def _held(self, node: Expr, inner: Sequence[Expr], own: int) -> int:
        """How many operations a definition would hold; X*W + H*U is one affine map."""
        works = [self.work[a] for a in inner]
        terms = [self.shown[a] for a in inner if self.work[a]]
        affine = bool(node.shape) and is_(node, "add") and all(is_(t, "mul") for t in terms)
        return own + (max(works, default=0) if affine else sum(works))

    def _bare(self, node: Expr) -> bool:
        e = self.shown[node]
        while is_(e, *_BARE):
            e = e.args[0]
        return e.function.leaf

    def name(self, node: Expr) -> None:
        """The node becomes an intermediate; a sign or a transpose stays with its user."""
        if self.shown[node].function.leaf or node is self.f:
            return
        if is_(node, "neg", "transpose"):
            self.name(node.args[0])
            self.shown[node] = rebuild(node, (self.shown[node.args[0]],))
            self.work[node] = 0
            return
        number = len(self.found) + 1 + self.offset
        name = numbered_name(letters_for(node), number, self.taken)
        known = ("symmetric",) if len(node.shape) == 2 and symmetric(node) else ()
        self.close(node, variable(name, node.shape, known))

    def close(self, node: Expr, called: Expr) -> None:
        """Enter the piece under its name."""
        definition = self.shown[node]
        changing = {*self.wrt, *(p.variable for p in self.found)}
        inputs = tuple(v for v in variables(definition) if v in changing)
        self.found.append(Intermediate(called, node, definition, self.main[node], inputs))
        self.shown[node], self.work[node] = called, 0


def letters_for(node: Expr) -> str:
    """The letters that a node may be named by: z for products, h for activations, u for scalars."""
    axes = len(long_axes(node.shape))
    if axes == 0:
        return "ust"
    if is_(node, "softmax"):
        return "pq" if axes == 1 else "PQ"
    activation = node.function.kind == "elementwise" and node.function.call != "operator"
    letters = "hqr" if activation else "zvr"
    return letters if axes == 1 else "HQR" if activation else "ZMT"


def _squared_norm(node: Expr) -> bool:
    return is_(node.args[0], "norm2") and number_value(node.args[1]) == 2


def _own_work(node: Expr, alive: Collection[Expr]) -> int:
    """1 for an operation that deserves a line of its own, 0 for what rides along."""
    if is_(node, "add") and not node.shape:
        return int(sum(a in alive for a in node.args) > 1)  # a sum of terms with names
    if is_(node, *_RIDING):
        return 0
    if is_(node, "mul", "hadamard", "div"):
        others = [a for a in node.args if a not in alive]
        scaled = all(is_scalar(a.shape) for a in others) and len(others) == len(node.args) - 1
        return 0 if scaled and not (is_(node, "div") and node.args[1] in alive) else 1
    if is_(node, "power") and _squared_norm(node):
        return 0
    return 1
