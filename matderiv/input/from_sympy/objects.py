"""SymPy objects as expressions: every class is read by name, anything else is refused by name.

An n x 1 MatrixSymbol is the vector (n,), a 1 x 1 product is a scalar. Sizes are collected first,
so that a size symbol used as a number is that size. Trees of any depth are read without recursion.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from matderiv.arguments import given as quoted
from matderiv.bridge.sizes import SizeTable, entry_parts, every, readable
from matderiv.errors import MatderivError, ShapeError, UnknownFunction, UnknownName
from matderiv.expr import Expr, apply, size_expr, variable, variables
from matderiv.input.from_sympy.gathered import gathered
from matderiv.input.from_sympy.nodes import LEAVES, SIZED, class_name, excerpt, handler
from matderiv.input.from_sympy.scalar_functions import ENTRIES, product
from matderiv.input.from_sympy.sums import read_at
from matderiv.input.from_sympy.undefined import undefined
from matderiv.language.declare import check_facts
from matderiv.language.tokens import canonical_name
from matderiv.lazy import sp
from matderiv.shapes import Dim, Shape, Size

Facts = Mapping[str, Iterable[str]]


def from_sympy(e: Any, facts: Facts | None = None) -> Expr:
    """The expression that a SymPy object stands for; `facts` declares words for variables.

    Raises UnknownFunction, which names the class, for what is outside the language, and
    ShapeError for sums and products that SymPy accepts with symbolic sizes although they do not
    fit.

    >>> n = sp.Symbol("n")
    >>> x = sp.MatrixSymbol("x", n, 1)
    >>> from_sympy(sp.Trace(x*x.T)).function.name
    'tr'
    >>> from_sympy(x + sp.MatrixSymbol("y", n + 1, 1))
    Traceback (most recent call last):
    matderiv.errors.ShapeError: cannot add n and n+1
      in x + y
    """
    return ObjectReader(facts).expression(e)


class ObjectReader:
    """One reading: the sizes found, the symbols met, the facts given.

    With `open_indices` an index that nothing binds is an axis of the result, in the order of names.
    """

    def __init__(self, facts: Facts | None, open_indices: bool = False) -> None:
        self.open_indices = open_indices
        self.free: tuple[str, ...] = ()
        self.places: dict[Any, Any] = {}
        self.facts = {name: frozenset(words) for name, words in (facts or {}).items()}
        self.sizes: SizeTable = SizeTable()
        self.opaque: dict[Any, str] = {}
        self.symbols: dict[str, Any] = {}
        self.bound: dict[Any, Expr] = {}
        self.outer: set[Any] = set()
        self.entries: set[int] = set()
        self.first: dict[Any, int] = {}

    def expression(self, e: Any) -> Expr:
        """The expression of a whole SymPy object."""
        e = _sympified(e)
        if isinstance(e, sp.logic.boolalg.Boolean) and not e.is_Symbol:
            said = f"{excerpt(e)} is a statement, and a statement has no derivative"
            raise MatderivError(said, hint="one side of the equation, or left - right")
        try:
            e = gathered(e)
        except (TypeError, ValueError) as error:  # of SymPy, where it works parts out
            said = f"SymPy cannot work this expression out: {error}".rstrip(".")
            raise ShapeError(said) from error
        self._collect_sizes(e)
        result = self._with_free_indices(e)
        inside = {s.name for size in self.opaque for s in size.free_symbols}
        for v in variables(result):
            if not v.shape and v.name in inside - set(self.sizes.meaning):
                size = next(s for s in self.opaque if v.name in {f.name for f in s.free_symbols})
                said = f"{v.name} is part of the size {size} and is used as a number of its own"
                raise ShapeError(said, hint=f"give the size {size} a name")
        return result

    def met(self) -> dict[str, Any]:
        """Name -> SymPy symbol for every variable and size that was read."""
        return {**self.sizes.meaning, **self.symbols}

    def _with_free_indices(self, e: Any) -> Expr:
        """The expression, an array over its free indices where it may have some."""
        met = {i: s for i, s in self.places.items() if readable(i.name) not in self.sizes.meaning}
        free = sorted(met.keys() & e.free_symbols, key=str) if met and self.open_indices else []
        if not free:
            return self.read(e)
        self.free = tuple(map(str, free))
        return read_at(self, e, {i: self.sizes.size(met[i]) for i in free})

    def _collect_sizes(self, root: Any) -> None:
        for node in every(root):
            for s in _sizes_of(node):
                self.sizes.size(s)
            array, places = entry_parts(node)
            for place, s in zip(places, getattr(array, "shape", ()), strict=True):
                if place.is_Symbol:
                    self.places.setdefault(place, s)
        self.opaque = {s: name for name, s in self.sizes.meaning.items() if not s.is_Symbol}

    def read(self, root: Any) -> Expr:
        """The expression of one object, its parts first."""
        values: dict[int, Expr] = {}
        stack: list[tuple[Any, tuple[Any, ...] | None]] = [(root, None)]
        while stack:
            node, parts = stack.pop()
            if id(node) in values:
                continue
            if parts is None:
                handler(node)  # an unknown class is named before its parts are read
                parts = children(node)
                stack.append((node, parts))
                stack.extend((p, None) for p in reversed(parts) if id(p) not in values)
            else:
                values[id(node)] = self._built(node, parts, tuple(values[id(p)] for p in parts))
        return values[id(root)]

    def _built(self, node: Any, parts: tuple[Any, ...], args: tuple[Expr, ...]) -> Expr:
        if node.is_Symbol and node in self.bound:
            self.entries.add(id(node))
            return self.bound[node]
        if self.opaque and node in self.opaque:
            return size_expr(Dim((self.opaque[node],)))
        self._check_bound(node, parts)
        if any(id(p) in self.entries for p in parts):
            self.entries.add(id(node))
        try:
            return handler(node)(self, node, args)
        except ShapeError as error:
            if not error.details:
                error.details = (f"in {excerpt(node)}",)
            raise

    def _check_bound(self, node: Any, parts: tuple[Any, ...]) -> None:
        """The variable of a Lambda stands for an entry: only functions of entries may hold it."""
        name = class_name(node)
        entrywise = name in ("Add", "Mul", "Pow") or name in ENTRIES
        outside = not entrywise and undefined(node) is None
        if (
            (outside and any(id(p) in self.entries for p in parts))
            or (node.is_Symbol and node in self.outer)
            or (name in ("Sum", "Product") and node.free_symbols & {*self.bound, *self.outer})
        ):
            said = f"{name} of SymPy inside a Lambda is not a function of one entry"
            raise UnknownFunction(said, details=(f"in {excerpt(node)}",))

    def body(self, function: Any, value: Expr) -> Expr:
        """A Lambda of one variable applied to every entry of `value`."""
        if not isinstance(function, sp.Lambda):
            bound = sp.Dummy("d")
            function = sp.Lambda(bound, function(bound))
        (bound,) = function.signature
        if not bound.is_Symbol:
            raise UnknownFunction(f"a Lambda of one variable is needed, this is {function}")
        before = self.bound, self.entries, self.outer
        self.bound, self.entries = {bound: value}, set()
        self.outer = {*before[0], *before[2]} - {bound}
        result = self.read(function.expr)
        self.bound, self.entries, self.outer = before
        if result.shape != value.shape and value.shape:
            result = product(result, apply("ones", params=value.shape))
        return result

    def starts(self, base: Any, first: int) -> bool:
        """True where all entries of an IndexedBase count from the same number."""
        return self.first.setdefault(base, first) == first

    def array(self, element: Any, ranges: dict[Any, Size]) -> Expr:
        """The array of an ArrayElement or of an Indexed; indices say its sizes where it does not.

        Raises UnknownFunction where nothing does.
        """
        if not isinstance(element, sp.Indexed):
            return self.read(element.name)
        base = element.base
        sizes = base.shape or tuple(ranges.get(i) for i in element.indices)
        if any(s is None for s in sizes):
            raise UnknownFunction(
                f"{base} of SymPy has no sizes", hint=f"IndexedBase({str(base)!r}, shape=(n,))"
            )
        shape = tuple(map(self.sizes.size, sizes))
        return self.declared(str(base.label), shape, base, frozenset())

    def declared(self, name: str, shape: Shape, symbol: Any, words: frozenset[str]) -> Expr:
        """The variable of a symbol; one name means one symbol."""
        name = readable(name)
        if class_name(symbol) in ("IndexedBase", "ArraySymbol") and len(shape) <= 2:
            symbol = sp.MatrixSymbol(name, *(*map(self.sizes.expression, shape), 1)[:2])
        known = self.symbols.setdefault(name, symbol)
        if known != symbol:
            raise UnknownName(f"{name} names two different symbols", hint="rename one of them")
        words |= self.facts.get(canonical_name(name), frozenset())
        check_facts(name, words, shape)
        return variable(name, shape, words)


# Reading a node -----------------------------------------------------------------------------------


def _sympified(e: Any) -> Any:
    refused = MatderivError(
        f"an expression is a text or a SymPy object, not {quoted(e)}", hint='"x\'*A*x"'
    )
    if isinstance(e, Expr | str):
        raise refused
    try:
        found = sp.sympify(e, strict=True)
    except sp.SympifyError as error:
        raise refused from error
    if isinstance(found, sp.NDimArray) and found.rank() < 3:
        found = sp.Matrix(*(*found.shape, 1, 1)[:2], sp.flatten(found.tolist()))
    if isinstance(found, sp.MatrixBase):
        found = found.as_immutable()
    if not isinstance(found, sp.Basic):
        raise refused
    return found


def children(node: Any) -> tuple[Any, ...]:
    """The parts of a node that are expressions themselves."""
    name = class_name(node)
    if name in LEAVES or node.is_Number or node.is_Symbol:
        return ()
    if name in ("ElementwiseApplyFunction", "ArrayElementwiseApplyFunc"):
        return (node.args[1],)
    if name in ("ScalarApplication", "MatrixApplication", "ArrayApplication"):
        return tuple(node.args[2:])
    if name == "Piecewise":
        return tuple(part for pair in node.args for part in pair.args)
    if name in ("MatrixElement", "Inverse", "Heaviside"):
        return (node.args[0],)
    if isinstance(node, sp.MatrixBase):
        return tuple(node.flat())
    if isinstance(node, sp.BlockMatrix):
        return tuple(node.blocks.flat())
    nobodys = undefined(node)
    if nobodys is not None:
        return (nobodys[2],)
    if name == "MatrixSlice":
        return (node.parent,)
    return tuple(node.args)


def _sizes_of(node: Any) -> tuple[Any, ...]:
    name = class_name(node)
    if name in ("Sum", "Product") and node.has(sp.Indexed):
        counts = [sp.expand(b[2] - b[1] + 1) for b in node.limits if len(b) == 3]
        return tuple(c for c in counts if c.is_Symbol)
    if name in ("MatrixApplication", "ScalarApplication", "ArrayApplication"):
        return tuple(s for s in node.args[1] if isinstance(s, sp.Expr))
    return tuple(node.shape) if name in SIZED else ()
