"""Signs that mean what their operands make of them, and what speaks against kinds.

`x · y` is an inner product of columns and a product of anything else, bars around a square matrix
are its determinant, a superscript on a vector is a power of each entry.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from matderiv.errors import ParseError
from matderiv.input.builder import Builder
from matderiv.input.meaning.evidence import INVALID, OF_MATRICES
from matderiv.input.meaning.norms import Norms
from matderiv.input.tree import AT, EXPONENTIAL, POWER, WHOLE_POWERS
from matderiv.language.calls import function_names, known_function
from matderiv.language.operands import OF_ARRAYS, OF_VECTORS
from matderiv.language.sizes import is_open
from matderiv.language.source import (
    Call,
    Name,
    Node,
    Number,
    Operation,
    Source,
    String,
    postorder,
    unsigned,
)
from matderiv.shapes import long_axes

SOFT = frozenset("softmax log_softmax logsumexp".split())
OF_NUMBERS = frozenset("log exp sqrt ln".split())


class Signs(Norms):
    """The plain nodes of one text, and the objections to its kinds.

    `object` takes a weight and the node that speaks against the kinds, `remark` a sentence about
    an odd spelling.
    """

    def __init__(
        self,
        build: Builder,
        source: Source,
        objection: Callable[[float, Node], None],
        remark: Callable[[str], None],
    ) -> None:
        super().__init__(build, source, objection)
        self.remark = remark
        self.doubted = frozenset(source.doubtful)
        self.doubtful: list[Node] = []

    def applied(self, node: Node, values: Sequence[Node]) -> Node:
        """The node with plain operands; signs resolved by their kinds."""
        if not isinstance(node, Operation | Call):
            return node
        if isinstance(node, Operation):
            made = self.operation(node, values)
        else:
            made = self.called(node, values)
        sized = [isinstance(v, String) or self.build.shape(v) is not None for v in values]
        if self.build.shape(made) is None and all(sized):
            self.objection(INVALID, node)
        return made

    def operation(self, node: Operation, values: Sequence[Node]) -> Node:
        """An operator, plain or a sign."""
        function, build = node.function, self.build
        if function[0] == "?":  # a sign, and what reads it
            read: Callable[[Operation, Sequence[Node]], Node] = getattr(self, function[1:])
            return read(node, values)
        if function == "add":
            values = self.addition(node, values)
        elif function in ("mul", "solve"):
            self.product(node, values)
        elif function == "power":
            if self.is_power_of_norm(node) and isinstance(values[0], Operation):
                return values[0].operands[0]
            base, exponent = node.operands
            e = isinstance(base, Name) and base.name == "e" and build.is_guessed("e")
            if e and not isinstance(unsigned(exponent), Number):
                self.objection(2 * INVALID, node)  # nothing says what e is
            self.odd_power(node, values[0])
        elif function == "hadamard":
            self.entrywise(node, values)
        elif function == "epow" and getattr(node.operands[1], "name", "") in WHOLE_POWERS:
            self.objection(1.2 if self.axes(values[1]) else 0, node)  # |x|^p
        elif function == "transpose" and self.is_number(values[0]):
            bare = self.source.spelling != "python" and self.is_guess(node.operands[0])
            self.objection(INVALID if bare else 4 if self.guessed_below(node) else 0, node)
        place, entries = {"power": (0, "epow"), "div": (1, "ediv")}.get(function, (0, function))
        if not build.scope.guess and build.is_column(values[place]):
            function = entries  # of an answer
        if function == "transpose":
            return build.transpose(values[0], node.span[1])
        if function == "mul" and getattr(node.operands[0], "function", "") == AT:
            return build.chain("mul", values)
        made = build.operation(function, values, node.span)
        if function == "mul" and build.shape(made) is None:
            return self.beside(node, values) or made
        return made

    def beside(self, node: Operation, values: Sequence[Node]) -> Node | None:
        """`f(1 - f)`, `y e^x` of columns side by side, which only entries can mean; not `x y`."""
        typed, build = self.source.text, self.build
        signs = any({*"*@"} & {*typed[a.span[1] : b.span[0]]} for a, b in pairwise(node.operands))
        kinds = [getattr(o, "function", type(o)) for o in map(unsigned, node.operands)]
        signs |= not {"add", EXPONENTIAL, Call} & {*kinds}
        columns = [v for v in values if not self.is_number(v)] or [*values]
        entries = build.operation("hadamard", columns, node.span)
        if signs or not all(map(build.is_column, columns)) or build.shape(entries) is None:
            return None
        self.objection(INVALID if self.guessed_below(node) else 0, node)
        self.remark(f"{self.source.typed(node.span)} read entry by entry")
        self.odd.append(node)
        numbers = [v for v in values if self.is_number(v)]
        return build.operation("mul", [*numbers, entries], node.span) if numbers else entries

    # Signs ---------------------------------------------------------------------------------------

    def at(self, node: Operation, values: Sequence[Node]) -> Node:
        """`A @ x`, the product of arrays, which has no numbers."""
        if any(map(self.is_number, values)) and self.guessed_below(node):
            self.objection(INVALID, node)
        return self.build.chain("mul", values)

    def dot(self, node: Operation, values: Sequence[Node]) -> Node:
        r"""`x \cdot y` is an inner product of two columns, x·A the product A'x, else a product."""
        left, right = values
        if self.build.is_column(left) and self.axes(right) == 2:
            return self.build.chain("mul", [self.build.transpose(right, right.span[1]), left])
        if self.build.is_column(left) and self.build.is_column(right):
            left = self.build.transpose(left, left.span[1])
        else:
            self.product(node, values)
        return self.build.chain("mul", [left, right])

    def times(self, node: Operation, values: Sequence[Node]) -> Node:
        r"""`x \times y` is a cross product of two columns, else a product."""
        if all(map(self.build.is_column, values)):
            return self.build.operation("cross", values, node.span)
        return self.build.chain("mul", values)

    def slash(self, node: Operation, values: Sequence[Node]) -> Node:
        """a/b c is (a/b) c where b is a number and c cannot belong below the line.

        Where that is not clear under the kinds that fit best, nothing is read: the doubt speaks
        against no kinds.
        """
        quotient, rest = node.operands
        assert isinstance(quotient, Operation)
        above, below = quotient.operands
        first, found, typed = rest, values[1], self.source.typed
        if isinstance(rest, Operation) and rest.function == "mul":
            first = rest.operands[0]
            if isinstance(found, Operation) and found.operands:
                found = found.operands[0]
            if isinstance(first, Operation) and first.function == POWER:
                first = first.operands[0]
        if isinstance(above, Number) and isinstance(below, Number):
            clear = self.axes(found) > 0 or not isinstance(first, Name)
        else:
            letter = self.is_guess(first) and getattr(first, "name", "X").islower()
            clear = min(map(self.axes, (found, values[1]))) > 0 and not letter
        divisor = values[0].operands[1] if isinstance(values[0], Operation) else values[0]
        if not self.is_number(divisor) or not clear:
            bar = rf"\frac{{{typed(above.span)}}}{{{typed(below.span)}}}"
            self.problem = self.problem or self.build.error(
                f"what / divides by is not clear in {typed((above.span[0], rest.span[1]))}",
                (below.span[0], node.span[1]),
                f"{bar} {typed(rest.span)}",
            )
        return self.build.chain("mul", values)

    def fraction(self, node: Operation, values: Sequence[Node]) -> Node:
        """above/below, entry by entry where the divisor is an array."""
        above, below = values
        arrays = self.axes(below) > 0
        self.odd += [node] if self.axes(below) > 1 else []
        if isinstance(below, Number) and self.axes(above) == 2 and self.is_guess(node.operands[0]):
            self.objection(2.4, node)  # N/2 is of a count
        if arrays:
            self.remark(f"{self.source.typed(node.span)} divides entry by entry")
            guessed = self.guessed_below(node.operands[1])
            bare = self.bare_names(node.operands[1]) and self.axes(above) < 2
            weight = INVALID if bare and self.axes(below) == 2 else 2.0 if guessed else 0
            self.objection(weight, node)
        return self.build.operation("ediv" if arrays else "div", (above, below), node.span)

    def power(self, node: Operation, values: Sequence[Node]) -> Node:
        """A superscript: a power, of each entry of a vector, or the inverse of a matrix."""
        base, exponent = values
        if self.is_power_of_norm(node) and isinstance(base, Operation):
            return base.operands[0]
        axes = self.axes(base)
        inner = unsigned(exponent) if unsigned(exponent) is not exponent else None
        if axes > 1 and isinstance(inner, Number) and inner.value == 1:
            return self.build.call("inv", (base,), node.span)
        self.odd_power(node, base)
        if axes == 1:
            self.objection(1.2 if self.guessed_below(node.operands[0]) else 0, node)
        entrywise = axes == 1 or (isinstance(exponent, Number) and self._is_oblong(base))
        if entrywise:
            self.remark(f"{self.source.typed(node.span)} read entry by entry")
        return self.build.operation("epow" if entrywise else "power", (base, exponent), node.span)

    def _is_oblong(self, base: Node) -> bool:
        """True for a matrix that no sizes make square, so that it has no powers of its own."""
        shape = self.build.shape(base) or ()
        known = len(shape) == 2 and 1 not in shape and not any(map(is_open, shape))
        return known and shape[0] != shape[1]

    def raised(self, node: Operation, values: Sequence[Node]) -> Node:
        r"""`\tanh^2(z)` and `\sqrt[3]{x}`, of each entry of an array."""
        base, exponent = values
        function = "epow" if self.axes(base) > 0 else "power"
        return self.build.operation(function, (base, exponent), node.span)

    root = raised

    def length(self, node: Node, inner: Node) -> Node:
        """The length of a vector between bars."""
        self.remark(f"{self.source.typed(node.span)} read as a length")
        return self.build.call("norm2", (inner,), node.span)

    def bars(self, node: Operation, values: Sequence[Node]) -> Node:
        """Absolute values; of a square matrix the determinant."""
        if node in self.lengths and self.axes(values[0]) == 1:
            return self.length(node, values[0])
        shape = self.build.shape(values[0]) or ()
        matrix = len(long_axes(shape)) == 2
        square = matrix and (any(map(is_open, shape)) or shape[0] == shape[1])
        if square:
            self.remark(f"{self.source.typed(node.span)} read as a determinant")
        return self.build.call("det" if square else "abs", (values[0],), node.span)

    def plus(self, node: Operation, values: Sequence[Node]) -> Node:
        """The positive part of a number or a vector, the pseudoinverse of a matrix."""
        function = "pinv" if self.axes(values[0]) > 1 else "relu"
        self.odd += [node] * (getattr(node.operands[0], "function", "") == "add")  # (S - K)^+
        return self.build.call(function, (values[0],), node.span)

    def exponential(self, node: Operation, values: Sequence[Node]) -> Node:
        """e with a superscript, of a matrix the exponential of the matrix."""
        if self.axes(values[0]) > 1:
            made = self.build.call("expm", (values[0],), node.span)
            if self.build.shape(made) is None:
                self.objection(INVALID, node)
            return made
        inner = unsigned(node.operands[0])
        last = inner.operands[-1] if isinstance(inner, Operation) and inner.operands else None
        if isinstance(last, Name) and last.name == "t" and self.scaled_capital(inner):
            self.objection(INVALID if self.is_guess(last) else 0, node)  # t is the time
        return self.build.call("exp", (values[0],), node.span)

    def total(self, node: Operation, values: Sequence[Node]) -> Node:
        """A sum without an index: of the entries of an array; a number is its own sum."""
        call = node.operands[0]
        assert isinstance(call, Call)
        inner = values[0].operands[0] if isinstance(values[0], Call) else values[0]
        if self.is_number(inner) and self.is_guess(call.operands[0]):
            self.objection(1.2, node)
        return inner if self.is_number(inner) else values[0]

    problem: ParseError | None = None

    def failed(self, error: ParseError, node: Node) -> None:
        """Keep the first mistake that is one under these kinds."""
        self.problem = self.problem or error
        self.objection(INVALID, node)

    # Functions -----------------------------------------------------------------------------------

    def called(self, node: Call, values: Sequence[Node]) -> Node:
        """A function by its name."""
        if node in self.lengths and self.axes(values[0]) == 1:
            return self.length(node, values[0])
        rows = self.latex and node.name in ("softmax", "log_softmax") and not node.keywords
        if rows and self.axes(values[0]) == 2:
            self.remark(f"{node.name} of each row; of each column: {node.name}(X,1)")
            node = replace(node, keywords=(("axis", Number(node.span, Fraction(2))),))
        operands = list(values[: len(node.operands)])
        numbers = [self.is_number(v) for v in operands]
        if operands and numbers[0] and self.guessed_below(node):
            if node.name in OF_MATRICES:
                self.of_matrix(node)
            elif node.name in OF_VECTORS:
                self.objection(INVALID if node.name in SOFT else 4, node)
            elif OF_ARRAYS.get(len(operands), frozenset()) & {*function_names().get(node.name, ())}:
                self.objection(INVALID if self.lettered_arrays(node) else 1.4, node)
        if operands and node.name in SOFT and self.axes(operands[0]) == 1:
            inner = unsigned(node.operands[0])
            if isinstance(inner, Name) and self.is_guess(inner) and inner.name[0].isupper():
                self.objection(INVALID, node)  # a matrix needs an axis
        if self.latex and node.name in OF_NUMBERS and operands and self.axes(operands[0]) == 1:
            if self.is_guess(node.operands[0]):
                self.objection(0.6, node)
        if known_function(node.name) in ("mvnpdf", "mvnlogpdf") and self.axes(operands[0]) == 1:
            operands[1:2] = self.zeros(operands[1:2], "vector")
        operands = self.blocks(node, operands) if node.name == "blocks" and operands else operands
        if node.name == "solve" and len(operands) == 2:
            self.product(node, operands)
        if node.name == "dot" and any(numbers) and self.source.typed(node.name_span) == ":":
            said = "a : b of numbers may be a ratio"
            self.problem = self.problem or self.build.error(said, node.span, "a/b, or a*b")
        made = self.build.called(node, operands)
        self.doubtful += [made] * (node in self.doubted)
        return made

    def of_matrix(self, node: Call) -> None:
        """What speaks against a number in a function of a square matrix."""
        plain = self.is_guess(node.operands[0]) or self.scaled_capital(node.operands[0])
        names = [self.build.name(n.name, n.span) for n in postorder(node) if isinstance(n, Name)]
        if not any(map(self.axes, names)):
            said = f"{node.name} is of a square matrix, this has numbers by their letters"
            self.failed(self.build.error(said, node.span), node)
        self.objection(INVALID if plain else 4, node)

    def blocks(self, node: Call, values: Sequence[Node]) -> list[Node]:
        """The blocks, a 0 beside arrays as zeros that fit; a capital is a matrix there."""
        axes = [self.axes(v) for v in values]
        for operand, k in zip(node.operands, axes, strict=True):
            inner = operand
            while isinstance(inner, Operation) and inner.function in ("neg", "transpose"):
                inner = inner.operands[0]
            if k < 2 and self.is_guess(inner) and getattr(inner, "name", "")[:1].isupper():
                self.objection(INVALID, node)
        guessed = (not k and self.is_guess(o) for o, k in zip(node.operands, axes, strict=True))
        if max(axes) == 1 and any(guessed):  # [b; c] with a vector b and a number c
            self.objection(1.0, node)
        wide = any(isinstance(v, Number) and v.value > 1 for _, v in node.keywords)
        name = "matrix" if wide or max(axes) == 2 else "vector"
        return self.zeros(values, name) if max(axes) else [*values]

    def zeros(self, values: Sequence[Node], name: str) -> list[Node]:
        """The values, a 0 as zeros of the size that fits."""
        empty = [isinstance(v, Number) and not v.value for v in values]
        both = zip(values, empty, strict=True)
        return [self.build.call(name, (v,), v.span) if zero else v for v, zero in both]
