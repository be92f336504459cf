"""Index notation: `∂f_i/∂W_jk = δ_ij x_k`, for every derivative, matrix form or not."""

from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction

from matderiv.expr import Expr, is_, walk
from matderiv.language.printer import number_text, text
from matderiv.reducing.elimination import reduced
from matderiv.shapes import long_axes
from matderiv.tensors.tensor import Exponent, Factor, Index, Indices, Tensor, Term, index_letters


def index_text(tensor: Tensor, taken: Collection[str] = ()) -> str:
    """The sum of index products; summed indices stand under a Σ.

    Letters are given to the axes first, so they agree with `index_equation`; names that are taken
    are no letters.
    """
    named = _letters(tensor, taken)
    terms = [r for t in tensor.terms if (r := reduced(t, tensor.axes)).coefficient]
    return signed((t.coefficient, _term(t, tensor.axes, named)) for t in terms)


def signed(terms: Iterable[tuple[Fraction, str]]) -> str:
    """Terms with the signs of their numbers between them; 0 where there are none."""
    out = ""
    for coefficient, body in terms:
        sign = "-" if coefficient < 0 else "+"
        out += f" {sign} {body}" if out else (f"-{body}" if sign == "-" else body)
    return out or "0"


def index_equation(
    f: str, wrt: Expr, tensor: Tensor, outer: int, order: int, taken: Collection[str] = ()
) -> str:
    """Both sides: what is differentiated by which entries, and the index products."""
    taken = {*taken, *(n.name for n in leaves(wrt))}
    named = _letters(tensor, taken)
    names = named[: len(tensor.axes)]
    above = f + ("_" + "".join(names[:outer]) if outer else "")
    rest = names[outer:]
    each = len(long_axes(wrt.shape))
    below = []
    for k in range(order):
        at = "".join(rest[k * each : (k + 1) * each])
        below.append(f"∂{wrt.name}" + (f"_{at}" if at else ""))
    power = "" if order == 1 else {2: "²", 3: "³", 4: "⁴"}[order]
    return f"∂{power}{above}/{' '.join(below)} = {index_text(tensor, taken)}"


def _letters(tensor: Tensor, taken: Collection[str]) -> list[str]:
    """Index names that no variable and no size in the tensor has, and that are not taken."""
    own = {n.name for t in tensor.terms for f in t.factors for n in leaves(f.expr)}
    return index_letters(len(tensor.axes) + 40, own.union(taken))


def leaves(e: Expr) -> list[Expr]:
    """The variables and sizes in an expression."""
    return [n for n in walk(e) if is_(n, "variable", "size")]


def _term(term: Term, axes: Indices, named: Sequence[str]) -> str:
    names: dict[Index, str] = dict(zip(axes, named, strict=False))
    for f in term.factors:
        for i in f.indices:
            names.setdefault(i, named[len(names)])
    summed = {i: name for i, name in names.items() if i not in axes}
    coefficient = abs(term.coefficient)
    ordered = sorted(term.factors, key=lambda f: (bool(f.indices), not is_(f.expr, "eye")))
    outside = [f for f in ordered if not summed.keys() & set(f.indices)]
    inside = [f for f in ordered if summed.keys() & set(f.indices)]
    pieces = [] if coefficient == 1 and term.factors else [coefficient_text(coefficient)]
    pieces += [_factor(f, names) for f in outside]
    if summed:
        pieces.append(f"Σ_{''.join(summed.values())}")
    return " ".join([*pieces, *(_factor(f, names) for f in inside)])


def coefficient_text(value: Fraction) -> str:
    """A number in front of factors."""
    written = number_text(value)
    return f"({written})" if "/" in written else written


def _factor(f: Factor, names: dict[Index, str]) -> str:
    at = "".join(names[i] for i in f.indices)
    whole = bool(at) or f.exponent != 1
    name = _bracketed(f.expr, whole) + (f"_{at}" if at else "") + power_text(f.exponent)
    return constant_text(f, names) or name


def constant_text(f: Factor, names: dict[Index, str]) -> str:
    """δ_ij, ε_ijk, or the test that joins two axes; "" for any other factor."""
    at = [names[i] for i in f.indices]
    if is_(f.expr, "fuse"):
        return f"[{at[0]}=({at[1]},{at[2]})]"
    sign = {"eye": "δ", "levicivita": "ε"}.get(f.expr.function.name)
    return f"{sign}_{''.join(at)}" if sign else ""


def _bracketed(e: Expr, whole: bool) -> str:
    """An expression as a factor; `whole` where an index or an exponent belongs to all of it.

    >>> product = read("x'*A*x").expr
    >>> _bracketed(product, whole=False), _bracketed(product, whole=True)
    ("x'*A*x", "(x'*A*x)")
    """
    written = text(e)
    plain = is_(e, "variable", "size", "pi") or e.function.call != "operator"
    if is_(e, "number"):
        plain = written.replace(".", "").isdigit()
    return written if plain or (not whole and not written.count(" ")) else f"({written})"


def power_text(k: Exponent) -> str:
    """An exponent behind a factor."""
    if k == 1:
        return ""
    written = number_text(Fraction(k))
    return f"^{written}" if written.isdigit() else f"^({written})"
