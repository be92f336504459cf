r"""Index notation in LaTeX: sums of products of entries, `\delta_{ij}x_{k}`.

An entry of a variable is italic, `W_{ij}`; an entry of anything longer stands in square brackets,
`[\mathbf{W}\mathbf{x}]_{i}`. Letters are given as in the text form.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import NamedTuple

from matderiv.expr import is_
from matderiv.output.latex.formula import formula
from matderiv.output.latex.names import LatexNames, between, inline_number, number_latex
from matderiv.tensors.tensor import Exponent, Factor, Index, Indices, Tensor, Term, index_letters


def index_latex(
    tensor: Tensor, *, taken: Collection[str] = (), vectors: str = "bold", transpose: str = "top"
) -> str:
    r"""The sum of index products; summed indices stand under a `\sum`, taken names are no letters.

    >>> i, j, k = Index(2), Index(2), Index(3)
    >>> x = Factor(variable("x", (3,)), (k,))
    >>> print(index_latex(Tensor((i, j, k), (Term(Fraction(-1, 2), (delta(i, j), x)),))))
    -\frac{1}{2}\delta_{ij}x_{k}
    """
    names = tensor_names(tensor, vectors, transpose)
    names.taken |= set(taken)
    return index_sum(tensor, names)


def tensor_names(tensor: Tensor, vectors: str, transpose: str) -> LatexNames:
    """The names for the expressions in a tensor."""
    return LatexNames(vectors, transpose, [f.expr for t in tensor.terms for f in t.factors])


def index_sum(tensor: Tensor, names: LatexNames) -> str:
    """The sum of index products with the names of a larger text; like terms are one term."""
    found: dict[_Product, Fraction] = {}
    for term in tensor.terms:
        product = _product(term, tensor.axes, names)
        found[product] = found.get(product, Fraction(0)) + term.coefficient
    out = ""
    for product, coefficient in found.items():
        if coefficient:
            sign = "-" if coefficient < 0 else "+" if out else ""
            out += (f" {sign} " if out else sign) + product.written(abs(coefficient))
    return out or "0"


def subscript(letters: Sequence[str]) -> str:
    """Index letters side by side."""
    return ("" if all(len(c) == 1 for c in letters) else ",").join(letters)


def axis_letters(count: int, names: LatexNames) -> list[str]:
    """So many index letters, i, j, k, ..., without those that are names in the formula."""
    found = index_letters(count, names.unindexed)
    return [c if len(c) == 1 else f"{c[0]}_{{{c[1:]}}}" for c in found]


class _Product(NamedTuple):
    """The factors of a term as they are written: scalars above and below the bar, then entries.

    `alone` is the only thing below the bar, which needs no brackets there.
    """

    above: tuple[str, ...]
    below: tuple[str, ...]
    alone: str
    summed: str
    entries: tuple[str, ...]

    def written(self, coefficient: Fraction) -> str:
        """The product with its number; scalars stand before the sum."""
        front = list(self.above)
        if self.below:
            under = [str(coefficient.denominator)] if coefficient.denominator != 1 else []
            over = [str(coefficient.numerator)] if coefficient.numerator != 1 else []
            over = [*over, *(front if len(front) < 2 else [])] or ["1"]
            rest = front if len(front) > 1 else []
            below = self.below if under or not self.alone else (self.alone,)
            fraction = rf"\frac{{{_side_by_side(over)}}}{{{_side_by_side([*under, *below])}}}"
            front = [fraction, *rest]
        elif coefficient != 1 or not (front or self.entries):
            front = [number_latex(coefficient), *front]
        return _side_by_side([*front, *([self.summed] if self.summed else []), *self.entries])


def _product(term: Term, axes: Indices, names: LatexNames) -> _Product:
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    letters = dict(zip(order, axis_letters(len(order), names), strict=True))
    summed = [c for i, c in letters.items() if i not in axes]
    scalars = [f for f in term.factors if not f.indices]
    entries = [f for f in term.factors if f.indices]
    entries.sort(key=lambda f: not is_(f.expr, "eye"))
    below = [f._replace(exponent=-f.exponent) for f in scalars if f.exponent < 0]
    single = len(below) == 1 and below[0].exponent == 1
    return _Product(
        tuple(_factor(f, letters, names) for f in scalars if f.exponent > 0),
        tuple(_factor(f, letters, names) for f in below),
        formula(below[0].expr, names) if single else "",
        rf"\sum_{{{','.join(summed)}}} " if summed else "",
        tuple(_factor(f, letters, names) for f in entries),
    )


def _side_by_side(factors: Sequence[str]) -> str:
    out = ""
    for written in factors:
        out += (between(out, written) if out else "") + written
    return out


def _factor(f: Factor, letters: dict[Index, str], names: LatexNames) -> str:
    at = [letters[i] for i in f.indices]
    below = subscript(at)
    if is_(f.expr, "eye"):
        return rf"\delta_{{{below}}}"
    if is_(f.expr, "fuse"):
        return rf"\mathbf{{1}}\{{{at[0]} = ({at[1]}, {at[2]})\}}"
    if is_(f.expr, "levicivita"):
        return rf"\varepsilon_{{{below}}}"
    if is_(f.expr, "variable") and at:
        return _raised(names.entry(f.expr.name, below), f.exponent)
    whole = formula(f.expr, names)
    if at:
        bracketed = rf"\left[{whole}\right]" if r"\frac" in whole else f"[{whole}]"
        return _raised(f"{bracketed}_{{{below}}}", f.exponent)
    return whole if f.expr.function.leaf and f.exponent == 1 else _scalar(f, whole)


def _scalar(f: Factor, whole: str) -> str:
    """A scalar factor; brackets round everything but a name or a call."""
    plain = f.expr.function.leaf or f.expr.function.call not in ("operator", "sizes")
    return _raised(
        whole if plain and not whole.startswith(r"\log\det") else _round(whole), f.exponent
    )


def _round(whole: str) -> str:
    return rf"\left({whole}\right)" if r"\frac" in whole else f"({whole})"


def _raised(base: str, k: Exponent) -> str:
    if k == 1:
        return base
    if k == Fraction(1, 2) and not base.endswith("}"):
        return rf"\sqrt{{{base}}}"
    sign = "-" if k < 0 else ""
    return f"{base}^{{{sign}{inline_number(abs(Fraction(k)))}}}"
