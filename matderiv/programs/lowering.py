"""From expressions to programs: each node once, in the form that a good NumPy programmer writes.

Scalar factors wait in front of arrays (`scaled`), vectors of ones and diagonal matrices are never
built, products are multiplied in the cheapest order (`chains`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import prod

from matderiv.errors import NoRule
from matderiv.expr import Expr, is_, variables, walk
from matderiv.programs.entrywise import FORMS, SIMPLE, sigmoid_beside_softplus
from matderiv.programs.program import ProgramBuilder
from matderiv.programs.scaled import Scaled, as_factor, factor_value, settled
from matderiv.shapes import Shape, Size, is_scalar, size_names, size_value
from matderiv.words.chains import symmetric

Rule = Callable[["Lowering", Expr], Scaled]
RULES: dict[str, Rule] = {}
"""How nodes that are not entry by entry are computed; filled by `arrays` and `products`."""

MOST_WAITING = 8  # scalars in front of a result that are not yet multiplied
SYMMETRIC = 48  # rows from which a symmetric product takes less time than any other
SHOWN, OTHER, INNER = 1024.0, 256.0, 64.0  # guesses of sizes: of rows of data, of data, of the rest


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enter a rule under the names of the functions that it computes."""

    def enter(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


class Lowering:
    """One pass over some expressions; `pairs` are the products of two arrays among their nodes.

    `sizes` are the sizes to expect; others are guessed: the first axis of data is long, sizes
    that only parameters have are short.
    """

    def __init__(
        self, roots: Sequence[Expr], sizes: Mapping[str, int], parameters: Iterable[Expr]
    ) -> None:
        self.b = ProgramBuilder()
        self.found: dict[Expr, Scaled] = {}
        self.origin: dict[int, Expr] = {}
        self.uses: dict[Expr, list[Expr]] = {}
        self.sizes = {**_guessed(roots, parameters), **sizes}
        self.wanted = set(roots)
        self.pairs: set[tuple[Expr, ...]] = set()
        for node in walk(*roots):
            if is_(node, "mul") and len(node.args) == 2 and all(a.shape for a in node.args):
                self.pairs.add(node.args)
            for a in node.args:
                self.uses.setdefault(a, []).append(node)

    def estimate(self, s: Size) -> float:
        """A size as a number."""
        if isinstance(s, int):
            return float(s)
        known = {n: int(self.sizes.get(n, OTHER)) for n in size_names([(s,)])}
        return float(size_value(s, known))

    def entries(self, shape: Shape) -> float:
        """How many entries a shape has, about."""
        return prod(map(self.estimate, shape))

    def single(self, node: Expr) -> bool:
        """True where only one node uses this one, once."""
        return node not in self.wanted and len(self.uses.get(node, ())) == 1

    def lower(self, root: Expr) -> Scaled:
        """The result of an expression."""
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in self.found:
                continue
            if not ready:
                stack.append((node, True))
                stack += [(a, False) for a in reversed(node.args) if a not in self.found]
            elif node is root or not self.absorbed(node):
                self.set(node, self._lowered(node))
        return self.found[root]

    def set(self, node: Expr, value: Scaled) -> None:
        """Note the result of a node; a factor that has grown long waits as one number.

        What several others use is divided at once: normalised, it is multiplied with itself.
        """
        several = value.core is not None and len(self.uses.get(node, ())) > 1
        if several and any(self.b.lines[k].operation != "size" for k in value.below):
            value = Scaled(settled(self.b, value))
        elif len(value.above) + len(value.below) > MOST_WAITING:
            one = factor_value(self.b, value.with_core(None))
            value = Scaled(value.core, above=(one,)) if value.core is not None else Scaled(one)
        self.found[node] = value
        if value.core is not None:
            if value.plain:
                self.origin.setdefault(value.core, node)
            if self.b.shape(value.core) == node.shape != () and symmetric(node):
                self.b.symmetric.add(value.core)

    def absorbed(self, node: Expr) -> bool:
        """True for a product whose only user multiplies it on."""
        if not self.single(node) or not is_(node, "mul", "transpose"):
            return False
        (user,) = self.uses[node]
        if is_(user, "transpose") and is_(node, "mul"):
            return self.absorbed(user)
        product = is_(node, "mul") or is_(node.args[0], "mul")
        return product and is_(user, "mul") and not is_scalar(node.shape)

    def _lowered(self, node: Expr) -> Scaled:
        name = node.function.name
        rule = RULES.get(name)
        if rule is not None:
            return rule(self, node)
        if name in SIMPLE:
            return Scaled(self.b.entrywise(name, self.slot(node.args[0])))
        form = FORMS.get(name)
        if form is not None:
            if name == "sigmoid" and "softplus" in {
                u.function.name for u in self.uses.get(node.args[0], ())
            }:
                form = sigmoid_beside_softplus
            return Scaled(form(self.b, *(self.aligned(a, node) for a in node.args)))
        if node.function.expand is not None:
            return self.lower(node.function.expand(*node.args, *node.params))
        return self._as_recorded(node)

    def _as_recorded(self, node: Expr) -> Scaled:
        """One operation that the function's own record computes."""
        name = node.function.name
        if node.function.numpy is None:
            raise NoRule(f"{node.function.label} cannot be computed here")
        if node.function.kind == "elementwise":
            return Scaled(self.b.entrywise(name, *(self.aligned(a, node) for a in node.args)))
        slots = [self.whole(a) for a in node.args]
        return Scaled(self.b.add(name, *slots, params=node.params, shape=node.shape))

    def scaled(self, node: Expr) -> Scaled:
        """The result of an argument, with the scalar factor that waits in front of it."""
        if node not in self.found:
            self.lower(node)
        return self.found[node]

    def apart(self, node: Expr) -> tuple[Scaled, int]:
        """The scalar that waits in front of an argument, and all entries of what it waits for."""
        s = self.scaled(node)
        front = Scaled(None) if s.core is None else s.with_core(None)
        return front, self.b.whole(settled(self.b, s) if s.core is None else s.core, node.shape)

    def slot(self, node: Expr) -> int:
        """The result of an argument, as numbers of a shape that broadcasts to the node's."""
        slot = settled(self.b, self.scaled(node))
        self.origin.setdefault(slot, node)
        return slot

    def whole(self, node: Expr) -> int:
        """The result of an argument, with all its entries."""
        return self.b.whole(self.slot(node), node.shape)

    def aligned(self, node: Expr, user: Expr) -> int:
        """The result of an argument of an operation entry by entry; truth values stay so."""
        s = self.scaled(node)
        slot = s.core if s.plain and s.core is not None else self.slot(node)
        return self.at_rank(slot, node, user)

    def at_rank(self, slot: int, node: Expr, user: Expr) -> int:
        """A vector as a column beside matrices."""
        if is_scalar(node.shape) and self.b.shape(slot) != ():
            return self.b.scalar(slot)
        if len(user.shape) == 2 and len(node.shape) == 1:
            return self.b.turned_up(slot, "column")
        return slot

    def factor(self, node: Expr) -> Scaled:
        """A scalar argument as a factor."""
        s = self.scaled(node)
        if s.core is None:
            return s
        known = as_factor(self.b, self.b.real(self.b.scalar(s.core)))
        return s.with_core(None).times(known)


def _guessed(roots: Sequence[Expr], parameters: Iterable[Expr]) -> dict[str, float]:
    """Sizes where nothing is known: data is long, first of all its first axis."""
    free = set(parameters)
    guesses: dict[str, float] = {}
    for v in sorted(variables(*roots), key=lambda v: v in free):
        for axis, s in enumerate(v.shape):
            guess = INNER if v in free else SHOWN if axis == 0 and len(v.shape) > 1 else OTHER
            for n in size_names([(s,)]):
                guesses.setdefault(n, guess)
    for node in walk(*roots):
        if is_(node, "inv", "logdet", "det", "solve") and is_(node.args[0], "mul"):
            _widened(guesses, node.args[0])
    return guesses


def _widened(guesses: dict[str, float], product: Expr) -> None:
    """A product that has an inverse is summed over more than it has rows."""
    rows = max((guesses.get(n, 1) for n in size_names([product.shape])), default=1)
    arrays = [a for a in product.args if not is_scalar(a.shape)]
    inner = size_names([a.shape for a in arrays]) - size_names([product.shape])
    for n in inner:
        guesses[n] = max(guesses.get(n, OTHER), 4 * rows)
