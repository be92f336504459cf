"""An expression cut into pieces of one operation each, as a teacher names intermediates.

Signs, transposes, scalings, constant terms and sums ride along with the operation beside them, so
`W*x + b` is one piece and `sum(relu(z))` is one piece. A value has one name, in the steps, in the
graph and in code: z1 = W1*x + b1, h1 = relu(z1), z2 = W2*h1; its gradient is named after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from matderiv.calculus.recognise import prepare
from matderiv.expr import Expr, dependents, is_, number_value, rebuild, variable, variables
from matderiv.shapes import is_scalar, long_axes
from matderiv.words.chains import symmetric

_RIDING = frozenset("neg transpose vec unvec permute vector matrix add sum mean tr diag".split())
_BARE = frozenset("neg transpose vec unvec permute".split())
LETTERS = "fghqLJ"
PRODUCTS, ACTIVATIONS, SOFTMAX, BETWEEN = "zuv", "hqr", "pst", "atm"
MARK = "·"  # before the name of a value that is written out


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


class ValueNames:
    """Names for values: a letter says what a value is, an activation has its argument's number.

    No letter is one of the variables. `told` are values that have names already; then what is a
    product has another letter.
    """

    def __init__(
        self, given: Sequence[Expr], taken: set[str], told: Mapping[Expr, str] | None = None
    ) -> None:
        self.taken, self.told = taken, told or {}
        kinds = (PRODUCTS, ACTIVATIONS, SOFTMAX)
        self.letters = {c: unused_letter(c, given) for c in kinds}
        if not any(v.shape for v in given):  # u and v are the letters of the scalar chain rule
            self.letters[PRODUCTS] = unused_letter(PRODUCTS[1:], given)
        if told:
            self.letters[PRODUCTS] = unused_letter(BETWEEN, given)
        self.numbers: dict[str, str] = {}
        self.last: dict[str, int] = {}

    def name(self, node: Expr, shown: Expr) -> str:
        """The name of a node, which stands for `shown` over the names before it."""
        kind, below = _letters_for(node), variables(shown)
        applied = kind is not PRODUCTS and len(below) == 1
        number = self.numbers.get(below[0].name, "") if applied else ""
        letter = self.letters[kind]
        letter = letter.upper() if len(long_axes(node.shape)) > 1 else letter
        found = self.told.get(node) or self._free(letter, number)
        self.numbers[found] = found[1:]
        return found

    def _free(self, letter: str, number: str) -> str:
        """The letter with the number that is asked for, or else with the next that is free."""
        name = f"{letter}{number}"
        if not number or name in self.taken:
            first = self.last.get(letter.lower(), 0) + 1
            name = next(n for k in count(first) if (n := f"{letter}{k}") not in self.taken)
        self.last[letter.lower()] = max(self.last.get(letter.lower(), 0), int(name[1:]))
        self.taken.add(name)
        return name


def gradient_name(base: str, name: str) -> str:
    """The name of the derivative by a value: delta1 by z1, delta_h1 by its activation h1.

    >>> gradient_name("delta", "Z2"), gradient_name("delta", "h2")
    ('delta2', 'delta_h2')
    """
    name = name.removeprefix(MARK)
    plain = name[:1].lower() in PRODUCTS and name[1:].isdigit()
    return f"{base}{name[1:]}" if plain else f"{base}_{name}"


def function_name(taken: set[str], letters: str = LETTERS) -> str:
    """A letter for the function itself."""
    name = next((c for c in letters if c not in taken), None)
    if name is None:
        return fresh_name("f", taken)
    taken.add(name)
    return name


def pieces(f: Expr, wrt: Sequence[Expr], called: Expr, taken: set[str]) -> list[Intermediate]:
    """The intermediates from the variables to f, in order of computation; f itself is the last.

    Empty when f depends on none of the variables.
    """
    cutter = _Cutter(f, wrt, taken)
    for node in cutter.alive:
        cutter.visit(node)
    if cutter.alive:
        cutter.close(f, called)
    return cutter.found


def value_names(f: Expr, wrt: Sequence[Expr], taken: set[str]) -> dict[Expr, str]:
    """The names that the steps of a derivation give to the values on the way to f."""
    called = variable(function_name(set(taken)), f.shape)
    return {p.node: p.variable.name for p in pieces(prepare(f, *wrt), wrt, called, taken)[:-1]}


class _Cutter:
    def __init__(self, f: Expr, wrt: Sequence[Expr], taken: set[str]) -> None:
        self.f, self.wrt = f, wrt
        self.alive = dependents(f, *wrt)
        self.members = set(self.alive)
        self.uses = Counter(a for node in self.alive for a in node.args)
        self.shown: dict[Expr, Expr] = {}
        self.work: dict[Expr, int] = {}
        self.main: dict[Expr, Expr] = {}
        self.found: list[Intermediate] = []
        self.changing = set(wrt)
        self.names = ValueNames(variables(f, *wrt), taken)

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
        if self.uses[node] > 1 and not self._bare(node):
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
        name = self.names.name(node, self.shown[node])
        known = ("symmetric",) if len(node.shape) == 2 and symmetric(node) else ()
        self.close(node, variable(name, node.shape, known))

    def close(self, node: Expr, called: Expr) -> None:
        """Enter the piece under its name."""
        definition = self.shown[node]
        inputs = tuple(v for v in variables(definition) if v in self.changing)
        self.changing.add(called)
        main = self.main[node]
        while is_(main, "neg"):
            (main,) = main.args
        self.found.append(Intermediate(called, node, definition, main, inputs))
        self.shown[node], self.work[node] = called, 0


def unused_letter(letters: str, given: Sequence[Expr]) -> str:
    """The first letter that is none of the variables, small or capital."""
    taken = {v.name for v in given}
    return next((c for c in letters if not {c, c.upper()} & taken), letters[0])


def _letters_for(node: Expr) -> str:
    """The letters that a value may be called by: an activation, a softmax, or anything else."""
    activation = node.function.kind == "elementwise" and node.function.call != "operator"
    return SOFTMAX if is_(node, "softmax") else ACTIVATIONS if activation else PRODUCTS


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
