r"""Index notation in LaTeX: sums of products of entries, `\delta_{ij}x_{k}`.

An entry of a variable is italic, `W_{ij}`; functions of entries have it inside, and an entry of
anything longer stands in square brackets, `[\mathbf{W}\mathbf{x}]_{i}`. Letters and terms are
those of the text form.
"""

from collections.abc import Collection, Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, number
from matderiv.language.printer import refuse_long, text
from matderiv.output.index_notation import entry, sides_of_ones, signed
from matderiv.output.latex.formula import formula
from matderiv.output.latex.names import LatexNames
from matderiv.tensors.tensor import Factor, Index, Indices, Tensor, Term, index_letters


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
    """The sum of index products with the names of a larger text."""
    terms = [t for t in tensor.terms if t.coefficient]
    refuse_long(*(f.expr for t in terms for f in t.factors))
    told = ((t.coefficient, formula(_product(t, tensor.axes, names), names)) for t in terms)
    return signed(told)


def subscript(letters: Sequence[str]) -> str:
    """Index letters side by side."""
    return ("" if all(len(c) == 1 for c in letters) else ",").join(letters)


def axis_letters(count: int, names: LatexNames) -> list[str]:
    """So many index letters, i, j, k, ..., without those that are names in the formula."""
    found = index_letters(count, names.unindexed)
    return [c if len(c) == 1 else f"{c[0]}_{{{c[1:]}}}" for c in found]


def _product(term: Term, axes: Indices, names: LatexNames) -> Expr:
    """A term without its sign: numbers, the sign of the sum and entries, each as one factor."""
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    letters = dict(zip(order, axis_letters(len(order), names), strict=True))
    summed = ",".join(c for i, c in letters.items() if i not in axes)
    ordered = sorted(term.factors, key=lambda f: (bool(f.indices), not is_(f.expr, "eye")))
    above = [f for f in ordered if f.indices or f.exponent > 0]
    under = [f._replace(exponent=-f.exponent) for f in ordered if f not in above]
    below = [_factor(f, letters, names) for f in under]
    numbers = [_factor(f, letters, names) for f in above if not f.indices]
    entries = [_factor(f, letters, names) for f in above if f.indices]
    coefficient = abs(term.coefficient)
    if below:
        over = _times([coefficient.numerator], numbers)
        numbers = [apply("div", over, _times([coefficient.denominator], below))]
    elif coefficient != 1:
        numbers.insert(0, number(coefficient))
    sign = [names.spelt(f"Σ[{summed}]", rf"\sum_{{{summed}}}")] if summed else []
    return _times([], [*numbers, *sign, *entries])


def _times(counts: Sequence[int], factors: Sequence[Expr]) -> Expr:
    return apply("mul", *(k for k in counts if k != 1), *factors)


def _factor(f: Factor, letters: dict[Index, str], names: LatexNames) -> Expr:
    at = tuple(letters[i] for i in f.indices)

    def named(e: Expr, places: tuple[str, ...]) -> Expr:
        name = f"{text(e)}[{subscript(places)}]"
        if sign := {"eye": r"\delta", "levicivita": r"\varepsilon"}.get(e.function.name):
            return names.spelt(name, f"{sign}_{{{subscript(places)}}}")
        if sides := sides_of_ones(e, places):
            return names.spelt(name, rf"\mathbf{{1}}\{{{' = '.join(map(names.size, sides))}\}}")
        if is_(e, "variable"):
            return names.spelt(name, names.entry(e.name, subscript(places)))
        whole = formula(e, names)
        left, right = (r"\left[", r"\right]") if r"\frac" in whole else "[]"
        return names.spelt(name, f"{left}{whole}{right}_{{{subscript(places)}}}")

    e = entry(f.expr, at, named) if at else f.expr
    if f.exponent == Fraction(1, 2):
        return apply("sqrt", e)
    return e if f.exponent == 1 else apply("power", e, number(Fraction(f.exponent)))
