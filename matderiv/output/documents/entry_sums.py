"""Sums of products of entries as text, nothing collapsed: `Σ_j X_ij δ_jk`, `softplus(t_i)`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, variable, walk
from matderiv.language.printer import ATOM, level, number_text, text
from matderiv.shapes import is_scalar
from matderiv.tensors.letters import index_letters
from matderiv.tensors.tensor import Exponent, Factor, Index, Tensor, Term

_ENTRYWISE = ("add", "neg", "hadamard", "ediv", "epow", "mul", "div")


def entries_text(tensor: Tensor, taken: Collection[str] = ()) -> str:
    """The sum; letters go to the axes first, then to summed indices in reading order.

    Names that are taken are no letters.

    >>> from matderiv.tensors.tensor import delta
    >>> i, j, k = Index(2), Index(3), Index(3)
    >>> X = variable("X", (2, 3))
    >>> term = Term(Fraction(-1, 2), (Factor(X, (i, j)), delta(j, k)))
    >>> entries_text(Tensor((i, k), (term,)))
    '-0.5 Σ_k X_ik δ_kj'
    """
    out = ""
    for term in tensor.terms:
        if not term.coefficient:
            continue
        sign = "-" if term.coefficient < 0 else "+"
        body = _term(term, tensor.axes, taken)
        out += f" {sign} {body}" if out else (f"-{body}" if sign == "-" else body)
    return out or "0"


def _term(term: Term, axes: Sequence[Index], taken: Collection[str]) -> str:
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    names = dict(zip(order, index_letters(len(order), taken), strict=True))
    summed = "".join(name for i, name in names.items() if i not in axes)
    coefficient = abs(term.coefficient)
    above = [f for f in term.factors if f.exponent > 0]
    below = [f._replace(exponent=-f.exponent) for f in term.factors if f.exponent < 0]
    scalars = [f for f in above if not f.indices]
    entries = [f for f in above if f.indices]
    front = [number_text(Fraction(coefficient))] if coefficient != 1 else []
    front = [f"({c})" if "/" in c else c for c in front]
    front += [_factor(f, names) for f in scalars]
    front += [f"Σ_{summed}"] if summed else []
    body = " ".join([*front, *(_factor(f, names) for f in entries)]) or "1"
    if not below:
        return body
    bottom = [_factor(f, names) for f in below]
    return f"{body}/{bottom[0]}" if len(bottom) == 1 else f"{body}/({' '.join(bottom)})"


def _factor(f: Factor, names: dict[Index, str]) -> str:
    at = "".join(names[i] for i in f.indices)
    if is_(f.expr, "eye"):
        return f"δ_{at}"
    if is_(f.expr, "fuse"):
        first, second, third = (names[i] for i in f.indices)
        return f"[{first}=({second},{third})]"
    if is_(f.expr, "levicivita"):
        return f"ε_{at}"
    e = entry(f.expr, tuple(names[i] for i in f.indices)) if at else f.expr
    written = text(e)
    if f.exponent == Fraction(1, 2):
        return f"sqrt({written})"
    if level(e) < ATOM and not (not at and f.exponent == 1 and e.function.leaf):
        written = f"({written})"
    return written + _power(f.exponent)


def _power(k: Exponent) -> str:
    if k == 1:
        return ""
    written = number_text(Fraction(k))
    return f"^{written}" if written.isdigit() else f"^({written})"


def entry(e: Expr, at: tuple[str, ...]) -> Expr:
    """The entry of an expression as a number: functions of each entry go inside, softplus(t_i)."""
    done: dict[Expr, Expr] = {}
    for node in walk(e):
        inside = _entrywise(node) and all(a in done for a in node.args)
        if is_scalar(node.shape):
            done[node] = node
        elif inside:
            done[node] = apply(_scalar_name(node), *(done[a] for a in node.args))
        else:
            done[node] = _named(node, at, len(e.shape) == len(node.shape))
    return done[e]


def _entrywise(node: Expr) -> bool:
    known = is_(node, *_ENTRYWISE) or node.function.kind == "elementwise"
    same = all(a.shape == node.shape or is_scalar(a.shape) for a in node.args)
    one = not is_(node, "mul") or sum(not is_scalar(a.shape) for a in node.args) == 1
    return known and same and one and bool(node.args)


def _scalar_name(node: Expr) -> str:
    names = {"hadamard": "mul", "ediv": "div", "epow": "power"}
    return names.get(node.function.name, node.function.name)


def _named(node: Expr, at: tuple[str, ...], whole: bool) -> Expr:
    letters = "".join(at)
    if is_(node, "transpose") and len(at) == 2:
        return _named(node.args[0], at[::-1], whole)
    if is_(node, "transpose") and len(at) == 1:
        return _named(node.args[0], at, whole)
    written = text(node)
    plain = level(node) == ATOM
    return variable(f"{written}_{letters}" if plain else f"({written})_{letters}")
