"""Which single change makes a wrong answer right.

Small changes of the answer's own tree are tried in numbers at a few points, likely ones first; the
first that holds there and passes the whole verification is reported. The symbolic derivative only
proposes terms and factors; it never decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matderiv.claims import ARRANGEMENTS, Asked, arrangements, claims, conventional
from matderiv.derivation import differentiate
from matderiv.edits import FAMILIES, Context, pooled, unary_functions
from matderiv.errors import MatderivError
from matderiv.evaluate import Array
from matderiv.expr import Expr, apply, is_, variables, walk
from matderiv.input.text import parse
from matderiv.judging import judged
from matderiv.lazy import np
from matderiv.output.text import number_text, text
from matderiv.shapes import size_names
from matderiv.sketch import Path, Sketch, drawn, from_source, places, replaced, sketch
from matderiv.valuation import Valuation, further_names, valuations

POINTS = 3
BUDGET = 12_000  # changes tried before the search gives up
POOL = 160  # terms and factors proposed
SHOWN = 160  # characters of a formula in a message


@dataclass(frozen=True)
class Diagnosis:
    """A code, a message for a person, and the corrected answer as text."""

    code: str
    message: str
    suggestion: str | None = None


@dataclass(frozen=True)
class Search:
    """A question with its truth at a few points; `structure` as in `derive`."""

    asked: Asked
    structure: str
    points: list[Valuation]
    seed: int

    @property
    def tolerance(self) -> float:
        """What counts as equal: second derivatives come from differences."""
        return 1e-9 if self.asked.order == 1 else 2e-5

    def holds(self, e: Expr, layout: str | None = None) -> bool:
        """True if the expression has the true values, in the layout asked for or a given one."""
        name = layout if layout is not None else self._layout(e)
        if name is None:
            return False
        return all(self._close(e, name, v) for v in self.points)

    def _layout(self, e: Expr) -> str | None:
        found = [n for n in arrangements(self.asked, e.shape) if conventional(self.asked, n)]
        return found[0] if found else None

    def _close(self, e: Expr, layout: str, v: Valuation) -> bool:
        value = self.arranged(e, layout, v)
        if value is None:
            return False
        scale = max(float(np.abs(v.truth).max()), float(np.abs(value).max()), 1e-300)
        return bool(np.abs(value - v.truth).max() <= self.tolerance * scale)

    def arranged(self, e: Expr, layout: str, v: Valuation) -> Array | None:
        """The values of an answer with the axes of the truth; None where there are none."""
        value = v.value(e)
        if value is None or not np.isfinite(value).all():
            return None
        outer = len(v.truth.shape) - sum(map(len, self._inner(v)))
        return ARRANGEMENTS[layout](value[None], v.truth.shape[:outer], self._inner(v))[0]

    def _inner(self, v: Valuation) -> list[tuple[int, ...]]:
        if self.asked.tangent is not None:
            return []
        return [v.point.values[self.asked.wrt.name].shape] * self.asked.order

    def confirmed(self, e: Expr) -> bool:
        """True if the whole verification accepts the expression."""
        found = [c for c in claims(self.asked, e, "") if conventional(self.asked, c.layout)]
        return bool(found) and judged(found[0], self.structure, seed=self.seed, points=4).right


def diagnose(asked: Asked, e: Expr, typed: str, *, seed: int = 0) -> Diagnosis | None:
    """What is wrong with an answer that is not the derivative; None if no single change helps."""
    structure = asked.structure or "projected"
    points = valuations(asked, structure, POINTS, seed, further_names(asked, e))
    if not points:
        return None
    search = Search(asked, structure, points, seed)
    return _layout(search, e) or _ratio(search, e) or _edited(search, drawn(e), typed)


def diagnose_text(asked: Asked, answer: Any, *, seed: int = 0) -> Diagnosis | None:
    """The same for a text whose sizes do not fit together."""
    if not isinstance(answer, str):
        return None
    known = {**asked.reading.variables, **asked.extra}
    root = from_source(parse(answer, known), known)
    if root is None:
        return None
    structure = asked.structure or "projected"
    points = valuations(asked, structure, POINTS, seed, further_names(asked, None))
    if not points:
        return None
    return _edited(Search(asked, structure, points, seed), root, answer)


# The whole ---------------------------------------------------------------------------------------


def _layout(search: Search, e: Expr) -> Diagnosis | None:
    """The answer itself in another layout."""
    for name in ARRANGEMENTS:
        if conventional(search.asked, name) or name not in _turnable(search.asked, e):
            continue
        if search.holds(e, name):
            turned = e.T if len(e.shape) in (1, 2) else e
            what = "its transpose" if "transposed" in name else "stacked into a vector"
            return Diagnosis(
                "other-layout",
                f"This is the {search.asked.kind} in another layout: {what}.",
                text(turned),
            )
    return None


def _turnable(asked: Asked, e: Expr) -> list[str]:
    return arrangements(asked, e.shape)


def _ratio(search: Search, e: Expr) -> Diagnosis | None:
    """The answer times a number, or times a product of sizes."""
    name = next((n for n in _turnable(search.asked, e) if conventional(search.asked, n)), None)
    if name is None:
        return None
    ratios = []
    for v in search.points:
        value = search.arranged(e, name, v)
        ratio = None if value is None else _constant_ratio(v.truth, value, search.tolerance)
        if ratio is None:
            return None
        ratios.append(ratio)
    found = _recognised(ratios, search)
    if found is None:
        return None
    factor, shown = found
    code = "sign" if shown == "-1" else "factor"
    corrected = text(_scaled(factor, e))
    if code == "sign":
        return Diagnosis(code, f"The sign is wrong. Right: {_short(corrected)}.", corrected)
    said = f"Your answer is off by a factor: multiplied by {shown} it is right"
    return Diagnosis(code, f"{said}, {_short(corrected)}.", corrected)


def _scaled(factor: Expr, e: Expr) -> Expr:
    if is_(factor, "number") and factor.params[0] == -1:
        return e.args[0] if is_(e, "neg") else -e
    return apply("mul", factor, e)


def _constant_ratio(truth: Array, value: Array, tolerance: float) -> float | None:
    """c with truth = c value; None where there is no such number."""
    scale = float(np.abs(value).max())
    if not scale:
        return None
    at = np.unravel_index(int(np.argmax(np.abs(value))), value.shape)
    c = float(truth[at] / value[at])
    apart = float(np.abs(truth - c * value).max())
    return c if c and apart <= tolerance * max(abs(c) * scale, 1e-300) else None


def _recognised(ratios: list[float], search: Search) -> tuple[Expr, str] | None:
    """A number or a product of sizes that the ratios are at every point."""
    first = _fraction(ratios[0])
    same = all(abs(r - ratios[0]) <= 1e-6 * abs(r) for r in ratios)
    if same and first is not None:
        return apply("number", params=(first,)), number_text(first)
    names = sorted(search.points[0].point.sizes)
    for name in names:
        for power in (-1, 1):
            rest = [
                r * v.point.sizes[name] ** -power
                for r, v in zip(ratios, search.points, strict=True)
            ]
            left = _fraction(rest[0])
            if left is None or any(abs(r - rest[0]) > 1e-6 * abs(r) for r in rest):
                continue
            n: Expr = apply("size", params=(name,))
            factor = apply("div", left, n) if power < 0 else apply("mul", left, n)
            if left == 1 and power > 0:
                factor = n
            return factor, text(factor)
    return None


def _fraction(value: float) -> Fraction | None:
    found = Fraction(value).limit_denominator(64)
    return found if found and abs(float(found) - value) <= 1e-6 * abs(value) else None


# One change --------------------------------------------------------------------------------------


def _edited(search: Search, root: Sketch, typed: str) -> Diagnosis | None:
    spots = places(root)
    left = BUDGET
    context: Context | None = None
    for code, family in FAMILIES:
        if context is None:
            context = _context(search, root)
        for path, part in spots:
            above = _above(root, path)
            for new, said in family(part, above, context):
                left -= 1
                if left < 0:
                    return None
                if new.expr is not None and new.expr is part.expr:
                    continue
                whole = replaced(root, path, new).expr
                if whole is None or whole is root.expr or not search.holds(whole):
                    continue
                if search.confirmed(whole):
                    return _explained(_named(code, path), part, new, whole, said)
    return None


def _above(root: Sketch, path: Path) -> Sketch | None:
    if not path:
        return None
    for k in path[:-1]:
        root = root.args[k]
    return root


def _named(code: str, path: Path) -> str:
    return "other-layout" if code == "transpose" and not path else code


def _explained(code: str, part: Sketch, new: Sketch, whole: Expr, said: str) -> Diagnosis:
    right = text(whole)
    before = "" if part.expr is None else text(part.expr)
    after = "" if new.expr is None else text(new.expr)
    if before and after and max(len(before), len(after)) <= SHOWN:
        message = f"You wrote {before}. {said} it is right: {after}."
    else:
        message = f"{said} it is right: {_short(after or right)}."
    if after != right and len(right) <= SHOWN:
        message += f" The whole: {right}."
    return Diagnosis(code, message, right)


def _short(formula: str) -> str:
    return formula if len(formula) <= SHOWN else formula[: SHOWN - 1] + "…"


def _context(search: Search, root: Sketch) -> Context:
    asked = search.asked
    right = _right_forms(search)
    own = [p.expr for _, p in places(root) if p.expr is not None]
    parts = [*_pieces(right), *_pieces([asked.f]), *own]
    found = [e for e in parts if not is_(e, "number")]
    ones = [apply("number", params=(Fraction(k),)) for k in (1, 2)]
    shapes = [e.shape for e in walk(asked.f)]
    sizes = tuple(sketch("size", params=(n,)) for n in sorted(size_names(shapes)))
    named = tuple(drawn(v) for v in dict.fromkeys([*variables(asked.f), *asked.extra.values()]))
    return Context((*pooled([*ones, *found], POOL), *sizes), unary_functions(parts), sizes, named)


def _right_forms(search: Search) -> list[Expr]:
    """The derivative as the engine writes it, as a source of proposals."""
    asked = search.asked
    try:
        found = differentiate(
            asked.f,
            asked.wrt,
            asked.kind,
            asked.order,
            structure=search.structure,
            upstream=asked.upstream,
        )
    except MatderivError:
        return []
    return [found.expr]


def _pieces(exprs: list[Expr]) -> list[Expr]:
    """All parts of expressions, the larger first, and neighbouring factors of products."""
    found: list[Expr] = []
    for node in reversed(list(walk(*exprs))):
        found.append(node)
        if is_(node, "mul", "hadamard", "add"):
            found += _slices(node)
    return list(dict.fromkeys(found))


def _slices(node: Expr) -> Iterator[Expr]:
    count = len(node.args)
    for length in range(count - 1, 1, -1):
        for k in range(count - length + 1):
            try:
                yield apply(node.function.name, *node.args[k : k + length])
            except MatderivError:
                continue

