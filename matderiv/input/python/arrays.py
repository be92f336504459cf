"""NumPy's arrays over the text language: which operation a sign means, by NumPy's own shapes.

A vector of the text language is an array of one axis, or, with `columns`, of the shape (n, 1), as
in formulas that tell columns from rows by `.T`. One axis against two is a row in NumPy, `*` works
entry by entry, and `@` of two vectors is a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matderiv.errors import Span
from matderiv.input.builder import COMBINED, Scope, only_scaling
from matderiv.input.python.extents import Extents
from matderiv.input.python.operands import (
    Array,
    ArrayError,
    broadcast,
    last_factors,
    lifts,
    masks,
    plain_factor,
    share_names,
)
from matderiv.input.terms import COMPARISONS
from matderiv.input.tree import WHOLE_POWERS
from matderiv.language.declare import SPELLED
from matderiv.language.sizes import is_open
from matderiv.language.source import Call, Name, Node, Operation, postorder, unsigned
from matderiv.shapes import Shape, is_scalar


class Arrays(Extents):
    """The operations on arrays of one text.

    `choices` are the places where the reading hangs on what a vector is, with what was chosen;
    `unlike_text` those where the text language means something else by the same characters.
    `kinds` are the axes of guessed names, by how they are used; `dialect` the library whose name
    the text has.
    """

    def __init__(self, text: str, scope: Scope, columns: bool, dialect: str = "") -> None:
        super().__init__(text, scope)
        self.columns = columns
        self.dialect = dialect
        self.kinds: dict[str, int] = {}
        self.choices: dict[Span, str] = {}
        self.unlike_text: list[Span] = []
        self.spread: list[str] = []

    # Values --------------------------------------------------------------------------------------

    def array(self, node: Node, shape: Shape | None = None) -> Array:
        """The value of a node; a shape that is not given is that of the text language."""
        found = (self.build.shape(node) if shape is None else shape) or ()
        if shape is None and self.columns and len(found) == 1:
            found = (*found, 1)
        return Array(node, found)

    def number(self, value: int, span: Span) -> Array:
        """A number that was not typed."""
        return Array(self.build.number(value, span), ())

    def axes_at_least(self, a: Array, axes: int) -> Array:
        """The array; a guessed name is used here as one of so many axes, which is noted.

        In a formula of guessed numbers that is the last name: x in `norm(c*x)`.
        """
        built = filter(self.build.is_built, postorder(a.node))  # places have nodes of their own
        names = [n for n in built if isinstance(n, Name)]
        alone = isinstance(unsigned(a.node), Name)
        if a.rank >= axes or not (alone or is_scalar(a.shape)):
            return a
        if names and all(self.build.is_guessed(n.name) for n in names):
            if alone or all(self.build.is_scalar(n) for n in names):
                self.kinds[names[-1].name] = max(axes, self.kinds.get(names[-1].name, 0))
        return a

    def added_kinds(self, terms: Sequence[Array]) -> None:
        """What a sum says of names: b in X @ w + b is an array, Y in X @ w - Y has one axis.

        In w.T @ X + b it is a number: a vector with .T is meant as a column, its product as a row.
        A vector along an axis, as in X - X.mean(axis=0), says nothing: it is a row for X.
        """
        vectors = [t for t in terms if t.rank == 1]
        if any(_is_multiplied(t.node) for t in vectors) and not self.columns:
            for t in terms:
                node = unsigned(t.node)
                if t.rank == 2 and isinstance(node, Name) and self.build.is_guessed(node.name):
                    self.kinds[node.name] = 1
        products = [t for t in vectors if isinstance(t.node, Operation)]
        if any(t.rank for t in terms) and not any(t.turned for t in products):
            for t in terms:
                if getattr(unsigned(t.node), "name", "") not in SPELLED:
                    self.axes_at_least(t, 1)

    def learned(self, known: Mapping[str, int], trees: Sequence[Node] = ()) -> dict[str, int]:
        """The kinds that use says besides the known: first of arrays that only scale numbers."""
        factors = only_scaling(self.build, trees)
        names = [n.name for n in postorder(*trees) if isinstance(n, Name)]
        factors |= {n: trees[-1] for n in self.spread if names.count(n) == 1}
        numbers = {name: 0 for name in factors if name not in known}
        return numbers or {name: axes for name, axes in self.kinds.items() if name not in known}

    def renamed(self, a: Array, span: Span) -> Array:
        """The same array at another place of the text."""
        return replace(a, node=self.build.spanned(a.node, span))

    def impossible(self, message: str, span: Span, hint: str | None = None) -> ArrayError:
        """What NumPy refuses as well; it may be right where vectors are columns."""
        return ArrayError(message, source=self.text, span=span, hint=hint)

    # Entry by entry ------------------------------------------------------------------------------

    def entrywise(self, function: str, operands: Sequence[Array], span: Span) -> Array:
        """An operation on corresponding entries, broadcast as NumPy does: the last axes meet."""
        rank = max(a.rank for a in operands)
        self._check_columns(operands, span)
        operands = self._stacked(operands, span) if rank > 2 else operands
        nodes = [self._spread(a, rank, span) for a in operands]
        shape = broadcast([a.shape for a in operands])
        if function in COMPARISONS.values():
            return Array(self.build.operation(function, nodes, span), shape, mask=True)
        if function in ("maximum", "minimum", "where"):
            named = {"maximum": "max", "minimum": "min"}.get(function, function)
            return Array(self.build.call(named, nodes, span), shape)
        return Array(self.build.operation(function, nodes, span), shape, mask=masks(operands))

    def _check_columns(self, operands: Sequence[Array], span: Span) -> None:
        """Refuse (n, 1) with (n,), which NumPy makes a matrix, where vectors are taken as columns.

        Such a text was written with vectors of one axis in mind, or the matrix is a mistake.
        """
        flat = any(a.rank == 1 and not is_scalar(a.shape) for a in operands)
        if self.columns and flat and any(a.rank == 2 and a.shape[1] == 1 for a in operands):
            said = "a column with an array of one axis gives a matrix in NumPy"
            raise self.error(said, span, "x[:, None] for a column, x[None, :] for a row")

    def with_axes(self, a: Array, new: Sequence[bool], span: Span) -> Array:
        """X[:, None, :]: axes of size 1, which the node does not have: `_stacked` adds them."""
        if len(self.build.shape(a.node) or ()) != a.rank:
            raise self.error("an axis more is read for vectors of one axis", span, "x[:, None]")
        left = list(a.shape)
        shape = [1 if one else left.pop(0) for one in new]
        return replace(self.renamed(a, span), shape=(*shape, *left))

    def _stacked(self, arrays: Sequence[Array], span: Span) -> list[Array]:
        """Arrays of which some have more than two axes, each with all axes of all of them."""
        shape = broadcast([a.shape for a in arrays])
        letters = "ijklmnop"[: len(shape)]
        found = []
        for a in arrays:
            own = (*(1,) * (len(shape) - a.rank), *a.shape)
            axes = len(self.build.shape(a.node) or ())
            if is_scalar(a.shape) or axes == len(shape):
                found.append(a)
                continue
            long = [k for k, size in enumerate(own) if size != 1]
            if axes != len(long):
                raise self.error("arrays of such axes are not combined", span, "np.einsum(...)")
            one = self.build.number(1, span)
            ones = [
                self.build.call("ones" if shape[k] == 1 else "vector", (one,), span)
                for k in range(len(shape))
                if k not in long
            ]
            inner = "".join(letters[k] for k in long)
            others = [letter for k, letter in enumerate(letters) if k not in long]
            pattern = self.build.string(f"{','.join([inner, *others])}->{letters}", span)
            node = self.build.call("einsum", (pattern, a.node, *ones), span)
            found.append(replace(a, node=node, shape=shape))
        return found

    def _spread(self, a: Array, rank: int, span: Span) -> Node:
        if a.rank == 1 and rank == 2 and not is_scalar(a.shape):
            self.choices[span] = "row"
            self.unlike_text.append(span)
            return self.build.turned(a.node)
        if 0 < a.rank < rank and not is_scalar(a.shape):
            raise self.error(
                "arrays of different numbers of axes are not combined here", span, "np.einsum(...)"
            )
        if a.rank == 2 and rank == 2 and self.build.axes(a.node) == 1:
            self.choices.setdefault(span, "column" if a.shape[-1] == 1 else "row")
        return a.node

    def product(self, a: Array, b: Array, span: Span) -> Array:
        """a * b."""
        if (is_scalar(a.shape) or is_scalar(b.shape)) and not lifts(a.shape, b.shape):
            node = self.build.chain("mul", (a.node, b.node))
            shape = broadcast([a.shape, b.shape])
            turned = a.turned or b.turned
            return Array(self.build.spanned(node, span), shape, turned, masks((a, b)))
        self.unlike_text.append(span)
        if (a.rank, b.rank) == (2, 1) and not isinstance(a.node, Name):
            self.spread += plain_factor(self.build, a.node)
        return self.entrywise("hadamard", (a, b), span)

    def quotient(self, a: Array, b: Array, span: Span) -> Array:
        """a / b."""
        if is_scalar(b.shape) and not lifts(a.shape, b.shape):
            node = self.build.operation("div", (a.node, b.node), span)
            return Array(node, broadcast([a.shape, b.shape]), a.turned)
        self.unlike_text.append(span)
        return replace(self.entrywise("ediv", (a, b), span), mask=False)

    def power(self, a: Array, b: Array, span: Span) -> Array:
        """a ** b."""
        if is_scalar(a.shape) and is_scalar(b.shape):
            shape = broadcast([a.shape, b.shape])
            return Array(self.build.operation("power", (a.node, b.node), span), shape)
        self.unlike_text.append(span)
        if b.rank and isinstance(b.node, Name) and b.node.name in WHOLE_POWERS:
            self.kinds.setdefault(b.node.name, 0)  # of a guessed name
        return replace(self.entrywise("epow", (a, b), span), mask=False)

    def negative(self, a: Array, span: Span) -> Array:
        """-a."""
        if a.mask:
            raise self.error("NumPy has no minus for True and False", span, ".astype(float)")
        return Array(self.build.operation("neg", (a.node,), span), a.shape, a.turned)

    def sum_of(self, terms: Sequence[Array], span: Span) -> Array:
        """Terms added up, each to the sum of those before it."""
        if masks(terms[:2]):
            raise self.error(
                "two comparisons added are their or in NumPy", span, "(x > 0).astype(float)"
            )
        self.added_kinds(terms)
        terms = self._stacked(terms, span) if any(t.rank > 2 for t in terms) else terms
        total = terms[0]
        run = [total.node]
        shape = total.shape
        for term in terms[1:]:
            if lifts(term.shape, shape):
                left = self._added(run, shape, (span[0], term.span[0]))
                made = self.entrywise("add", (left, term), (span[0], term.span[1]))
                run, shape = [made.node], made.shape
                continue
            self._check_columns((Array(run[0], shape), term), (span[0], term.span[1]))
            self._spread(term, max(term.rank, len(shape)), (span[0], term.span[1]))
            run.append(term.node)
            shape = broadcast([shape, term.shape])
        return self._added(run, shape, span)

    def _added(self, run: list[Node], shape: Shape, span: Span) -> Array:
        node = run[0] if len(run) == 1 else self.build.operation("add", run, span)
        return Array(node, shape)

    # Products and transposes ---------------------------------------------------------------------

    def matmul(self, a: Array, b: Array, span: Span) -> Array:
        """a @ b: vectors give a number, a vector on the left is a row, on the right a column."""
        a, b = self.axes_at_least(a, 1), self.axes_at_least(b, 1)
        ranks = (a.rank, b.rank)
        if masks((a, b)):
            raise self.error(
                "@ of two comparisons gives True and False", span, "(x > 0).astype(float)"
            )
        if 0 in ranks:
            raise self.impossible(
                "@ multiplies arrays, one side is a number", span, "* for a number"
            )
        if max(ranks) > 2:
            return self._stacked_matmul(a, b, span)
        if isinstance(a.node, Operation) and a.node.function == "hadamard" and b.rank == 1:
            first, other = a.node.operands
            if share_names(other, b.node):  # (K*x) @ x
                self.spread += plain_factor(self.build, first)
        inner = (a.shape[-1], b.shape[0])
        if 1 in inner and inner != (1, 1):
            said = " and ".join("1" if s == 1 or is_open(s) else str(s) for s in inner)
            raise self.impossible(f"@ of sizes {said} does not fit", span, "* for entry by entry")
        if ranks == (1, 1):
            self.choices[span] = "number"
            if b.turned or not a.turned:
                self.unlike_text.append(span)
            row = self.build.transpose(a.node, a.span[1])
            return Array(self.build.operation("mul", (row, b.node), span), ())
        if ranks == (1, 2):
            if not a.turned:
                self.unlike_text.append(span)
            turned = self.build.transpose(b.node, b.span[1])
            node = self.build.operation("mul", (turned, a.node), span)
            return Array(node, b.shape[1:], a.turned)
        node = self.build.spanned(self.build.chain("mul", (a.node, b.node)), span)
        shape = (*a.shape[:-1], *b.shape[1:])
        if self.build.axes(a.node) == self.build.axes(b.node) == 1:
            self.choices[span] = "number" if is_scalar(shape) else "matrix"
        return Array(node, shape)

    def _stacked_matmul(self, a: Array, b: Array, span: Span) -> Array:
        """Products of the matrices in the last two axes; the axes before them stand alike."""
        batch = "abcdefgh"[: max(a.rank, b.rank) - 2]
        left = (batch + "ij")[-a.rank :] if a.rank > 1 else "j"
        right = (batch + "jk")[-b.rank :] if b.rank > 1 else "j"
        out = batch + "i" * (a.rank > 1) + "k" * (b.rank > 1)
        if any(len(self.build.shape(v.node) or ()) != v.rank for v in (a, b)):
            raise self.error("@ of columns and of more than two axes is not read", span)
        pattern = self.build.string(f"{left},{right}->{out}", span)
        return self.array(self.build.call("einsum", (pattern, a.node, b.node), span))

    def transpose(self, a: Array, end: int) -> Array:
        """a.T; an array of one axis stays as it is."""
        if a.rank < 2:
            a = self.axes_at_least(a, 1)
            return replace(self.renamed(a, (a.span[0], end)), turned=not a.turned)
        if a.rank > 2:
            (a,) = self._stacked([a], a.span)
            axes = [self.build.number(k, a.span) for k in range(a.rank, 0, -1)]
            node = self.build.call("permute", (a.node, *axes), (a.span[0], end))
            return replace(a, node=node, shape=a.shape[::-1])
        return replace(a, node=self.build.transpose(a.node, end), shape=a.shape[::-1])

    def as_column(self, a: Array, span: Span) -> Array:
        """x[:, None]: the shape (n, 1)."""
        vector = self.as_vector(a, span)
        return replace(self.renamed(vector, span), shape=(*vector.shape, 1))

    def as_row(self, a: Array, span: Span) -> Array:
        """x[None, :]: the shape (1, n)."""
        vector = self.as_vector(a, span)
        node = self.build.transpose(vector.node, span[1])
        return replace(vector, node=node, shape=(1, *vector.shape))

    def as_vector(self, a: Array, span: Span) -> Array:
        """x.ravel(): one axis; the rows of a matrix one after the other."""
        if a.rank == 2 and a.shape[0] == 1 and a.shape[1] != 1:
            return replace(a, node=self.build.transpose(a.node, span[1]), shape=a.shape[1:])
        if a.rank == 2 and a.shape[1] != 1:
            turned = self.build.transpose(a.node, span[1])
            stacked = self.build.call("vec", (turned,), span)
            return replace(a, node=stacked, shape=self.build.shape(stacked) or ())
        if a.rank > 2:
            raise self.error("only vectors and matrices are reshaped here", span)
        return replace(self.renamed(a, span), shape=self._long(a), turned=False)

    @staticmethod
    def _long(a: Array) -> Shape:
        if a.rank == 0:
            return (1,)
        return a.shape if a.rank == 1 else a.shape[:1] if a.shape[1] == 1 else a.shape[1:]

    # Along axes ----------------------------------------------------------------------------------

    def reduced(self, name: str, a: Array, axis: int | None, kept: bool, span: Span) -> Array:
        """sum, mean, max, ... of everything or along an axis (from 0, or from the end)."""
        a = self.axes_at_least(a, 1)
        place = self.place_of(axis, a, span)
        self.kinds |= dict.fromkeys(last_factors(self.build, a.node), a.rank)
        if place is None or a.rank < 2 or is_scalar(a.shape):
            ones: Shape = (1,) * a.rank if kept else ()
            return Array(self.build.call(name, (a.node,), span), ones)
        self.unlike_text.append(span)
        if a.rank > 2:
            if kept or len(self.build.shape(a.node) or ()) != a.rank:
                raise self.error("keepdims is read for matrices only", span)
            shape = a.shape[:place] + a.shape[place + 1 :]
            return Array(self.build.call(name, (a.node,), span, axis=place + 1), shape)
        if a.shape[place] == 1 and name in ("sum", "mean", "max", "min", "prod", "logsumexp"):
            node, shape = a.node, a.shape
        elif a.shape[1 - place] == 1:
            node, shape = self.build.call(name, (a.node,), span), (1, 1)
        else:
            node = self.build.call(name, (a.node,), span, axis=place + 1)
            shape = (1, a.shape[1]) if place == 0 else (a.shape[0], 1)
        found = Array(node, shape)
        return found if kept else self.as_vector(found, span)

    def place_of(self, axis: int | None, a: Array, span: Span) -> int | None:
        """An axis counted from 0."""
        if axis is None:
            return None
        self.axes_at_least(a, axis + 1)
        if not -max(a.rank, 1) <= axis < max(a.rank, 1):
            raise self.impossible(f"there is no axis {axis}, the array has {a.rank}", span)
        return axis % a.rank if a.rank else None

    def along(self, name: str, a: Array, axis: int | None, span: Span) -> Array:
        """softmax and log_softmax, which keep the shape."""
        place = self.place_of(axis, a, span)
        if self.build.axes(a.node) == 1 and a.rank == 2 and place is not None:
            if a.shape[place] == 1:
                raise self.error(f"{name} along an axis of size 1 is constant", span)
            place = None
        if place is None or a.rank < 2:
            return Array(self.build.call(name, (a.node,), span), a.shape)
        self.unlike_text.append(span)
        return Array(self.build.call(name, (a.node,), span, axis=place + 1), a.shape)


def _is_multiplied(node: Node) -> bool:
    """True for X @ w, and for what is made of it entry by entry, as sigmoid(X @ w)."""
    if isinstance(node, Operation):
        return node.function == "mul" or (
            node.function in COMBINED and any(map(_is_multiplied, node.operands))
        )
    return isinstance(node, Call) and len(node.operands) == 1 and _is_multiplied(node.operands[0])
