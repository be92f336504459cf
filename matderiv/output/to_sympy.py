"""Expressions as SymPy objects, in SymPy's own matrix classes and ours where it has none."""

from collections.abc import Mapping
from typing import Any

from matderiv.bridge.sizes import SizeTable, encoded
from matderiv.errors import ShapeError
from matderiv.expr import Expr, apply, fold, rebuild
from matderiv.language.printer import entry_of
from matderiv.lazy import LazyModule, sp
from matderiv.shapes import is_scalar

_build: Any = LazyModule("matderiv.bridge.build")
_arrays: Any = LazyModule("sympy.tensor.array.expressions")


def to_sympy(expr: Expr, symbols: Mapping[str, Any] | None = None) -> Any:
    """The SymPy object of `expr`, or None where SymPy cannot hold it.

    A vector becomes an n x 1 MatrixSymbol, a tensor an ArraySymbol. `symbols` maps names of
    variables and sizes to the SymPy objects to use, as `ObjectReader.met` has them. None: nested
    deeper than SymPy's own recursion, an axis that SymPy's n x 1 vectors do not have, or a division
    by what SymPy knows to be 0.

    >>> X, w = variable("X", (Dim(("n",)), Dim(("d",)))), variable("w", (Dim(("d",)),))
    >>> to_sympy(X @ w), to_sympy(w.T @ w), to_sympy(X @ w + 1)
    (X*w, (w.T*w)[0, 0], X*w + 1)
    """
    names = _Names(symbols or {})
    try:
        made = fold(fold(expr, _picked), names.visit)
        if any(hasattr(symbol, "flat") for symbol in names.symbols.values()):
            made = made.doit()
        undefined = sp.zoo, sp.nan, sp.oo, -sp.oo
        return None if _build.holds(made, *undefined) else made
    except (ShapeError, RecursionError):
        return None


def _picked(node: Expr, args: tuple[Expr, ...]) -> Expr:
    """An entry at a place as the product with unit vectors that SymPy has as an entry."""
    found = entry_of(node)
    if found is None:
        return rebuild(node, args)
    array, places = found
    units = [apply("unit", params=(s, k)) for s, k in zip(array.shape, places, strict=True)]
    return apply("mul", units[0].T, array, *units[1:])


class _Names:
    """What variables and sizes are called in SymPy."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self.symbols = symbols
        self.sizes = SizeTable()
        self.sizes.meaning.update({k: v for k, v in symbols.items() if not hasattr(v, "shape")})

    def visit(self, node: Expr, args: tuple[Any, ...]) -> Any:
        """The SymPy object of a node, given those of its arguments."""
        name = node.function.name
        if name == "variable":
            return self.variable(node)
        if name == "number":
            return sp.Rational(node.params[0].numerator, node.params[0].denominator)
        if name == "size":
            return self.sizes.named(node.params[0])
        if name == "pi":
            return sp.pi
        made = _build.build(name, args, encoded(node.params, self.sizes))
        return _build.scalar(made) if is_scalar(node.shape) else made

    def variable(self, node: Expr) -> Any:
        """The symbol of a variable; a 1 x 1 matrix is its entry."""
        name, shape, facts = node.params
        found = self.symbols.get(name)
        if found is None:
            found = self.made(name, tuple(map(self.sizes.expression, shape)), "positive" in facts)
        return _build.scalar(found) if is_scalar(shape) else found

    def made(self, name: str, shape: tuple[Any, ...], positive: bool) -> Any:
        """A new symbol."""
        if not shape:
            return sp.Symbol(name, positive=True) if positive else sp.Symbol(name)
        if len(shape) <= 2:
            return sp.MatrixSymbol(name, *(*shape, 1)[:2])
        return _arrays.ArraySymbol(name, shape)
