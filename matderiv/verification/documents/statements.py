"""Lines of a derivation as statements: what stands on the left, and the sides that are said equal.

`df = 2*r'*dr = 2*r'*A*dx` states two equations about the differential of f. Left sides are read by
their look: differentials df, derivatives ∂f/∂x, ∇_x f, f'(x), names, and formulas for the rest.
"""

import re
from dataclasses import dataclass

from matderiv.language.tokens import canonical_name
from matderiv.verification.documents.positions import Passage, joined
from matderiv.verification.quantities import (
    DERIVATIVE,
    DIFFERENTIAL,
    FORMULA,
    LATEX_NAME,
    NAME,
    VALUE,
    Quantity,
    latex_name,
    named,
    quantity,
)

_WORD = re.compile(r"(?:[A-Za-z][a-z]+(?:-[a-z]+)*|a|I|i\.e\.)[,:;.]?\s+|[,:;]\s*")
_LEAD = re.compile(
    r"""\s*(?:\(?\d{1,2}[.)]\s+|\(?[a-h]\)\s+|(?:[Ss]tep|[Ll]ine)\s+\d+\s*[:.)]?\s*
    |(?:=>|⇒|⟹|⟺|⇔|<=>|->|→|∴|∵|•|\\(?:because|therefore)(?![A-Za-z]))(?:\s|\\\s)*)""",
    re.VERBOSE,
)
_REMARK = re.compile(
    r"""(?:,?\s+(?:by|using|since|because|due|from|with|as|which|for|applying|via|mit|f[üu]r|wobei
    |wo|avec|o[ùu]|pour|con|donde|para)\s+[^=]*
    |[.;:]\s+[A-ZÀ-Þ][a-zà-ÿ]{2,}(?:\s[^=]*|[,:]?)
    |\s+[\[(](?:by|using|since|because|as|from|with|use|apply|note)\s[^=()]*[\])]
    |\s+[\[(][A-Za-z][a-z'-]{2,}(?:[\s,]+(?:[A-Za-z][a-z'-]{2,}|of|to|in|an?|is))+[\])]
    |,?\s+(?:where|and|so|with|for|is|are|ist|sind|gilt|folgt|est|sont|es|son)
    |\s*[.,;:])\s*$""",
    re.VERBOSE,
)
_WORDS_AFTER = re.compile(
    r"(?:,\s*|\s+)(?:(?:is|the|a|an|and|which|so)\s+)(?:[A-Za-z]++[\s,.]*+)++$"
)
_COMPARED = re.compile(
    r"\\(?:leq?|geq?|succ(?:eq)?|prec(?:eq)?|ll|gg|neq?)(?![A-Za-z])|[<>≤≥≻⪰](?!=)"
)


_NOTHING = re.compile(
    r"[\s{}]*(?:\\(?:mathbf|boldsymbol|bm|vec|mathbb)\s*\{?\s*)?0[\s{}.!]*(?:[,\s]\s*[a-z].*)?"
)
_CONDITION = frozenset("set setting if when solve solving require requiring equate".split())
_INTRODUCES = frozenset("where with let define denote put write given for here introduce".split())
_LEADING = (
    frozenset(
        "hence thus therefore then so giving gives yields implies which and we have get".split()
    )
    | frozenset("obtain since because as or is the that this also now finally again".split())
    | {*_CONDITION, *_INTRODUCES, ""}
)
"""Words that stand before formulas in LaTeX too, and the comma."""
_CALLED = re.compile(
    r"\b(gradient|hessian|jacobian)\b(?!.*\b(?:with|where|using)\b)\W*(?:\w+\W+){0,2}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Case:
    """That two indices are equal, or that they differ: where an equation of entries holds."""

    first: str
    second: str
    equal: bool


@dataclass(frozen=True)
class Statement:
    """Sides that are said to be equal; `quantity` is the first one's, None where there is none.

    Then it `goes_on` from the line before, or is a formula that stands alone. `condition` says
    that it is set, supposed or solved, `introduced` that it says what a name stands for (`where`,
    `let`), and `announced` what its left side is called: `the gradient g = ...`.
    """

    quantity: Quantity | None
    sides: tuple[Passage, ...]
    whole: Passage
    condition: bool = False
    goes_on: bool = True
    introduced: bool = False
    announced: Quantity | None = None
    case: Case | None = None

    @property
    def about(self) -> Quantity | None:
        r"""The quantity; that is \sigma in `\sigma^2 = ...`."""
        formula = self.quantity is not None and self.quantity.kind == FORMULA
        typed = rf"({LATEX_NAME})\s*\^\s*(?:2|\{{\s*2\s*\}})"
        square = re.fullmatch(typed, self.sides[0].text) if formula and self.whole.latex else None
        return Quantity(VALUE, latex_name(square[1])) if square else self.quantity

    @property
    def zero(self) -> bool:
        """True if the last side is 0."""
        return bool(_NOTHING.fullmatch(self.sides[-1].text))


_NORM_SIGN = re.compile(r"(?:\\\||\||‖|\\rVert)\s*_\s*(?:\{\s*\w*\s*\}|\w)")  # the F of a norm


_COMMAND = r"\\(?:begin|end)\{\w+\*?\}|\\[A-Za-z]+"


def names_in(side: Passage) -> set[str]:
    r"""The names in a side, as far as letters show.

    >>> sorted(names_in(Passage.of(r"X^\top(X\hat w - y)", latex=True)))
    ['X', 'w_hat', 'y']
    """
    if side.latex:
        text = _NORM_SIGN.sub(" ", side.text)
        found = re.finditer(
            rf"(?P<name>{LATEX_NAME})|\\(?:begin|end)\{{\w+\*?\}}|\\[A-Za-z]+", text
        )
        return {latex_name(m["name"]) for m in found if m["name"]} - {""}
    return {canonical_name(m) for m in re.findall(rf"(?<![\w.]){NAME}", side.text)}


def bold_in(side: Passage) -> set[str]:
    r"""The names that a side in LaTeX sets in bold: vectors and matrices, never sizes.

    >>> bold_in(Passage.of(r"\mathbf{p} - \frac{1}{n}\boldsymbol\mu", latex=True)) == {"p", "mu"}
    True
    """
    bold = r"\\(?:mathbf|boldsymbol|bm|vec)\s*(?:\{[^{}]*\}|\\?[A-Za-z]+)"
    return {latex_name(m[0]) for m in re.finditer(bold, side.text)} - {""} if side.latex else set()


# Splitting ----------------------------------------------------------------------------------------

_OPEN, _CLOSE = "([{", ")]}"


def equal_signs(text: str) -> list[tuple[int, int]]:
    """The places of equals signs outside brackets; comparisons have none.

    >>> equal_signs("s := sum(X, axis=1) = u"), equal_signs("(a <= b)")
    ([(2, 4), (20, 21)], [])
    """
    found, depth = [], 0
    for k, c in enumerate(text):
        depth += (c in _OPEN) - (c in _CLOSE)
        if c == "=" and depth <= 0:
            before, after = text[k - 1 : k], text[k + 1 : k + 2]
            if before not in tuple("<>!=") and after not in ("=", ">"):
                found.append((k - 1 if before == ":" else k, k + 1))
    return found


def statement(passage: Passage) -> Statement | None:
    """The statement of a line; None for one without an equals sign."""
    p, case = without_case(_without_lead(passage))
    cut = _where(p.text)
    signs = [s for s in equal_signs(p.text) if s[0] < cut]
    if not signs and (colon := announced(p.text)):
        signs = [colon]
    if not signs:
        return None
    starts, stops = [0, *(s[1] for s in signs)], [*(s[0] for s in signs), len(p.text)]
    sides = [p[a:b].stripped() for a, b in zip(starts, stops, strict=True)]
    sides[-1] = without_remark(_compared(sides[-1]))
    first, words = _lead_words(sides[0])
    what = named(first.text, first.latex) if first else None
    if what is None:
        return Statement(None, tuple(sides[1:]), passage.stripped(), case=case)
    called = _CALLED.search(sides[0].text[: len(sides[0].text) - len(first.text)])
    return Statement(
        what,
        (first, *sides[1:]),
        passage.stripped(),
        condition=bool(_CONDITION & words),
        introduced=bool(_INTRODUCES & words),
        announced=quantity(called[1].lower()) if called and what.kind == VALUE else None,
        case=case,
    )


def is_number(p: Passage) -> bool:
    r"""True where a name is said to be a number, which is one value of it: `w = 2\cdot 3 = 6`.

    >>> [is_number(Passage.of(line)) for line in ("w = 2*3 = 6", "w = 2*x")]
    [True, False]
    """
    s = statement(p)
    value = s is not None and s.quantity is not None and s.quantity.kind == VALUE
    return value and s is not None and not any(names_in(side) for side in s.sides[1:])


INDEX = r"[a-z](?:_(?:[a-z]|\{[a-z]\}))?"  # k = y_n, the label of an example
_INDICES = rf"\s*(?P<first>[a-z])\s*(?P<sign>=|\\neq?(?![A-Za-z])|≠|!=)\s*(?P<second>{INDEX})\s*"
_FOR = r"\b(?:if|for|when|where|falls|si|in case)\b:?"
CASE = re.compile(
    rf"(?:[,;]\s*)?(?:(?<![1I])(?<![1I]\}})\(\s*(?:{_FOR})?|{_FOR}|[,;]){_INDICES}\)?\s*[.,;]?\s*$"
)


def is_case(text: str, place: int) -> bool:
    r"""True where a text ends with a case of its indices: `-p_i p_j, \quad i \neq j`.

    >>> is_case(r"x_i = -p_i p_j, i \neq j", 16), is_case("f = a, i = j", 7)
    (True, False)
    """
    found = re.compile(rf"(?:\s*{_FOR})?{_INDICES}\s*[.,;]?\s*$").match(text, place)
    if found is None:
        return False
    below = "".join(re.findall(r"_\s*(\w|\{[^{}]*\})", text[:place]))
    return found["first"] in below and found["second"] in below


def without_case(p: Passage) -> tuple[Passage, Case | None]:
    r"""A line without the case behind it: `= -p_i p_j, \quad i \neq j`.

    >>> found = without_case(Passage.of(r"x_{ij} = 0 \quad (i \neq j)", latex=True))
    >>> found[0].text, found[1].equal
    ('x_{ij} = 0 \\quad', False)
    """
    found = CASE.search(p.text)
    if found is None or not equal_signs(p.text[: found.start()]):
        return p, None
    case = Case(found["first"], found["second"], found["sign"] == "=")
    return p[: found.start()].stripped(), case


_OF_INDICES = (
    rf"(?:\$|\\\()(?P<case>\s*(?P<first>[a-z])\s*(?:=|\\neq?(?![A-Za-z])|≠)\s*"
    rf"(?P<second>{INDEX})\s*)(?:\$|\\\))"
)
_SAID_CASE = re.compile(
    r"(?i:\b(?:for|if|when|whenever|where|f[uü]r|falls|pour|si|case(?:\s*\w)?))\s*[:.,]?\s*"
    rf"(?:indices\s*)?{_OF_INDICES}"
)
PROSE_CASE = re.compile(_OF_INDICES)
_OTHERS = re.compile(r"\b(?:others?|otherwise|else|remaining|sonst|autres?)\b", re.IGNORECASE)


def with_case(p: Passage) -> Passage:
    r"""A formula with the case of its indices that the words before it, or right behind it, say.

    >>> p = Passage.of("J_{ij} = 0", latex=True, around=("For $i = j$ we have", "", ""))
    >>> with_case(p).text
    'J_{ij} = 0 (i = j)'
    """
    before, after, _ = p.around
    below = "".join(re.findall(r"_\s*(\w|\{[^{}]*\})", p.text))
    said = [*_SAID_CASE.finditer(before)]
    said = said or [m for m in PROSE_CASE.finditer(before) if {m["first"], m["second"]} <= {*below}]
    case = _SAID_CASE.match(after.lstrip(" ,(\n")) or next(reversed(said), None)
    if case is None or CASE.search(p.text) or not p.latex or not equal_signs(p.text):
        return p
    typed = f"({case['case'].strip()})"
    if case.string is before and _OTHERS.search(before, case.end()):
        sign = "=" if "=" not in typed else r"\neq "
        typed = f"({case['first']} {sign} {case['second']})"
    p = p[: len(p.text.rstrip(" .,;"))]
    return joined([p, Passage(typed, (p.end,) * len(typed), p.end, True)])


def _compared(side: Passage) -> Passage:
    """A last side without `> 0`: what it is compared with."""
    depth = 0
    for k, c in enumerate(side.text):
        depth += (c in _OPEN) - (c in _CLOSE)
        if depth <= 0 and k and _COMPARED.match(side.text, k):
            return side[:k].stripped()
    return side


def announced(text: str) -> tuple[int, int] | None:
    """The place of a colon that stands for an equals sign: `The gradient is: 2*x`.

    >>> announced("Gradient: 2*x"), announced("Note: 2*x")
    ((8, 9), None)
    """
    place = text.find(":")
    words = re.sub(r"\b(?:[Tt]he|is|then)\b", "", text[: max(place, 0)]).strip()
    known = words and quantity(words).kind == DERIVATIVE
    return (place, place + 1) if known and not equal_signs(text) else None


def _where(text: str) -> int:
    found = re.search(rf"(?<=\S)\s+where\s+{NAME}\s*=", text)
    return found.start() if found else len(text)


PROSE = re.compile(r"[A-Za-z]{2,}[,;:]?\s+[A-Za-z]{2,}")
_FORMULA = re.compile(r"[*'^+/()]|\bd[A-Za-z]\b|\\[a-z]")
_ASSIGNED = re.compile(r"\\(?:leftarrow|gets)(?![A-Za-z])|←|<-|\\propto|∝|\\approx|≈")
_UNFINISHED = re.compile(r"(?:[-+/(=]|(?<![_^])\*|\.[*/^]|\\(?:cdot|odot|times))\s*$")
_GOES_ON = re.compile(r"\s*(?:[+*/)\]]|\.[*/^]|-|\\(?:cdot|odot|times)\b)")


def stated(p: Passage) -> Statement | None:
    """The statement of a line; a bare formula goes on, prose is None."""
    found = statement(p)
    if found is not None:
        return found
    return Statement(None, (p,), p, goes_on=False) if is_formula(p.text) else None


def is_formula(text: str) -> bool:
    """True for a line without an equals sign that looks like a formula, not like prose."""
    return bool(_FORMULA.search(text)) and not PROSE.search(text) and not _ASSIGNED.search(text)


def is_left_of(before: str, line: str) -> bool:
    r"""True if a line says what the name or the derivative is that stands alone before it.

    >>> is_left_of(r"\nabla_w J(w)", "= Xw"), is_left_of("Xw - y", "= r")
    (True, False)
    """
    if equal_signs(before) or not re.match(r"\s*:?=", line):
        return False
    return named(before, latex=True).kind not in (FORMULA, DIFFERENTIAL)


def goes_on(before: str, line: str) -> bool:
    """True if a line is the rest of the one before it.

    >>> goes_on("df = a*dx", "  + b*dx"), goes_on("df = a*dx", "= b*dx")
    (True, False)
    """
    if before.rstrip().endswith(":") and announced(before):
        return True
    if "=" not in before and not _FORMULA.search(before):
        return False
    open_still = any(before.count(a) > before.count(b) for a, b in ("()", "[]"))
    if _UNFINISHED.search(before) or open_still:
        return True
    return bool(_GOES_ON.match(line)) and not equal_signs(line)


def _without_lead(p: Passage) -> Passage:
    """Without numbering, arrows and alignment marks in front."""
    while (found := _LEAD.match(p.text)) and found.end() < len(p.text):
        p = p[found.end() :]
    bullet = re.match(r"\s*[-*+]\s+(?=[^=]*=)", p.text)
    if bullet and _lead_words(p[bullet.end() : _first_sign(p.text)])[0]:
        rest = p[bullet.end() :]
        left = _lead_words(rest[: _first_sign(rest.text)])[0]
        if named(left.text, left.latex).kind != FORMULA:
            return rest
    return p


def _first_sign(text: str) -> int:
    signs = equal_signs(text)
    return signs[0][0] if signs else len(text)


def _lead_words(side: Passage) -> tuple[Passage, set[str]]:
    """A left side without the words before it, and the words."""
    rest, words = side.stripped(), []
    if sentences := [*re.finditer(r"[.;:]\s+", rest.text)]:
        rest = rest[sentences[-1].end() :]
    comma = re.search(r",(?=[^,()]*(?:\([^()]*\)\s*)?$)", rest.text)
    said = r"\s*(?i:let|given)\b|.*" + PROSE.pattern
    if comma and not rest.latex and re.match(said, rest.text[: comma.start()]):
        words += rest.text.lower().split()[:1]  # Let W be symmetric (n x n), D = ...
        rest = rest[comma.end() :].stripped()
    while named(rest.text, rest.latex).kind == FORMULA and (found := _WORD.match(rest.text)):
        if rest.latex and not _LEADING & {found[0].strip(" ,:;.").lower()}:
            break  # letters of a formula
        words.append(found[0].strip(" ,:;.").lower())
        rest = rest[found.end() :]
    return rest.stripped(), {*words}


def without_remark(side: Passage) -> Passage:
    """A right side without the words after it: `(product rule)`, `, by symmetry`, a full stop.

    >>> without_remark(Passage.of("2*A'*r  (chain rule).")).text
    "2*A'*r"
    """
    while found := _REMARK.search(side.text) or (
        None if side.latex else _WORDS_AFTER.search(side.text)
    ):
        shorter = side[: found.start()].stripped()
        if not shorter:
            return side
        side = shorter
    return side
