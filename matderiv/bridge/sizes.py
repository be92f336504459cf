"""Sizes and shapes of SymPy objects as ours, and back.

An n x 1 matrix expression is the vector (n,), a 1 x 1 one is a scalar, a 1 x n one a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from matderiv.errors import ShapeError, UnknownName
from matderiv.lazy import sp
from matderiv.shapes import Dim, Shape, Size, plus, size_terms, smaller, times

if TYPE_CHECKING:
    from matderiv.functions.record import Function

_FONT = re.compile(r"\\(mathbf|boldsymbol|bm|mathrm|mathsf|mathcal|mathbb|vec)\b")
_ACCENT = re.compile(r"\\(?:wide)?(hat|tilde|bar|check)\W*([A-Za-z]+)")
_SUM = re.compile(r"\([\w*+-]+\)")  # a sum of sizes, which has this name as a symbol too


class SizeTable:
    """Which SymPy expression each size name stands for, filled while sizes are read.

    >>> table = SizeTable()
    >>> n, d = sp.symbols("n d")
    >>> str(table.size(2*n*d)), str(table.size(n + 1))
    ('2*d*n', 'n+1')
    >>> table.expression(table.size(n + 1))
    n + 1
    """

    def __init__(self) -> None:
        self.meaning: dict[str, Any] = {}

    def size(self, e: Any) -> Size:
        """The size that a SymPy expression (or an int, or a size) stands for."""
        if isinstance(e, int | Dim):
            return e
        e = sp.sympify(e, strict=True)
        if e.is_Integer:
            return int(e)
        if e.is_Symbol:
            name = e.name if _SUM.fullmatch(e.name) else readable(e.name)
            self.meaning.setdefault(name, e)
            return Dim((name,))
        if e.is_Pow and e.exp.is_Integer and e.exp > 0:
            return times(*[self.size(e.base)] * int(e.exp))
        if e.is_Mul and all((f.is_Integer and f > 0) or not f.is_Number for f in e.args):
            return times(*map(self.size, e.args))
        if e.is_Add and all(self._is_product(t) for t in e.args):
            return plus(*map(self._term, e.args))
        if e.func is sp.Min and len(e.args) == 2:
            return smaller(*map(self.size, e.args))
        name = opaque_name(e)
        if self.meaning.setdefault(name, e) != e:
            raise UnknownName(f"the size {e} would be called {name}, which is another size")
        return Dim((name,))

    @staticmethod
    def _is_product(e: Any) -> bool:
        return all(f.is_Integer or f.is_Symbol for f in sp.Mul.make_args(e))

    def _term(self, e: Any) -> Size:
        """A term of a sum of sizes, which may be negative."""
        if e.is_Integer or not e.could_extract_minus_sign():
            return self.size(e)
        found = self.size(-e)
        return -found if isinstance(found, int) else Dim(found.names, -found.coefficient)

    def expression(self, s: Size) -> Any:
        """The SymPy expression of a size; a name never read becomes a positive whole symbol."""
        if isinstance(s, int):
            return sp.Integer(s)
        return sp.Mul(s.coefficient, *map(self.named, s.names))

    def named(self, name: str) -> Any:
        """The SymPy expression of one size name; min(m,n) is the smaller one."""
        if name.startswith("min("):
            sides = name[len("min(") : -1].split(",")
            return sp.Min(*(sp.Integer(s) if s.isdigit() else self.named(s) for s in sides))
        if name not in self.meaning and name.startswith("("):
            return sp.Add(*(sign * self.expression(t) for sign, t in size_terms(name)))
        if name not in self.meaning:
            self.meaning[name] = sp.Symbol(name, integer=True, positive=True)
        return self.meaning[name]


def readable(name: str) -> str:
    r"""The name of a SymPy symbol as the language writes it; TeX loses its signs.

    Raises UnknownName for what no text can have.

    >>> readable(r"\Sigma"), readable("w^{(1)}"), readable("x'"), readable(r"\hat{x}")
    ('Sigma', 'w_1', 'x_prime', 'x_hat')
    """
    found = _ACCENT.sub(r"\2_\1", _FONT.sub("", name))
    if not found.isidentifier() and not re.search(r"[^\w\\{}^()']", found):
        found = re.sub(r"[\W_]+", "_", found.replace("'", "_prime")).strip("_")
    if not (found.isidentifier() and found[0].isalpha()) or found in ("pi", "where"):
        raise UnknownName(
            f"the name {name!r} cannot be written in the language",
            hint="a letter, then letters, digits and _",
        )
    return found


def every(root: Any) -> Iterator[Any]:
    """The parts of an expression, however deep; those that are shared once."""
    stack, seen = [root], {id(root)}
    while stack:
        node = stack.pop()
        yield node
        fresh = [a for a in getattr(node, "args", ()) if id(a) not in seen]
        seen.update(map(id, fresh))
        stack += fresh


def name_of(key: Any) -> Any:
    """The name that a key stands for: a SymPy symbol is its name; other keys are what they are.

    An explicit matrix of symbols is called as its symbols begin, or all of them together.

    >>> name_of(sp.MatrixSymbol(r"\\Sigma", 2, 2)), name_of("x")
    ('Sigma', 'x')
    >>> name_of(sp.Matrix(sp.symbols("x1:4"))), name_of(sp.Matrix(sp.symbols("a b")))
    ('x', 'ab')
    """
    if is_filled(key):
        names = [readable(s.name) for s in key.flat()]
        same = takewhile(lambda letters: len({*letters}) == 1, zip(*names, strict=False))
        return "".join(letters[0] for letters in same).rstrip("_0123456789") or "".join(names)
    named = not isinstance(key, str) and hasattr(key, "free_symbols")
    return readable(str(key.name)) if named and hasattr(key, "name") else key


def entry_parts(e: Any) -> tuple[Any, tuple[Any, ...]]:
    """The array and the places of an entry, if its sizes are known; else None and nothing."""
    name = type(e).__name__
    if name == "MatrixElement":
        return e.parent, e.args[1:]
    if name == "Indexed" and e.base.shape:
        return e.base, e.indices
    return (e.name, e.indices) if name == "ArrayElement" else (None, ())


def is_filled(e: Any) -> bool:
    """True for an explicit matrix whose entries are symbols, all different.

    >>> x, y = sp.symbols("x y")
    >>> is_filled(sp.Matrix([x, y])), is_filled(sp.Matrix([x, x])), is_filled(x)
    (True, False, False)
    """
    if not (getattr(e, "is_Matrix", False) and hasattr(e, "flat")):
        return False
    entries = e.flat()
    return all(s.is_Symbol for s in entries) and len({*entries}) == len(entries) > 1


def filled_in(e: Any, matrices: Iterable[Any]) -> Any:
    """A SymPy object with entries of matrix symbols for the symbols in some explicit matrices.

    >>> x1, x2 = sp.symbols("x1 x2")
    >>> filled_in(x1*x2, [sp.Matrix([x1, x2])])
    x[0, 0]*x[1, 0]
    """
    places: dict[Any, Any] = {}
    for w in filter(is_filled, matrices):
        whole = sp.MatrixSymbol(name_of(w), *w.shape)
        places |= dict(zip(w.flat(), whole.as_explicit().flat(), strict=True))
    return e.xreplace(places) if places and hasattr(e, "xreplace") else e


def by_name(entries: Any) -> Any:
    """A dictionary with names for the SymPy symbols among its keys; anything else as it is."""
    plain = type(entries) is dict and {*map(type, entries)} == {str}
    if plain or not isinstance(entries, Mapping):
        return entries
    return {name_of(key): value for key, value in entries.items()}


def opaque_name(e: Any) -> str:
    """A name for a size that is not a product of names: `n + 1` is called n_plus_1."""
    text = str(e)
    for sign, word in ((" + ", "_plus_"), (" - ", "_minus_"), ("*", "_times_"), ("/", "_over_")):
        text = text.replace(sign, word)
    return "size_" * text[:1].isdigit() + re.sub(r"\W+", "_", text).strip("_")


def shape_of(e: Any, table: SizeTable | None = None) -> Shape:
    """The shape of a SymPy object: a scalar (), a vector (n,), a row (1, n), a matrix (m, n).

    >>> n = sp.Symbol("n")
    >>> shape_of(sp.MatrixSymbol("x", n, 1)) == (Dim(("n",)),)
    True
    """
    table = table if table is not None else SizeTable()
    sizes = getattr(e, "shape", ())
    if not isinstance(sizes, tuple | list) and not hasattr(sizes, "__iter__"):
        return ()
    shape = tuple(table.size(s) for s in sizes)
    if not getattr(e, "is_Matrix", False):
        return shape
    if any(s == 0 for s in shape):
        raise ShapeError(f"a matrix without entries: {e}")
    if shape[1] != 1:
        return shape
    return () if shape[0] == 1 else (shape[0],)


def sides(shape: Shape) -> tuple[Size, Size]:
    """Rows and columns, for shapes of up to two axes.

    >>> sides(()), sides((3,)), sides((1, 3))
    ((1, 1), (3, 1), (1, 3))
    """
    rows, cols = (*shape, 1, 1)[:2]
    return rows, cols


def encoded(params: tuple[Any, ...], table: SizeTable | None = None) -> tuple[Any, ...]:
    """Parameters of a record as SymPy objects: no axis is left out, texts become `Str`."""
    table = table if table is not None else SizeTable()
    kept = [p for p in params if p is not None]
    return tuple(
        sp.core.symbol.Str(p)
        if isinstance(p, str)
        else table.expression(p)
        if isinstance(p, int | Dim)
        else p
        for p in kept
    )


def decoded(record: Function, params: Any, table: SizeTable) -> tuple[Any, ...]:
    """The parameters of a record from their SymPy form."""
    if record.call in ("axis", "keyword-axis"):
        return tuple(map(int, params)) or (None,)
    if record.call in ("axes", "numbers"):
        return tuple(map(int, params))
    if record.call == "abstract":
        *sizes, name, order = params
        return (*map(table.size, sizes), str(name), int(order))
    if record.call == "pattern":
        return tuple(map(str, params))
    return tuple(table.size(p) for p in params)
