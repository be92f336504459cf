r"""Rows of formulas as people set them, and their clauses: `\nabla f = 2x, \quad \nabla^2 f = 2I`.

A clause is one statement: what stands between commas, arrows and words such as `hence`, `where`
or `so that`, if each side of the cut has an equals sign.
"""

import re
from bisect import bisect_left
from dataclasses import replace
from itertools import accumulate

from matderiv.language.calls import known_function
from matderiv.language.tokens import canonical_name
from matderiv.verification.documents.positions import Passage, closing, joined
from matderiv.verification.documents.statements import PROSE, announced, equal_signs, is_case
from matderiv.verification.quantities import LATEX_NAME, LATEX_SYMBOL, NAME

WIDE = "\u2003"  # stands for \quad until the row is cut
CONNECTIVES = (
    "where with so hence thus therefore then and giving gives give yields yielding implies "
    "implying which whence let for as because since if when using note"
).split()
_ARROW = (
    r"<=>|=>|->|[⇒⟹⟺⇔→∴]|\\(?:Rightarrow|Longrightarrow|implies|iff|Leftrightarrow"
    r"|Longleftrightarrow|rightarrow|to|therefore|leadsto)(?![A-Za-z])"
)
_CUT = re.compile(
    rf"\s*(?P<arrow>{_ARROW})\s*|(?:(?<!\\)[,;.])?\s*{WIDE}\s*|(?<!\\)[,;]\s*|\.\s+(?=[^\d\s])"
    rf"|\s+(?=(?:{'|'.join(CONNECTIVES)})\b(?!\s*\())"
)
_CONDITION = re.compile(
    rf"\s*+(?>{LATEX_NAME})(?:\s*+,(?:\s|\\[,;:])*+(?>{LATEX_NAME}))*+\s*+"
    r"(?:[<>]|\\(?:in|geq?|leq?|neq?|succ|prec|gg|ll)(?:eq)?(?![A-Za-z]))[^=]*$"
)
OBJECTIVE = re.compile(
    r"\s*+(?:\\(?:operatorname\*?|mathrm|underset|text)\s*\{[^{}]*\}\s*\{?)?+\s*+"
    r"\\?(?:arg(?:\s|\\,)*)?"
    r"\\?(?:min|max)(?:imi[sz]e)?\}?\s*"
    r"(?:_\s*(?P<by>\{(?:[^{}]|\{[^{}]*\})*\}|\\?\w+))\s*(?:\\[;,:!\s]|\s)*"
)
"""What stands before an objective: `\\min_w`, `\\operatorname{arg\\,min}_{x}`."""
NAMELESS = "objective"
"""The name of such an objective."""
_INPUT = re.compile(  # the x of `x → z = Wx → h = relu(z)`
    rf"\s*(?:{NAME}|{LATEX_NAME})\s*(?:{_ARROW})(?=\s*(?:{NAME}|{LATEX_NAME})\s*=)"
)
_EDGE = rf"(?:\s|{_ARROW}|(?<!\\)[,;{WIDE}]|(?<!\\)\\[,;:!\s])"
_EDGES = re.compile(rf"^{_EDGE}++|(?:{_EDGE}|(?<!\\)\.)++$")
_SET_EQUAL = (
    r"\\(?:stackrel|overset|underset)\s*\{(?:[^{}]|\{[^{}]*\})*\}\s*(?:\{\s*:?=\s*\}|=)"
    r"|\\(?:coloneqq|triangleq|equiv|doteq|eqqcolon)(?![A-Za-z])|[≡≜≔]"
)
_FRAMES = re.compile(r"\\(?:boxed|fbox|underbrace|overbrace|cancel|bcancel|ensuremath)\s*\{")
_NOTED = re.compile(r"\s*[_^]\s*\{")

_TEXT = r"\\(?:text|textrm|textit|mbox|textbf)\s*\{(?P<word>(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}"
_BY_ROWS = re.compile(r"\\text\w*\s*\{[^{}]*\b(?:row-?\s?wise|each row|by rows?)\b[^{}]*\}")
_SOFTMAX = r"\\(?:text|mathrm|operatorname)\s*\{softmax\}(?=\s*(?:\\left)?[(\[])"
_EXAMPLE = r"\^\s*(?P<above>\{\s*\([a-z]\)\s*\})\s*_\s*(?P<below>\{[^{}]*\}|[A-Za-z0-9])"
_CONSTANT = r"[-+]\s*\\(?:text\w*|math\w+|operatorname)\s*\{\s*[Cc]onst[^{}]*\}"
_SUBJECT = (
    r"\\(?:text\w*|mathrm|operatorname)\*?\s*\{\s*,?\s*(?:s\.\s*t\.|subject to|such that)\s*:?\s*\}"
)
_TRANSPOSE = (
    r"\^\s*(?:T|\{\s*T\s*\}|\{\s*\\(?:math(?:rm|sf)|text)\s*(?:\{\s*T\s*\}|T)\s*\}"
    r"|\\(?:math(?:rm|sf)|text)\s*\{\s*T\s*\}|\\intercal(?![A-Za-z])|\{\s*\\intercal\s*\})"
)
_RANGE = re.compile(
    r"\\(?:sum|prod|int|bigcup|bigcap)(?:\\limits)?\s*(?:_\s*(?:\{[^{}]*\}|\w))?\s*$"
)
_NUMBERS = (
    rf"(?P<names>(?>{LATEX_NAME})(?:\s*+,(?:\s|\\[,;:])*+(?>{LATEX_NAME}))*+)(?:\s*>\s*0)?"
    r"(?:\s|\\[,;:])*\\text\w*\s*\{[^{}]*\b(?:scalars?|(?:real|positive) numbers?)\b[^{}]*\}"
)
_NAMED_NEXT = re.compile(r"\s*(?:[(_=]|\\left)")  # what shows that a word before it is a name


_LABELLED = (  # \\hat{y_i} and \\delta_{a_1}, which are \\hat{y}_i and \\delta_{a1}
    rf"(?P<accent>\\(?:hat|bar|tilde|widehat|widetilde|overline|vec))\s*\{{\s*"
    rf"(?P<under>{LATEX_SYMBOL})\s*_\s*(?P<below>\{{[^{{}}]*\}}|[A-Za-z0-9])\s*\}}"
)
_NESTED = (
    rf"(?<!\\nabla)(?<=[A-Za-z}}])_\s*\{{\s*(?P<inner>{LATEX_SYMBOL}\s*"
    r"(?:_\s*(?:\{\s*\w+\s*\}|\w)|\^\s*\{\s*[(\[]?\w[)\]]?\s*\})+)\s*\}"
)
_PRIMES = r"\^\s*(?:\{\s*(?:(?:\\prime|')\s*)+\}|\\prime(?![A-Za-z]))"
_OPENED = r"\\nabla\s*\{((?:[^{}]|\{[^{}]*\})*)\}"  # \nabla{J(\theta)}
_TIMES = r"(?<=[})])\s*\.\s*(?=\\frac|\()"  # a full stop between factors
_ABOVE = (  # \\beta^{\\text{old}}, which has a label
    rf"(?P<base>(?<![\\_^{{])(?!\s*e(?![A-Za-z])){LATEX_SYMBOL})\s*\^\s*\{{\s*"
    r"\\(?:text|mathrm|textrm)\s*\{\s*(?P<label>[A-Za-z]{2,})\s*\}\s*\}"
)
_GATED = r"(?<=_t|t\})\s*(?<![\^{])\*\s*(?=\\|[A-Za-z(])"  # f_t * C_{t-1}: entry by entry
_PARAMETERS = (  # f_{w,b}(x): the parameters of f, not its indices
    rf"(?<=[fgh]_)\{{\s*(?P<first>(?![i-n]\s*,){LATEX_SYMBOL})\s*,[^{{}}]*\}}"
    r"(?=\s*(?:\\left\s*)?\()"
)
_HYPHENED = r"_\s*\{\s*(?P<first>[A-Za-z]{2,})-(?P<then>[A-Za-z]{2,})\s*\}"  # J_{neg-sample}
_ASIDE = (  # \\text{(where } A \\text{ is any matrix)}, and [n \\times 1] behind a space
    r"\\(?:text\w*|mbox)\s*\{\s*\([^{}()]*\}[^=\n]{0,80}?"
    r"\\(?:text\w*|mbox)\s*\{[^{}()]*\)[\s.,;]*\}"
    r"|(?:\\[;,:]|\\q?quad|~)\s*[\[(]\s*\w+\s*\\times\s*\w+\s*[\])](?=\s*[.,]?\s*$)"
)
_BY_VEC = (  # \\partial(\\operatorname{vec} X)^T, whose entries are in the order of those of X
    r"(?<=\\partial)\s*\(?\s*\\(?:operatorname|mathrm|text)\s*\{\s*vec\s*\}\s*\(?\s*"
    rf"(?P<name>{LATEX_SYMBOL})\s*\)?\s*(?:\^\s*\{{\s*\\top\s*\}})?(?=\s*\}})"
)
_RAISED = r"(?<![A-Za-z0-9_])e\^\{([^{}]*)\}"
_UNDER_NABLA = r"(?<=∇)[ₐₑᵢⱼₖₘₙₚᵣₛₜᵤᵥₓ]+"
_MIXED = r"(?<!\w)d(?:\^2|²)\s*([A-Za-z]+)\s*/\s*\(?d([A-Za-z])\s*d([A-Za-z])(?:\)|(?!\w))"
_STARRED = r"([A-Za-z\u0370-\u03ff])\*(?=\s*(?:[=,)]|$)|\s+[-+])"  # the solution x* of the text
LABEL = r"(?P<label>[cty])\s*_\s*(?:\{\s*[ijmn]\s*\}|[ijmn])"  # of one example, as in p_{y_i}
_SIDE = r"\w+(?:[_^](?:\w|\{[^{}=]*\}))?"
_IVERSON = (  # 1(k = y), [k = y] and \\mathbb{1}(y_i = k)
    r"(?:\\math(?:bb|bf|ds|rm)\s*(?:\{\s*[1I]\s*\}|[1I])\s*(?:\\left)?(?:[(\[]|\\\{)"
    r"|(?<![\w}^_.\\])1\s*(?:[(\[]|\\\{)|(?<=[-+])\s*\[)\s*"
    rf"(?P<said>{_SIDE}\s*(?:=|\\neq?(?![A-Za-z]))\s*{_SIDE})\s*(?:\\right)?(?:[)\]]|\\\}})"
)
_EQUAL = (  # 1[i == j], 1{k = y} and (i == j) of the text
    r"(?:(?<![\w.)\]}])1\s*[\[({]\s*(?P<i>[a-z])\s*==?|[\[(]\s*(?P<at>[a-z])\s*==)"
    r"\s*(?P<j>[a-z])\s*[\])}]"
)
_ONES = (  # W 1, W*1, x^T 1, (1^T x) 1 and 1^T x of the text: a vector of ones
    r"(?P<of>(?<!\w)[A-Z]|\^T|[ᵀ']|(?<=[\w'ᵀ]\s\w)\)(?=\s))"
    r"(?P<by>\s*\*\s*|\s+|(?<=[ᵀ']))1(?![\w.,^'])"
    r"|(?<![\w.^)\]'])1(?=\^T\b|[ᵀ'])"
)
_DIAGONAL_OF = (  # \\operatorname{diag}(1/x_1, \\ldots, 1/x_n)
    r"(?P<head>\\(?:operatorname|mathrm|text)\s*\{\s*diag\s*\}|\\diag(?![A-Za-z]))\s*"
    r"(?:\\left|\\[bB]igg?l?)?(?:\(|\\\{)(?P<first>[^,=]*(?:_\s*\{?1|\(1\))[^,=]*),[^=]*?"
    r"\\[lc]?dots\s*,(?P<last>(?:[^,=()]|\([^()]*\))*?)"
    r"(?:\\right|\\[bB]igg?r?)?(?:\)|\\\})"
)
_WIDE = r"\\qq?uad(?![A-Za-z])|(?:\\;\s*){3,}|\\hspace\*?\s*\{[^{}]*\}"
_ALL = (
    r"(?:\\q?quad|\\[,;:!]|[\s,(])*\\forall(?![A-Za-z])[^=]*$"
    r"|^\s*\\forall(?![A-Za-z])(?:[^=,()\[\]]|\[[^\]]*\]|\([^()]*\))*[,:]"
)


_COLUMN = r"(?<=[^\s&=])\s*(?<!\\)&(?=\s*[^\s&=][^=]*=)"  # a = b & c = d


def in_columns(p: Passage) -> Passage:
    """A row with a space between two equations that stand in it side by side."""

    def cut(match: re.Match[str]) -> str:
        return r" \qquad " if equal_signs(match.string[: match.start()]) else match[0]

    return p.replaced(_COLUMN, cut)


def as_row(p: Passage) -> Passage:
    r"""A LaTeX formula without words, and with a sign for wide space.

    >>> as_row(Passage.of(r"\text{tr}(A) \text{ by symmetry}", latex=True)).text.rstrip()
    '\\text{tr}(A)'
    """
    p = _fractions(p).blanked(_ASIDE).replaced(_TRANSPOSE, _turned)
    p = p.replaced(r"(?<=\{)Sp(?:ur)?(?=\})", lambda m: "tr")
    p = p.replaced(_PRIMES, lambda m: "'" * len(re.findall("prime|'", m[0])))
    p = p.replaced(_OPENED, lambda m: rf"\nabla {m[1]}")
    p = p.replaced(_EXAMPLE, lambda m: f"_{m['below']}^{m['above']}")
    p = p.replaced(_DIAGONAL_OF, _on_diagonal).replaced(_BY_VEC, lambda m: f" {m['name']}")
    p = p.replaced(_LABELLED, lambda m: f"{m['accent']}{{{m['under'].strip()}}}_{m['below']}")
    p = p.replaced(_NESTED, _flattened).blanked(_ALL).replaced(_TIMES, lambda m: r"\cdot ")
    p = p.replaced(_HYPHENED, lambda m: f"_{{{m['first']}{m['then']}}}")
    p = p.replaced(_PARAMETERS, lambda m: f"{{{m['first']}}}")
    p = p.replaced(_GATED, lambda m: r" \odot ")
    p = p.replaced(_ABOVE, lambda m: rf"{m['base']}_{{\mathrm{{{m['label']}}}}}")
    p = p.replaced(_IVERSON, lambda m: rf"\mathbb{{1}}[{m['said']}]")
    p = p.blanked(_CONSTANT).replaced(_SUBJECT, lambda m: " when ".rjust(len(m[0])))
    p = p.replaced(_NUMBERS, lambda m: rf"{m['names']} \in\mathbb{{R}}")
    if _BY_ROWS.search(p.text):
        p = p.replaced(_SOFTMAX, lambda m: rf"{m[0]}_{{\mathrm{{rows}}}}")
    p = p.replaced(_WIDE, _wide).replaced(_TEXT, _kept)
    return p.blanked(r"\\!|\\(?:(?:display|text|script)style|space|newline|hfill|null)(?![A-Za-z])")


def as_typed(p: Passage) -> Passage:
    """A formula in plain text with `∇_x` for `∇ₓ`, a name for `x*` and `exp` for `e^{}`.

    >>> as_typed(Passage.of("∇ₓf = A(Ax* - b)")).text
    '∇_xf = A(A x_star - b)'
    """
    p = p.replaced(_RAISED, lambda m: f"exp({m[1]})")
    while found := re.search(r"\bsum_(?:\w+|\{[^{}]*\})\s*\[", p.text):
        if (stop := closing(p.text, found.end() - 1)) is None:
            break
        p = p.with_part(stop, stop + 1, ")").with_part(found.end() - 1, found.end(), "(")
    p = p.replaced(_EQUAL, lambda m: f"δ_{m['i'] or m['at']}{m['j']}")
    p = p.replaced(_ONES, lambda m: f"{m['of'] or ''}{m['by'] or ''}vector(1)")
    p = p.replaced(_MIXED, lambda m: f"∂²{m[1]}/∂{m[2]}∂{m[3]}")
    p = p.replaced(_UNDER_NABLA, lambda m: canonical_name(f"x{m[0]}")[1:])
    return p.replaced(_STARRED, lambda m: f" {m[1]}_star")


def _on_diagonal(match: re.Match[str]) -> str:
    """A diagonal by its entry i, where the last one in a list is the first with another index."""
    below, above = r"_\s*(?:\{\s*(?:1|[A-Za-z])\s*\}|1|[A-Za-z](?![A-Za-z]))", r"\((?:1|[A-Za-z])\)"
    first, last = (
        re.sub(above, "(i)", re.sub(below, "_i", match[side])).replace(" ", "")
        for side in ("first", "last")
    )
    alone = re.fullmatch(rf"(?P<base>{LATEX_SYMBOL})(?:_i|\^\{{\(i\)\}})", first)
    whole = alone["base"] if alone else first
    return f"{match['head']}({whole})" if first == last else match[0]


def _flattened(match: re.Match[str]) -> str:
    """A label that is a name with a label, in letters and digits; a range of a sum stays."""
    if _RANGE.search(match.string[: match.start()]) or re.fullmatch(LABEL, match["inner"]):
        return match[0]
    return f"_{{{re.sub(r'[^A-Za-z0-9]', '', match['inner'])}}}"


def _fractions(p: Passage) -> Passage:
    r"""With `\frac{a}{b}` for `{a \over b}`.

    >>> _fractions(Passage.of(r"{{1 \over 2} x \over y}", latex=True)).text
    '\\frac{\\frac{1 }{ 2} x }{ y}'
    """
    while found := re.search(r"\\over(?![A-Za-z])", p.text):
        depth, start = 0, found.start()
        while start > 0 and depth >= 0:
            start -= 1
            depth += (p.text[start] == "}") - (p.text[start] == "{")
        if depth >= 0:
            return p
        p = p.with_part(*found.span(), "}{").with_part(start, start, r"\frac")
    return p


def _turned(match: re.Match[str]) -> str:
    r"""`X^T` is X transposed, whatever T is; the end of a sum is no transpose."""
    return match[0] if _RANGE.search(match.string[: match.start()]) else r"^{\top}"


def _wide(match: re.Match[str]) -> str:
    return WIDE + " " * (len(match[0]) - 1)


def _kept(match: re.Match[str]) -> str:
    r"""Words in a formula are blanked; names of functions, letters and `where` or `so` stay.

    So do words above or below a bar, `\frac{\text{rise in } y}{2}`, which are part of it.
    """
    word = match["word"].strip()
    if word.strip(" ,:;.").lower() in CONNECTIVES:
        return f" {word} ".rjust(len(match[0]))
    known = known_function(word) is not None or len(word) <= 1
    named = word.isalpha() and _NAMED_NEXT.match(match.string, match.end())
    named = named or match.string[: match.start()].endswith(("^{", "_{", "^", "_"))
    kept = known or named or _is_in_fraction(match.string[: match.start()])
    return match[0] if kept else " " * len(match[0])


def _is_in_fraction(before: str) -> bool:
    r"""True where the last brace that is open is one of a \frac."""
    depth, start = 0, len(before)
    while start > 0 and depth >= 0:
        start -= 1
        depth += (before[start] == "}") - (before[start] == "{")
    return depth < 0 and bool(re.search(r"(?:frac|\})\s*$", before[:start]))


def unframed(p: Passage) -> Passage:
    r"""A LaTeX formula without boxes, braces with remarks, and signs above equals signs.

    >>> unframed(Passage.of(r"\boxed{f \stackrel{!}{=} 0}", latex=True)).text.split()
    ['f', '=', '0']
    """
    if not p.latex:
        return p
    p = p.replaced(_SET_EQUAL, lambda m: "=".ljust(len(m[0])))
    while found := _FRAMES.search(p.text):
        spans = [(found.start(), found.end())]
        stop = _closed(p.text, found)
        spans.append((stop, stop + 1))
        if "brace" in found[0] and (noted := _NOTED.match(p.text, stop + 1)):
            spans[1] = (stop, _closed(p.text, noted) + 1)
        for start, end in spans:
            p = p.erased(start, min(end, len(p.text)))
    return p


def _closed(text: str, opened: re.Match[str]) -> int:
    """The place of the brace that closes the last one of a match, or the end."""
    found = closing(text, opened.end() - 1, "{", "}")
    return len(text) if found is None else found


def clauses(p: Passage) -> list[Passage]:
    """The statements in a row, in order.

    >>> row = 'df = 2*r*dx, hence ∇f = 2*r where r = einsum("i,i->", x, y)'
    >>> [c.text for c in clauses(Passage.of(row))]
    ['df = 2*r*dx', 'hence ∇f = 2*r', 'where r = einsum("i,i->", x, y)']
    >>> [c.text for c in clauses(Passage.of("x → z = W*x → h = relu(z)"))]
    ['z = W*x', 'h = relu(z)']
    """
    p = unframed(p)
    text = p.text.replace(r"\langle", r"(langle").replace(r"\rangle", r")rangle")
    steps = ((c in "([{") - (c in ")]}") for c in text)
    depth = [*accumulate(steps, lambda d, step: max(d + step, 0), initial=0)]  # 4) opens nothing
    signs = [start for start, _ in equal_signs(p.text)]
    cuts, first = [(0, 0)], 0
    for found in _CUT.finditer(p.text):
        start, end = found.span()
        inside = bisect_left(signs, start) > bisect_left(signs, first)
        ahead = bisect_left(signs, end) < len(signs) and signs[-1] > end
        condition = bool(_CONDITION.match(p.text, end))
        if is_case(p.text, end):
            continue
        if depth[start] or not (ahead or condition):
            continue
        said = found["arrow"] and not p.latex and PROSE.search(p.text[first:start])
        if not inside and (said or _INPUT.match(p.text, first)):
            cuts[-1], first = (cuts[-1][0], end), end
            continue
        if not (inside or announced(p.text[first:start]) or OBJECTIVE.match(p.text[first:start])):
            continue
        cuts.append((start, end))
        first = end
    ends = [*(c[0] for c in cuts[1:]), len(p.text)]
    parts = [p[start:end] for (_, start), end in zip(cuts, ends, strict=True)]
    return [c for part in parts for c in _turned_round(_trimmed(part)) if c]


def _turned_round(p: Passage) -> list[Passage]:
    """A statement, and the definition at its end: `a = b =: c` says that c = b."""
    found = re.search(r"=\s*:(?!=)", p.text)
    if found is None:
        return [p]
    said, name = p[: found.start()], p[found.end() :].stripped()
    near = [m.span() for m in re.finditer(r"\\(?:approx|simeq)(?![A-Za-z])|≈", said.text)]
    sign = max([(0, 0), *equal_signs(said.text), *near])[1]
    last, said = said[sign:].stripped(), said[:0] if near else said
    equals = replace(Passage.of("=", said.end), latex=p.latex)
    return [*([said.stripped()] if sign and said else []), joined([name, equals, last])]


def _trimmed(p: Passage) -> Passage:
    start, end = 0, len(p.text)
    for found in _EDGES.finditer(p.text):
        if found.start() == 0:
            start = found.end()
        else:
            end = found.start()
    return p[start : max(start, end)].replaced(WIDE, lambda m: " ")
