"""An answer that is right in another layout, up to a number, with fractions for its decimals, or
with the diagonal matrix where it has diag of a matrix, which is a vector here."""

from fractions import Fraction
from functools import partial
from operator import eq

from matderiv.choosing.items import multiplied
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, fold, is_, number, rebuild
from matderiv.language.printer import decimal, number_text, text
from matderiv.lazy import np
from matderiv.numeric.evaluate import Array
from matderiv.shapes import long_axes
from matderiv.verification.claims import ARRANGEMENTS, Asked, arrangements, claims, conventional
from matderiv.verification.judging import judged
from matderiv.verification.mistakes.diagnosis import (
    Diagnosis,
    as_whole,
    short,
    spelled,
    tidied,
    tidier,
)
from matderiv.verification.mistakes.solving import CauseSearch, of_all_points, ratios
from matderiv.verification.valuation import Valuation

ROUND = 12  # decimals are read as fractions with denominators up to this


def in_another_layout(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """The answer itself, transposed or stacked."""
    for name in _turned_names(search, e):
        if search.holds(e, name) and search.accepted(e, partial(eq, name)):
            what = layout_of(search.asked, name)
            said = f"Right in another layout. This is {what}."
            change = f"In the other layout (now it is {what})"
            turned = turned_of(e)
            corrected, right = (None, None) if turned is None else tidier(turned)
            return Diagnosis("other-layout", said, right, corrected=corrected, change=change)
    return None


def _turned_names(search: CauseSearch, e: Expr) -> list[str]:
    fitting = arrangements(search.asked, e.shape)
    return [n for n in ARRANGEMENTS if n in fitting and not conventional(search.asked, n)]


def layout_of(asked: Asked, name: str) -> str:
    """What an answer in a layout that was not asked for is called."""
    if "stacked" in name:
        return f"the stacked form (vec) of the {asked.kind}"
    if asked.kind not in ("gradient", "jacobian"):
        return f"the transpose of the {asked.kind}"
    numerator = (asked.kind == "gradient") is (asked.layout != "numerator")
    if asked.kind == "jacobian":
        numerator = asked.layout == "denominator"
    layout = "numerator" if numerator else "denominator"
    return f"the transpose of the {asked.kind}, the {layout} layout"


def turned_of(e: Expr) -> Expr | None:
    """The transpose; None where there is none."""
    if len(e.shape) not in (1, 2):
        return None
    return e.args[0] if is_(e, "transpose") else e.T


def scaled_by_number(search: CauseSearch, e: Expr, *, turned: bool = False) -> Diagnosis | None:
    """The answer, or its transpose, times a number, or times a product of sizes."""
    names = _turned_names(search, e) if turned else [search.layout(e)]
    for name in names:
        factor = None if name is None else _factor(search, e, name)
        base = turned_of(e) if turned else e
        if factor is None or base is None:
            continue
        corrected = tidied(multiplied(factor, base))
        if search.right(corrected):
            return _told(factor, corrected, layout_of(search.asked, name or "") if turned else "")
    return None


def _factor(search: CauseSearch, e: Expr, name: str) -> Expr | None:
    def factors(points: list[Valuation]) -> list[float] | None:
        values = [a for v in points if (a := search.arranged(e, name, v)) is not None]
        fit = len(values) == len(points)
        return ratios(search, [v.truth for v in points], values) if fit else None

    sizes = [apply("size", params=(n,)) for n in sorted(search.points[0].point.sizes)]
    return of_all_points(search, factors, sizes)


def _told(factor: Expr, corrected: Expr, what: str) -> Diagnosis:
    right = text(as_whole(corrected))
    minus = is_(factor, "number") and factor.params[0] == -1
    code = "sign" if minus else "factor"
    if what:
        off = "the sign is wrong" if minus else f"the factor {spelled(factor)} is missing"
        said = f"Two things are off. This is {what}, and {off}. Right: {short(right)}."
        return Diagnosis(f"other-layout+{code}", said, right, factor, corrected)
    if minus:
        said = f"The sign is wrong. Right: {short(right)}."
        return Diagnosis(code, said, right, None, corrected, "With the other sign")
    said = f"Your answer is off by a factor: multiplied by {spelled(factor)} it is right"
    change = f"With the factor {spelled(factor)}"
    return Diagnosis(code, f"{said}, {short(right)}.", right, factor, corrected, change)


def rounded(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """Decimals that stand for fractions: 0.333 for 1/3."""
    read: dict[str, str] = {}

    def exact(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if not is_(node, "number"):
            return rebuild(node, args)
        value: Fraction = node.params[0]
        near = value.limit_denominator(ROUND)
        found = decimal(value)
        if found is None or found[1] < 2 or not 0 < abs(near - value) < Fraction(1, 10 ** found[1]):
            return node
        read[number_text(value)] = number_text(near)
        return number(near)

    whole = fold(e, exact)
    if not read or not search.right(whole):
        return None
    said = ", ".join(f"{a} is read as {b}" for a, b in read.items())
    return Diagnosis("rounded-constant", f"It agrees when {said}.", spelled(whole))


def on_the_diagonal(search: CauseSearch, e: Expr) -> Diagnosis | None:
    """An answer that is the diagonal of a square derivative and lacks all the rest."""
    asked, square = search.asked, search.points[0].truth.ndim == 2
    if not square or len(asked.groups) != 2 or len({*asked.groups}) != 1:
        return None
    if len(e.shape) == 1:
        written, claimed = apply("diag", e), [v.value(e) for v in search.points]
    elif search.layout(e) is not None:
        written, claimed = e, [_diagonal_alone(search, e, k) for k in range(len(search.points))]
    else:
        return None
    for v, diagonal in zip(search.points, claimed, strict=True):
        scale = search.tolerance * float(np.abs(v.truth).max())
        if diagonal is None or np.shape(diagonal) != (len(v.truth),):
            return None
        if np.abs(diagonal - np.diag(v.truth)).max() > scale:
            return None
    if search.right(written):
        right = text(as_whole(written))
        said = f"These are the entries of the diagonal: the {asked.kind} is {short(right)}."
        return Diagnosis("diagonal", said, right, None, written)
    said = f"Right on the diagonal of the {asked.kind}; the entries beside it are missing."
    return Diagnosis("diagonal", said)


def _diagonal_alone(search: CauseSearch, e: Expr, k: int) -> Array | None:
    """The diagonal of a matrix that is zero elsewhere."""
    value = search.arranged(e, search.layout(e) or "", search.points[k])
    if value is None:
        return None
    diagonal = np.diag(value)
    return diagonal if not np.any(value - np.diag(diagonal)) else None


def diagonals(asked: Asked, e: Expr, seed: int) -> Diagnosis | None:
    """An answer that is right with diag(diag(M)) for diag(M).

    >>> asked = ask("logdet(X)", "X", assume={"X": "symmetric"})
    >>> found = diagonals(asked, read_answer(asked, "2*inv(X) - diag(inv(X))"), 0)
    >>> found.suggestion
    '2*inv(X) - diag(diag(inv(X)))'
    """
    meant: list[Expr] = []

    def written(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if not is_(node, "diag") or len(long_axes(node.args[0].shape)) != 2:
            return rebuild(node, args)
        meant.append(apply("diag", *args))
        return apply("diag", meant[-1])

    try:
        whole = fold(e, written)
        found = [c for c in claims(asked, whole, "") if conventional(asked, c.layout)]
    except MatderivError:
        return None
    structures = [asked.structure] if asked.structure else ["projected", "independent"]
    if not meant or not found:
        return None
    if not any(judged(found[0], s, seed=seed, points=4).right for s in structures):
        return None
    was, right = spelled(meant[0]), spelled(whole)
    said = (
        f"{short(was)} is a vector here, the diagonal of a matrix; the diagonal matrix is "
        f"diag({short(was)}). With it the answer is right: {short(right)}."
    )
    return Diagnosis("diagonal", said, right, corrected=whole)
