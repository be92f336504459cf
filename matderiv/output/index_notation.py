"""Index notation: `∂f_i/∂W_jk = δ_ij x_k`, for every derivative, matrix form or not."""

from collections.abc import Callable, Collection, Iterable, Sequence
from fractions import Fraction

from matderiv.expr import Expr, apply, is_, variable, walk
from matderiv.language.printer import ATOM, COMPARE, POSTFIX, level, number_text, refuse_long, text
from matderiv.reducing.elimination import reduced
from matderiv.shapes import Size, is_scalar, long_axes, size
from matderiv.tensors.tensor import Exponent, Factor, Index, Tensor, Term, index_letters
from matderiv.work import remembered


def carried_out(tensor: Tensor) -> Tensor:
    """The sum of index products, with its deltas and its products of matrices carried out."""
    return Tensor(tensor.axes, tuple(reduced(t, tensor.axes) for t in tensor.terms))


def index_text(tensor: Tensor, taken: Collection[str] = ()) -> str:
    """The sum of index products; letters as in `index_equation`."""
    return entries_text(tensor, _own_names(tensor).union(taken))


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
    names = index_letters(len(tensor.axes), _own_names(tensor).union(taken))
    above = f + ("_" + "".join(names[:outer]) if outer else "")
    rest = names[outer:]
    each = len(long_axes(wrt.shape))
    below = []
    for k in range(order):
        at = "".join(rest[k * each : (k + 1) * each])
        below.append(f"∂{wrt.name}" + (f"_{at}" if at else ""))
    power = "" if order == 1 else {2: "²", 3: "³", 4: "⁴"}[order]
    return f"∂{power}{above}/{' '.join(below)} = {index_text(tensor, taken)}"


def _own_names(tensor: Tensor) -> set[str]:
    return {n.name for t in tensor.terms for f in t.factors for n in leaves(f.expr)}


def leaves(e: Expr) -> list[Expr]:
    """The variables and sizes in an expression."""
    return [n for n in walk(e) if is_(n, "variable", "size")]


def _coefficient(value: Fraction) -> str:
    written = number_text(value)
    return f"({written})" if "/" in written else written


def constant_entry(e: Expr, at: Sequence[str]) -> str:
    """δ_ij, ε_ijk, or [i = j+1] for what is 1 where that holds, else 0; "" for anything else."""
    sign = {"eye": "δ", "levicivita": "ε"}.get(e.function.name)
    sides = sides_of_ones(e, at)
    return f"{sign}_{''.join(at)}" if sign else f"[{sides[0]} = {sides[1]}]" if sides else ""


def sides_of_ones(e: Expr, at: Sequence[str]) -> tuple[Size, Size] | None:
    """The numbers that are equal where a constant of zeros and ones is 1."""
    known = e.function.ones if len(at) == len(e.shape) else None
    return known and known(*e.params, *map(size, at))


def _power(k: Exponent) -> str:
    if k == 1:
        return ""
    written = number_text(Fraction(k))
    return f"^{written}" if written.isdigit() else f"^({written})"


# Sums of products of entries, nothing collapsed: `Σ_j X_ij δ_jk`, `softplus(t_i)` -----------------

_ENTRYWISE = ("add", "neg", "hadamard", "ediv", "epow", "mul", "div")


def entries_text(tensor: Tensor, taken: Collection[str] = ()) -> str:
    """The sum; letters go to the axes first, then to summed indices in reading order.

    Names that are taken are no letters.

    >>> i, j, k = Index(2), Index(3), Index(3)
    >>> X = variable("X", (2, 3))
    >>> term = Term(Fraction(-1, 2), (Factor(X, (i, j)), delta(j, k)))
    >>> entries_text(Tensor((i, k), (term,)))
    '-0.5 Σ_k X_ik δ_kj'
    """
    terms = [t for t in tensor.terms if t.coefficient]
    refuse_long(*(f.expr for t in terms for f in t.factors))
    written = signed((t.coefficient, _term(t, tensor.axes, taken)) for t in terms)
    factor = terms[0].factors[0] if len(terms) == 1 and len(terms[0].factors) == 1 else None
    plain = factor is not None and factor.indices and terms[0].coefficient == factor.exponent == 1
    bracketed = plain and written[0] + written[-1] == "()"
    return written[1:-1] if bracketed else written


def _term(term: Term, axes: Sequence[Index], taken: Collection[str]) -> str:
    order = dict.fromkeys([*axes, *(i for f in term.factors for i in f.indices)])
    names = dict(zip(order, index_letters(len(order), taken), strict=True))
    summed = "".join(name for i, name in names.items() if i not in axes)
    coefficient = abs(term.coefficient)
    above = [f for f in term.factors if f.exponent > 0]
    below = [f._replace(exponent=-f.exponent) for f in term.factors if f.exponent < 0]
    scalars = [f for f in above if not f.indices]
    entries = [f for f in above if f.indices]
    front = [_coefficient(coefficient)] if coefficient != 1 else []
    front += [_factor(f, names) for f in scalars]
    front += [f"Σ_{summed}"] if summed else []
    body = " ".join([*front, *(_factor(f, names) for f in entries)]) or "1"
    if not below:
        return body
    bottom = [_factor(f, names) for f in below]
    return f"{body}/{bottom[0]}" if len(bottom) == 1 else f"{body}/({' '.join(bottom)})"


def _factor(f: Factor, names: dict[Index, str]) -> str:
    at = "".join(names[i] for i in f.indices)
    constant = constant_entry(f.expr, [names[i] for i in f.indices])
    if constant:
        return constant
    e = entry(f.expr, tuple(names[i] for i in f.indices)) if at else f.expr
    written = text(e)
    if f.exponent == Fraction(1, 2):
        return f"sqrt({written})"
    least = ATOM if at or f.exponent != 1 else COMPARE if e.function.leaf else POSTFIX
    written = written if level(e) >= least or level(e) == COMPARE else f"({written})"
    return written + _power(f.exponent)


def _named(node: Expr, at: tuple[str, ...]) -> Expr:
    if constant := constant_entry(node, at):
        return variable(constant)
    array = remembered(node.cache, "text", lambda: text(node))
    written = array if level(node) in (ATOM, COMPARE) else f"({array})"
    return variable(f"{written}_{''.join(at)}")


Named = Callable[[Expr, tuple[str, ...]], Expr]


def entry(e: Expr, at: tuple[str, ...], named: Named = _named) -> Expr:
    """The entry of an expression as a number: functions of each entry go inside, softplus(t_i).

    `named` makes a name of an entry of anything else.
    """
    done: dict[Expr, Expr] = {}
    needed, row = {e}, [e]
    for node in row:
        if not is_scalar(node.shape) and _entrywise(node):
            row += {*node.args} - needed
            needed |= {*node.args}
    for node in filter(needed.__contains__, walk(e)):
        if is_scalar(node.shape):
            done[node] = node
        elif _entrywise(node):
            args = (done[a] for a in node.args)
            done[node] = apply(_scalar_name(node), *args, params=node.params)
        else:
            turned = is_(node, "transpose")
            done[node] = named(node.args[0] if turned else node, at[::-1] if turned else at)
    return done[e]


def _entrywise(node: Expr) -> bool:
    known = is_(node, *_ENTRYWISE) or node.function.kind == "elementwise"
    same = all(a.shape == node.shape or is_scalar(a.shape) for a in node.args)
    one = not is_(node, "mul") or sum(not is_scalar(a.shape) for a in node.args) == 1
    return known and same and one and bool(node.args)


def _scalar_name(node: Expr) -> str:
    names = {"hadamard": "mul", "ediv": "div", "epow": "power"}
    return names.get(node.function.name, node.function.name)
