"""What speaks for and against the kinds of names: use is stronger evidence than a letter."""

from collections.abc import Callable, Sequence
from functools import cached_property

from matderiv.expr import REGISTRY
from matderiv.input.builder import Builder, only_scaling
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.tree import BARS, DOT, EXPONENTIAL, FRACTION, LABELS, POWER, WHOLE_POWERS
from matderiv.language.calls import function_names, known_function
from matderiv.language.declare import guessed_axes
from matderiv.language.operands import is_row
from matderiv.language.source import (
    Call,
    Name,
    Node,
    Number,
    Operation,
    Source,
    children,
    postorder,
    unsigned,
)

INVALID = 10.0
OF_ARRAYS = frozenset(
    "transpose hadamard ediv epow kron solve ?at ?dot ?times ?norm ?total".split()
)
"""Operations that no formula of numbers has."""

TIME = "t"
"""A number where a derivative is by it: f(x + tv)."""

OF_MATRICES = frozenset(
    "tr det logdet inv pinv adj expm logm sqrtm cholesky norm_nuc norm_spec".split()
)


class KindEvidence:
    """The objections to the kinds of one text; `objection` takes a weight and a node."""

    def __init__(
        self, build: Builder, source: Source, objection: Callable[[float, Node], None]
    ) -> None:
        self.build = build
        self.source = source
        self.latex = source.spelling == "latex"
        self.objection = objection
        self.scaling: set[str] = set()
        self.columns: set[str] = set()
        self.odd: list[Node] = []
        self.maps = False  # that a matrix stands before a vector

    # Kinds ---------------------------------------------------------------------------------------

    @cached_property
    def guesses(self) -> bool:
        """True where some kind is guessed: else nothing speaks for another."""
        named = (n.name for n in self.source.nodes if isinstance(n, Name))
        return any(map(self.build.is_guessed, named))

    def axes(self, node: Node) -> int:
        """How many long axes a plain node has; 0 where that is not known."""
        return self.build.axes(node) or 0

    def is_number(self, node: Node) -> bool:
        """True for what is known to be a number."""
        return self.build.is_scalar(node)

    def guessed_below(self, node: Node) -> bool:
        """True where a name below the node has a guessed kind."""
        return any(isinstance(n, Name) and self.build.is_guessed(n.name) for n in postorder(node))

    def lettered_arrays(self, node: Node) -> bool:
        """True where all names below are guessed, one an array by its letter: x in mean(x^2)."""
        names = [n.name for n in postorder(node) if isinstance(n, Name)]
        return all(map(self.build.is_guessed, names)) and any(map(guessed_axes, names))

    def is_guess(self, node: Node) -> bool:
        """True for a name, or an entry of one, whose kind is guessed."""
        inner = unsigned(node)
        return isinstance(inner, Name) and self.build.is_guessed(inner.name)

    # What speaks against kinds -------------------------------------------------------------------

    def addition(self, node: Operation, values: Sequence[Node]) -> Sequence[Node]:
        """The terms of a sum, with what speaks against numbers beside arrays."""
        axes = [self.axes(v) for v in values]
        if max(axes) == 0:
            return values
        matrices = [unsigned(o) for o, n in zip(node.operands, axes, strict=True) if n == 2]
        alone = bool(matrices) and all(isinstance(m, Name) for m in matrices)
        if self.latex and alone and min(axes) < 2:  # T - t; XW + b is of matrices
            self.odd.append(node)
        if max(axes) == 2 and 1 in axes:
            if self.latex:
                both = zip(values, axes, strict=True)
                values = [self.on_diagonal(v) if k == 1 else v for v, k in both]
                axes = [self.axes(v) for v in values]
            self.matrix_beside_column(node, axes)
        ranks = {
            len(self.build.shape(v) or ()) for v, k in zip(values, axes, strict=True) if k == 1
        }
        if len(ranks) > 1 and self.guessed_below(node):
            self.objection(INVALID if self.latex else 3, node)  # a column beside a row
        single = next((o for o, k in zip(node.operands, axes, strict=True) if k), node)
        for operand, value in zip(node.operands, values, strict=True):
            if not self.is_number(value):
                continue
            if isinstance(unsigned(operand), Number):
                if self.is_guess(single):
                    self.objection(0.9 if self.latex else 0.5, node)
            else:
                self.number_beside_array(operand, node)
        return values

    def on_diagonal(self, value: Node) -> Node:
        r"""The `\operatorname{diag}(A)` in a term beside a matrix as a diagonal matrix."""
        if isinstance(value, Call) and value.name == "diag":
            return self.build.call("diag", (value,), value.span)
        if isinstance(value, Operation) and value.function in ("neg", "mul"):
            parts = [self.on_diagonal(o) for o in value.operands]
            return self.build.operation(value.function, parts, value.span)
        return value

    def matrix_beside_column(self, node: Operation, axes: Sequence[int]) -> None:
        """`Y - X b`, where Y is a column whatever its letter; LaTeX adds no rows to matrices."""
        terms = [unsigned(o) for o in node.operands]
        both = list(zip(terms, axes, strict=True))
        bare = {t.name for t, k in both if k == 2 and isinstance(t, Name) and self.is_guess(t)}
        product = any(
            k == 1 and isinstance(t, Operation) and t.function in ("mul", DOT) for t, k in both
        )
        self.columns |= bare
        if (self.latex or (bare and product)) and self.guessed_below(node):
            self.objection(INVALID if self.latex and not bare else 2.2, node)

    def number_beside_array(self, operand: Node, node: Node) -> None:
        """A guessed number that is added to an array."""
        if self.is_guess(operand):
            self.objection(1.5, node)
        elif not isinstance(unsigned(operand), Number) and self.guessed_below(node):
            self.objection(3 if self.latex else 1.2, node)

    def product(self, node: Operation | Call, values: Sequence[Node]) -> None:
        """Numbers behind arrays, and vectors before numbers."""
        abstract = any(isinstance(o, Call) and o.name == "abstract" for o in node.operands)
        if not (self.guesses or abstract):
            return
        if max(map(self.axes, values)) == 2:
            self.capitals(node, values)
            if abstract:
                self.objection(INVALID, node)  # a function whose value is an array
        for operand, value in list(zip(node.operands, values, strict=True))[1:-1]:
            raised = isinstance(operand, Operation) and operand.function == EXPONENTIAL
            if raised and self.axes(value) == 1 and self.guessed_below(operand):
                self.objection(INVALID, operand)  # x' e^{As} x has the exponential of a matrix
        if not (self.labels(node, values) or self.scaled_square(node, values)):
            self.lowered(node, values)
        self.written_out(node, values)
        for left, right, o in zip(values, values[1:], node.operands[1:], strict=False):
            columns = (self.axes(left), self.axes(right)) == (2, 1)
            self.maps |= columns and getattr(o, "function", "") not in (POWER, "power")
        before = False
        for k, (operand, value) in enumerate(zip(node.operands, values, strict=True)):
            number = self.is_number(value)
            if number and before:
                last = all(self.is_number(v) for v in values[k + 1 :])
                self.number_after_array(node.operands[k - 1], operand, node, last=last)
            before = before or self.axes(value) > 0

    def written_out(self, node: Operation | Call, values: Sequence[Node]) -> None:
        """`W_{12}*x_2`, a term of a product that is written out, where x_2 is a number."""
        named = [o if isinstance(o, Name) else None for o in map(unsigned, node.operands)]
        for left, right, value in zip(named, named[1:], values[1:], strict=False):
            if left and right and self.axes(value) and self.is_guess(right):
                place, column = split_label(left.name)[1], split_label(right.name)[1]
                if place.isdigit() and place[1:] == column != "":
                    self.objection(1.2, right)

    def scaled_square(self, node: Operation | Call, values: Sequence[Node]) -> bool:
        """True for `m*v'*v`, `m*v*v'` and `a*x'*y`, which have numbers m and a."""
        threes = zip(*(node.operands[k:] for k in range(3)), values, strict=False)
        for k, (leading, row, column, value) in enumerate(threes):
            if k and not self.is_number(values[k - 1]):
                break
            lies = getattr(column, "function", "") == "transpose"  # x*x'
            row, column = (column, row) if lies else (row, column)
            square = isinstance(row, Operation) and row.function == "transpose"
            square = square and isinstance(row.operands[0], Name) and isinstance(column, Name)
            square = square and guessed_axes(column.name) < 2
            same = square and row.operands[0].name == column.name
            front = getattr(unsigned(leading), "name", "")
            same = same or (square and not lies and front != "" and not guessed_axes(front))
            if same and front != column.name and self.is_guess(leading):
                self.objection(2.4 if self.axes(value) else 0, leading)
                return True
        return False

    def labels(self, node: Operation | Call, values: Sequence[Node]) -> bool:
        """True for `y*(w'*x)` and `y*w'*x`, where the label y of one example is a number."""
        label, rest = unsigned(node.operands[0]), node.operands[1:]
        named = split_label(label.name)[0] if isinstance(label, Name) else ""
        if named not in LABELS or not self.is_guess(label):
            return False
        if [getattr(o, "name", "").replace("_", "") for o in rest] == [f"{named}hat"]:
            self.objection(1.05 * sum(map(self.axes, values)), node)
            return True  # y ŷ
        shapes = [self.build.shape(v) or () for v in values]
        row = len(rest) == 2 and len(shapes[1]) == 2 and shapes[1][0] == 1 and len(shapes[2]) == 1
        row = row and node is not self.source.main  # y*w'*x alone is a vector
        number = len(rest) == 1 and self.is_number(values[1])
        number = number and not isinstance(unsigned(rest[0]), Name | Number)
        if self.axes(values[0]) == 1 and number and self.by_letter(rest[0]):
            return False  # y*log(p) of a vector y
        if self.axes(values[0]) == 1 and (row or number):
            self.objection(1.05, label)
        return row or number

    def entrywise(self, node: Operation, values: Sequence[Node]) -> None:
        """`theta .* y` with a number theta, which would be written without the dot."""
        numbers = [self.is_number(v) for v in values]
        if all(numbers) and self.guessed_below(node):
            self.objection(INVALID, node)
        elif any(n and self.is_guess(o) for n, o in zip(numbers, node.operands, strict=True)):
            self.objection(1.2, node)

    def lowered(self, node: Operation | Call, values: Sequence[Node]) -> None:
        """Vectors by their letters that are taken as numbers, as x in `x*A*x` and in `x*y`.

        That is what somebody meant only where another part of the formula needs a number too.
        """
        if node in self.square | self.dotted:
            return  # A*t of expm(A*t), a matrix times a number; y w of y w·x
        operands = [unsigned(o) for o in node.operands]
        axes = [self.axes(v) for v in values]
        pairs = zip(operands, map(unsigned, values), strict=True)
        vectors = [self.by_letter(o) and isinstance(v, type(o)) for o, v in pairs]  # no entries
        numbers = [v and not k for v, k in zip(vectors, axes, strict=True)]
        capitals = (isinstance(o, Name) and guessed_axes(o.name) == 2 for o in operands)
        matrices = (k for k, (a, c) in enumerate(zip(axes, capitals, strict=True)) if a > 1 - c)
        matrix = next(matrices, len(axes))
        shown = [getattr(o, "name", "") in self.source.kinds for o in operands]  # bold
        beside = any(v and k and not b for v, k, b in zip(vectors, axes, shown, strict=True))
        after = not self.latex and any(numbers[matrix:])
        bare = [n and isinstance(o, Name) for n, o in zip(numbers, operands, strict=True)]
        if any(numbers) and (after or beside or (sum(bare) > 1 and not self.needs_numbers)):
            self.objection(INVALID, node)

    def by_letter(self, node: Node) -> bool:
        """True for a name whose letter says vector, and for sums and functions of such names."""
        node = unsigned(node)
        if isinstance(node, Operation) and node.function == "add":
            named = [o for o in node.operands if not isinstance(unsigned(o), Number)]
            return bool(named) and all(map(self.by_letter, named))
        if isinstance(node, Call) and node.name in ("log", "exp", "sqrt"):
            return self.by_letter(node.operands[0])
        if not isinstance(node, Name) or len(split_label(node.name)[0]) > 2:
            return False  # a word says little
        lettered = self.build.is_guessed(node.name) and guessed_axes(node.name) == 1
        return lettered and (node.name != TIME or TIME not in self.build.scope.about)

    @cached_property
    def lengths(self) -> frozenset[Node]:
        """Bars in a power, before a factor or below a line, around a vector its length: `x/|x|`."""
        found: list[Node] = []
        nodes = [n for n in self.source.nodes if isinstance(n, Operation)]
        dotted = [o for n in nodes if n.function == "hadamard" for o in n.operands]
        entries = {f for o in dotted for f in (o, *children(o))}  # p|x|^{p-1} ⊙ y is of entries
        for node in nodes:
            if node.function in (POWER, "power"):
                found += [] if node in entries else [node.operands[0]]
            elif node.function in (FRACTION, "div"):
                below = node.operands[1]
                product = isinstance(below, Operation) and below.function == "mul"
                found += below.operands if isinstance(below, Operation) and product else [below]
            elif node.function == "mul":
                found += [o for o in node.operands[:-1] if not isinstance(o, Number)][:1]
        return frozenset(n for n in found if self.is_bars(n))

    def is_bars(self, node: Node) -> bool:
        if isinstance(node, Call):
            return node.name == "abs" and self.source.typed(node.span)[:1] == "|"
        return isinstance(node, Operation) and node.function == BARS

    @cached_property
    def square(self) -> frozenset[Node]:
        """What functions of square matrices are applied to."""
        calls = (n for n in self.source.nodes if isinstance(n, Call) and n.name in OF_MATRICES)
        return frozenset(unsigned(c.operands[0]) for c in calls if c.operands)

    @cached_property
    def dotted(self) -> frozenset[Node]:
        """What stands before the dots of inner products."""
        nodes = (n for n in self.source.nodes if isinstance(n, Operation))
        return frozenset(unsigned(n.operands[0]) for n in nodes if n.function == DOT)

    @cached_property
    def needs_numbers(self) -> bool:
        """True for a formula with a power or a quotient, which are of numbers, or `w*x + b`."""
        nodes = [n for n in self.source.nodes if isinstance(n, Operation)]
        terms = [unsigned(o) for n in nodes if n.function == "add" for o in n.operands]
        if any(self.is_guess(t) and not guessed_axes(getattr(t, "name", "x")) for t in terms):
            return True
        numbered = any(n.name[-1].isdigit() for n in self.source.nodes if isinstance(n, Name))
        return numbered or any(n.function.strip("?") in ("power", "div", "fraction") for n in nodes)

    def by_inner_product(self, node: Node) -> bool:
        """True for `u*(v'*x)`, a vector."""
        below = node.operands if isinstance(node, Operation) else ()
        numbers = [unsigned(o) for o in below if self.is_number(o)]
        return any(isinstance(n, Operation) and n.function == "mul" for n in numbers)

    def capitals(self, node: Operation | Call, values: Sequence[Node]) -> None:
        """A capital that is taken as a number beside a matrix that is named: A*X + X*A."""
        pairs = list(zip(map(unsigned, node.operands), values, strict=True))
        named = [isinstance(o, Name) and self.axes(v) == 2 for o, v in pairs]
        for operand, value in pairs:
            if any(named) and self.is_guess(operand) and self.is_number(value):
                if isinstance(operand, Name) and operand.name[0].isupper():
                    self.objection(INVALID, node)

    def scaled_capital(self, operand: Node) -> bool:
        """True for `A*t` and `-A t`, a matrix times a number."""
        inner = unsigned(operand)
        factors = inner.operands if isinstance(inner, Operation) and inner.function == "mul" else ()
        named = [unsigned(f) for f in factors]
        return any(isinstance(f, Name) and self.is_guess(f) and f.name[0].isupper() for f in named)

    def bare_names(self, node: Node) -> bool:
        """True for `N` and `2N` of guessed names below a line, which are numbers."""
        product = isinstance(node, Operation) and node.function == "mul"
        factors = node.operands if isinstance(node, Operation) and product else (node,)
        return all(isinstance(f, Number) or self.is_guess(f) for f in factors)

    def number_after_array(
        self, left: Node, operand: Node, node: Node, *, last: bool = True
    ) -> None:
        """`A b` with a number b, `w' x` with a number x, `y s` with a vector y."""
        inner = unsigned(operand)
        if self.is_guess(operand):
            self.objection(1.95 if last else 0.9, node)
        elif self.is_guess(left) and not isinstance(inner, Number):
            base = inner.operands[0] if isinstance(inner, Operation) else inner
            met = isinstance(base, Name) and base.name in self.build.names and self.by_letter(base)
            lowered = met and not self.build.axes_of(getattr(base, "name", ""))
            self.objection(1.2 if lowered else 0.6, node)

    def result(self, main: Node, parts: Sequence[Node] = ()) -> None:
        """A whole that is a row is rarely meant; arrays that only scale numbers are numbers."""
        trees = [*parts, main] if self.guesses else []
        for name, node in only_scaling(self.build, trees, leading=True).items():
            if guessed_axes(name) == 2 or not self.by_inner_product(node):
                self.scaling.add(name)
                self.objection(1.2 if self.build.axes_of(name) == 1 else 2.4, Name(node.span, name))
        shape = self.build.shape(main)
        if shape is not None and len(shape) == 2 and shape[0] == 1 and shape[1] != 1:
            self.objection(1.5, self.source.main)

    # Formulas of numbers -------------------------------------------------------------------------

    def odd_power(self, node: Operation, value: Node) -> None:
        """K^alpha, max(0, m - D)^2 and (T - y)^2 are usual for numbers, whatever their letter."""
        base, exponent = map(unsigned, node.operands)
        kinked = isinstance(base, Call) and base.name in ("max", "min", "relu")
        if isinstance(base, Operation) and base.function == "add" and self.axes(value) == 2:
            kinked = any(self.axes(o) == 1 for o in children(unsigned(value)))  # (T - y)^2
        whole = isinstance(exponent, Number) or getattr(exponent, "name", "") in WHOLE_POWERS
        if self.axes(value) == 1 or (kinked and self.axes(value)) or not (kinked or whole):
            self.odd.append(node)

    @cached_property
    def of_arrays(self) -> bool:
        """True where something that was typed says that there are arrays: a transpose, a sum."""
        return any(self.source.kinds.values()) or any(map(self.says_array, self.source.nodes))

    def says_array(self, node: Node) -> bool:
        """True for what no formula of numbers has."""
        if isinstance(node, Name):
            known = {*self.build.scope.sizes, *self.build.parts, "pi"}
            return not self.is_guess(node) and node.name not in known
        if isinstance(node, Call):
            names = function_names().get(known_function(node.name) or "", ())
            return all(REGISTRY[n].kind != "elementwise" for n in names)
        if not isinstance(node, Operation):
            return not isinstance(node, Number)
        base, *rest = map(unsigned, node.operands)
        if node.function in (POWER, "power") and isinstance(base, Name) and base.name[0].isupper():
            return rest[0] is not node.operands[1] and isinstance(rest[0], Number)  # X^{-1}
        return node.function in OF_ARRAYS

    def by_inner_products(self, node: Node) -> bool:
        """True for `w'x - y` and `y - f(w'x)`, sums with an inner product among their terms."""
        terms = node.operands if isinstance(node, Operation) and node.function == "add" else ()
        inside = (t.operands[0] if isinstance(t, Call) else t for t in map(unsigned, terms))
        products = [t for t in inside if getattr(t, "function", "") == "mul"]
        return any(map(is_row, (f for t in products for f in children(t)[:-1])))
