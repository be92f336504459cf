r"""Signs that people use, in the signs that are read: cases by indicators, sums over sets by masks.

`\sum_{n\in\mathcal M} f_n` is the sum of inM_n f_n, where inM_n is 1 for what is in the set.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from matderiv.verification.documents.positions import NOWHERE, Passage
from matderiv.verification.documents.statements import names_in
from matderiv.verification.quantities import LATEX_SYMBOL, latex_name

_CASES = re.compile(r"\\begin\{cases\}(?P<rows>.*?)\\end\{cases\}", re.DOTALL)
_OTHERWISE = re.compile(r"\b(?:otherwise|else|sonst|sinon)\b|其他|否则", re.IGNORECASE)
_WORDS = re.compile(
    r"\\(?:text|mbox|mathrm)\w*\s*\{[^{}$]*[}$]|\$[^{}$]*\}|\b(?:if|for|when|falls)\b"
)
_COMPARISON = re.compile(r"(?:[=<>]|\\(?:neq?|leq?|geq?|leqslant|geqslant)(?![A-Za-z]))")
_SET = re.compile(
    r"\\sum(?:\\limits)?\s*_\s*\{\s*"
    r"(?:(?P<own>[a-z])\s*(?:[:|]|\\(?:colon|mid|vert)(?![A-Za-z]))\s*)?"
    r"\(?\s*(?P<index>[a-z](?:\s*,\s*[a-z])?)\s*\)?\s*\\in\s*"
    r"(?P<set>(?:\\(?:mathcal|mathbb|mathrm|mathscr)\s*\{?\s*[A-Z]\s*\}?|\\Omega|\\Lambda|[A-Z])"
    r"(?:\s*_\s*\{?\s*(?P<below>[a-z])\s*\}?|\s*\(\s*(?P<at>[a-z])\s*\))?)\s*\}"
)


def by_cases(p: Passage) -> Passage:
    r"""A formula with indicators for `\begin{cases}`; other cases stay as they are.

    >>> text = r"\begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}"
    >>> by_cases(Passage.of(text, latex=True)).text
    '\\left((x)\\mathbb{1}[x > 0] + (0)(1 - \\mathbb{1}[x > 0])\\right)'
    """
    return p.replaced(_CASES.pattern, _masked, re.DOTALL)


def _masked(match: re.Match[str]) -> str:
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", match["rows"]) if row.strip()]
    cells = [[cell.strip(" ,;.\n") for cell in row.split("&")] for row in rows]
    if not 2 <= len(cells) <= 3 or any(len(row) != 2 for row in cells):
        return match[0]
    terms, masks = [], []
    for value, said in cells:
        condition = _WORDS.sub(" ", said).strip(" ,;.")
        if len(_COMPARISON.findall(condition)) == 1:
            masks.append(rf"\mathbb{{1}}[{condition}]")
            terms.append(f"({value}){masks[-1]}")
        elif _OTHERWISE.search(said) and masks and len(terms) == len(cells) - 1:
            terms.append(f"({value})(1 - {' - '.join(masks)})")
        else:
            return match[0]
    return rf"\left({' + '.join(terms)}\right)"


def by_masks(passages: Sequence[Passage]) -> tuple[list[Passage], set[str]]:
    r"""Formulas in which sums over sets are sums of masked terms, and the names of the masks.

    >>> line = Passage.of(r"\sum_{j\in\Omega_i} r_{ij}", latex=True)
    >>> [found[0].text for found in [by_masks([line])[0]]], by_masks([line])[1]
    (['\\sum_{j} \\mathrm{inOmega}_{ij} r_{ij}'], {'inOmega'})
    """
    names: set[str] = set()

    def masked(match: re.Match[str]) -> str:
        letters = "".join(re.findall("[a-z]", match["index"]))
        bound = ",".join(match["own"] or letters)
        below = match["below"] or match["at"] or ""
        base = "".join(re.findall("[A-Za-z]", re.sub(r"\\math[a-z]+", "", match["set"])))
        base = base.removesuffix(below) if below else base
        names.add(f"in{base}")
        return rf"\sum_{{{bound}}} \mathrm{{in{base}}}_{{{below}{letters}}}"

    found = [p.replaced(_SET.pattern, masked) if p.latex else p for p in passages]
    return found, names


_BELOW_IT = r"_\s*(?:\{\s*[a-km-z]{1,2}\s*\}|[a-km-z](?![A-Za-z]))"
_LAYER = (
    rf"(?P<base>{LATEX_SYMBOL})\s*(?P<first>{_BELOW_IT})?\s*\^\s*\{{\s*(?P<open>[\[(])\s*"
    rf"(?P<at>[A-Za-z])\s*(?P<more>[-+]\s*1)?\s*[\])]\s*(?P<rest>[^{{}}]*)\}}(?P<then>{_BELOW_IT})?"
)
_WEIGHTS = {"W", "U", "V", "Theta"}
_UNITS = {*"abhuxz", "delta"}


def by_layers(passages: Sequence[Passage]) -> tuple[list[Passage], dict[str, str]]:
    r"""Formulas in which W^{[l]} and a^{[l-1]} have names of their own, and the sizes of these.

    l is a layer and no index; between round brackets only where a layer before or after it is named
    as well. Weights are matrices and units vectors, unless capitals say that units are matrices;
    z_j^l and a_k^{l-1} are entries. The definitions of layer l hold for layer l + 1 too, where that
    is spoken of.

    >>> found, sizes = by_layers([Passage.of(r"z^{[l]} = W^{[l]T} a^{[l-1]}", latex=True)])
    >>> found[0].text, sizes["W1l"]
    ('\\mathrm{z1l} =\\mathrm{W1l}^{T}\\mathrm{a0l}', 'n1l,n0l')
    """
    passages = _bracketed(passages)
    found = [m for p in passages if p.latex for m in re.finditer(_LAYER, p.text)]
    layers = {m["at"] for m in found if m["open"] == "[" or m["more"]}
    found = [m for m in found if m["at"] in layers]
    sizes: dict[str, str] = {}
    bases = {_letters(m["base"]) for m in found}
    whole = not any(m["first"] or m["then"] for m in found)
    for m in found if whole and all(b in _WEIGHTS or b.islower() for b in bases) else ():
        name, place = _letters(m["base"]), layer_of(m["more"])
        if name in _WEIGHTS and place:
            sizes[f"{name}{place}{m['at']}"] = f"n{place}{m['at']},n{place - 1}{m['at']}"
        elif name in _UNITS:
            sizes[f"{name}{place}{m['at']}"] = f"n{place}{m['at']}"

    def named(m: re.Match[str]) -> str:
        if m["at"] not in layers:
            return m[0]
        above = f"^{{{m['rest']}}}" if m["rest"].strip() else ""
        name = f"{_letters(m['base'])}{layer_of(m['more'])}{m['at']}"
        return rf"\mathrm{{{name}}}{m['first'] or m['then'] or ''}{above}"

    apart = [p.replaced(_LAYER, named) if p.latex and layers else p for p in passages]
    return [*next_layer(apart, layers), *apart], sizes


def by_iterates(passages: Sequence[Passage]) -> tuple[list[Passage], set[str]]:
    r"""Formulas in which x_k and x_{k+1} have names of their own, and the k: a step and no index.

    >>> found, steps = by_iterates([Passage.of("r_{k+1} = (I - A)r_k", latex=True)])
    >>> found[0].text, steps
    ('r_{2k} = (I - A)r_{1k}', {'k'})
    """
    text = "\n".join(p.text for p in passages if p.latex)
    steps = {*re.findall(r"(?<=[A-Za-z}])_\s*\{\s*([a-z])\s*[-+]\s*1\s*\}", text)}
    steps -= {*re.findall(r"\\(?:sum|prod|max|min)(?:\\limits)?\s*_\s*\{?\s*([a-z])", text)}
    below = (
        rf"_\s*(?:\{{\s*(?P<at>[{''.join(steps)}])\s*(?P<more>[-+]\s*1)?\s*\}}"
        rf"|(?P<in>[{''.join(steps)}])(?![A-Za-z]))"
    )

    def named(match: re.Match[str]) -> str:
        return f"_{{{layer_of(match['more'])}{match['at'] or match['in']}}}"

    return [p.replaced(below, named) if p.latex and steps else p for p in passages], steps


_BARE = r"\^\s*(?:\{\s*l\s*(?P<more>[-+]\s*1)?\s*\}|l(?![A-Za-z]))"


def _bracketed(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with W^{[l]} for W^l, where weights or entries have layers, and l - 1 is one too.

    >>> _bracketed([Passage.of("z^l = W^l a^{l-1}", latex=True)])[0].text
    'z^{[l]} = W^{[l]} a^{[l-1]}'
    """
    text = "\n".join(p.text for p in passages if p.latex)
    shown = rf"(?<![A-Za-z\\])[WU]\}}?\s*{_BARE}|{_BELOW_IT}\s*{_BARE}|{_BARE}\s*{_BELOW_IT}"
    shown = re.sub(r"\?P<more>", "", shown)
    if not re.search(shown, text) or not any(m["more"] for m in re.finditer(_BARE, text)):
        return [*passages]

    def written(match: re.Match[str]) -> str:
        return f"^{{[l{match['more'] or ''}]}}"

    return [p.replaced(_BARE, written) if p.latex else p for p in passages]


def by_entries(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which g is a function of each entry, where its slope or an entry shows it.

    >>> lines = [r"a = g(z)", r"\delta = W\epsilon \bullet g'(z)"]
    >>> [p.text for p in by_entries([Passage.of(line, latex=True) for line in lines])]
    ['a = \\phi (z)', "\\delta = W\\epsilon \\odot \\phi '(z)"]
    """
    text = "\n".join(p.text for p in passages if p.latex)
    name, at = r"(?P<name>[fgh])\s*", r"\s*(?:\\left)?\("
    slope = rf"{name}'{at}(?:[^()]|\([^()]*\))*(?:\\right)?\)"
    times = r"(?:\\(?:odot|circ|cdot|bullet)(?![A-Za-z])|∘|⊙)"
    entry = rf"[a-z]_\{{?([ijk])\}}?\s*=\s*{name}{at}[a-z]_\{{?\1\}}?\s*\)"
    shown = (rf"{times}\s*{slope}", rf"{slope}\s*{times}", rf"diag\}}?{at}{slope}", entry)
    found = next(filter(None, (re.search(pattern, text) for pattern in shown)), None)
    free = next((c for c in ("phi", "psi") if f"\\{c}" not in text), "")
    own = found is not None and rf"(?m)^\s*{found['name']}\([^()]*\)\s*:?="
    if found is None or not free or (own and re.search(own, text)):
        return [*passages]
    typed = rf"(?<![A-Za-z\\]){found['name']}(?=\s*'?{at})|\\bullet(?![A-Za-z])"

    def named(match: re.Match[str]) -> str:
        return r"\odot" if match[0] == r"\bullet" else f"\\{free} "

    return [p.replaced(typed, named) if p.latex else p for p in passages]


_PART = (
    r"(?P<base>\\[A-Za-z]+|(?<![A-Za-z\\])[A-Za-z])\s*_\s*"
    r"(?:\{\s*(?P<in>[a-z])\s*\}|(?P<at>[a-z])(?![A-Za-z]))"
)
_HEAD = re.compile(
    r"\s*(?P<base>\\[A-Za-z]+|[A-Za-z])(?:\s*_\s*\{?(?P<at>[a-z])\}?)?\s*(?:\([^()=]*\))?\s*:?="
)


def by_parts(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which the objective J_i of one part is no entry of the number J, or n_k of n.

    >>> lines = [r"J = \sum_i u_i^2", r"J_i(u_i) = u_i^2"]
    >>> by_parts([Passage.of(line, latex=True) for line in lines])[1].text
    '\\mathrm{Jpart}_{i}(u_i) = u_i^2'
    """
    heads = [m for p in passages if p.latex and (m := _HEAD.match(p.text))]
    wholes = {m["base"] for m in heads if not m["at"] and r"\sum" in m.string}
    wholes = {base for base in wholes if base in "JLEFCQ" or base[1:]}
    ends = re.compile(r"\\sum(?:\\limits)?\s*_\s*\{[^{}]*\}\s*\^\s*\{?\s*([A-Za-z])(?![A-Za-z_])")
    wholes |= {end for p in passages if p.latex for end in ends.findall(p.text)}
    both = wholes & {m["base"] for m in heads if m["at"]}

    def named(match: re.Match[str]) -> str:
        base = match["base"].lstrip("\\")
        at = match["in"] or match["at"]
        return rf"\mathrm{{{base}part}}_{{{at}}}" if match["base"] in both else match[0]

    return [p.replaced(_PART, named) if p.latex and both else p for p in passages]


_BOLD = (
    r"\\(?:mathbf|boldsymbol|bm|vec|bf)\s*(?:\{\s*(?P<in>[A-Za-z])\s*\}"
    r"|(?P<at>[A-Za-z])(?![A-Za-z]))"
)
UPRIGHT = r"\\(?:math[a-z]+|operatorname\*?|text[a-z]*|mbox)\s*\{[^{}]*\}|\\[A-Za-z]+"
PLAIN = "plain"  # before a letter that is bold elsewhere


def by_fonts(passages: Sequence[Passage]) -> tuple[list[Passage], set[str]]:
    r"""Formulas in which b has another name than \mathbf b, and the letters that are bold.

    A letter with an index is an entry of the bold one.

    >>> found, letters = by_fonts([Passage.of(r"\mathbf{b}^T x + b b_i", latex=True)])
    >>> found[0].text, letters
    ('\\mathbf{b}^T x + \\mathrm{plainb} b_i', {'b'})
    """
    bold = {m["in"] or m["at"] for p in passages if p.latex for m in re.finditer(_BOLD, p.text)}
    typed = rf"(?P<word>{_BOLD}|{UPRIGHT})|(?P<letter>[A-Za-z])(?!\s*_)"

    def named(match: re.Match[str]) -> str:
        own = match["letter"] in bold
        return rf"\mathrm{{{PLAIN}{match['letter']}}}" if own else match[0]

    return [p.replaced(typed, named) if p.latex else p for p in passages], bold


_WHOLE = (
    rf"(?<!_)(?<!_\{{)(?:(?P<base>{LATEX_SYMBOL})(?P<at>\s*\^\s*\{{\s*\([a-z]\)\s*\}}|\s*_|)"
    r"|\\[A-Za-z]+)"  # letters of a command are none
)
_BELOW = r"\s*_\s*(?:\{\s*(?P<in>[a-z+-])\s*\}|(?P<at>[a-z+-])(?![A-Za-z]))"
_BEHIND = rf"(?P<base>{LATEX_SYMBOL}){_BELOW}"
_ONE_OF = rf"(?<![A-Za-z\\]){_BEHIND}"
_VECTORS = (  # u_k^T, and x - x_i beside a vector x
    rf"{_ONE_OF}\s*\^\s*\{{?\s*\\top",
    rf"(?<![A-Za-z\\])(?P<base>{LATEX_SYMBOL})\s*[-+]\s*(?P=base){_BELOW}",
    rf"{_ONE_OF}\s*[-+]\s*(?P=base)(?!\s*_|[A-Za-z])",
)


def by_members(passages: Sequence[Passage]) -> tuple[list[Passage], set[str]]:
    r"""Formulas in which x is one example, and no array of all x^{(i)}, and the names of such.

    So is the u beside vectors u_k of a sum, and one of them that is no term of it: a u_o that is
    derived by, and k_+.

    >>> lines = [r"J = \sum_k u_k^{\top} v - u^T u_o", r"\frac{\partial J}{\partial u_o} = -u"]
    >>> found, names = by_members([Passage.of(line, latex=True) for line in lines])
    >>> found[0].text, names
    ('J = \\sum_k u_k^{\\top} v -\\mathrm{plainu}^T \\mathrm{plainuo}', {'u'})
    """
    text = "\n".join(p.text for p in passages if p.latex)
    bound = {*re.findall(r"\\sum(?:\\limits)?\s*_\s*\{?\s*([a-z])(?![a-z])", text)}

    def members(pattern: str) -> list[tuple[str, str]]:
        return [(_letters(m["base"]), _label(m)) for m in re.finditer(pattern, text) if m["base"]]

    families = {base for base, at in members(_ONE_OF) if at in bound}
    unbound = {(base, at) for base, at in members(_ONE_OF) if at in "+-"}
    derived = {*members(rf"\\partial{_BEHIND}")}
    singles = unbound | {(base, at) for base, at in derived if at not in bound | {*"ijklmn"}}
    several = {base for p in _VECTORS for base, at in members(p) if at in bound}
    several |= {base for base, at in members(_WHOLE) if "(" in at}

    def named(match: re.Match[str]) -> str:
        name = _letters(match["base"] or "")
        if match["base"] and not _label(match) and name in several:
            return rf"\mathrm{{{PLAIN}{name}}}"
        if name not in families or (name, _label(match)) not in singles:
            return match[0]
        label = {"+": "plus", "-": "minus"}.get(_label(match), _label(match))
        return rf"\mathrm{{{PLAIN}{name}{label}}}"

    found = [p.replaced(_ONE_OF, named).replaced(_WHOLE, named) if p.latex else p for p in passages]
    return found, several - {""}


def _label(match: re.Match[str]) -> str:
    return match.groupdict().get("in") or match["at"] or ""


def _letters(base: str) -> str:
    return latex_name(base.strip()).replace("_", "")


def next_layer(passages: Sequence[Passage], layers: Collection[str]) -> Iterator[Passage]:
    """The definitions of one layer said of the next one, where that is spoken of.

    They stand nowhere in the document, so nothing is told of them.
    """
    for c in layers:
        one, two, none = f"1{c}}}", f"2{c}}}", f"0{c}}}"
        spoken = any(two in p.text for p in passages)
        for p in passages if spoken else ():
            first, sign, side = p.text.partition("=")
            head = re.search(rf"{one}(?:_\{{\w+\}})?\s*:?$", first)
            if sign and head and "/" not in first and two not in side.split("=")[0]:
                text = f"{first}= {side.split('=')[0]}".replace(one, two).replace(none, one)
                yield Passage(text, (NOWHERE,) * len(text), NOWHERE, latex=True)


def layer_of(more: str | None) -> int:
    """The number of a layer, where l is 1: that of l - 1 is 0."""
    return {"": 1, "-": 0, "+": 2}[(more or "")[:1]]


_OF = (
    r"(?P<of>\\mathcal\s*\{?\s*[LP]\s*\}?|\\math(?:rm|bb)\s*\{?\s*[pPL]\s*\}?|[pPLq])"
    r"\s*(?:(?:\\left|\\[bB]igg?l?)?\((?P<at>[^()]*)(?:\\right|\\[bB]igg?r?)?\)|(?![\w({^\\]))"
)
_DENSITY = re.compile(rf"\\(?P<log>ln|log)\s*(?P<brace>\{{\s*)?{_OF}(?(brace)\s*\}})")
_PRODUCT = re.compile(rf"{_OF}\s*:?=(?P<side>[^=]*\\prod.*?)(?P<end>[\s.,;]*)$", re.DOTALL)


def by_names(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas in which a logarithm that a line gives, such as `\ln p(t\mid w)`, has a name.

    A product for p is one for its logarithm.

    >>> lines = [r"p(t\mid w) = \prod_i w_i", r"\ln p(t\mid w) = \sum_i \ln w_i"]
    >>> [p.text for p in by_names([Passage.of(line, latex=True) for line in lines])]
    ['\\mathrm{lnp}(w) = \\ln\\left( \\prod_i w_i\\right)', '\\mathrm{lnp}(w) = \\sum_i \\ln w_i']
    """
    given = [m for p in passages if p.latex and (m := _DENSITY.match(p.text.lstrip()))]
    given = [m for m in given if re.match(r"\s*:?=", m.string[m.end() :])]
    said = {(_head(m), re.sub(r"\s|\\mid|[|;]", "", m["at"] or "")) for m in given}
    several = Counter(head for head, _ in said)
    heads = {_head(m): m["log"] for m in given if several[_head(m)] == 1}
    alone = {n for p in passages if p.latex for n in names_in(p.blanked(_DENSITY.pattern))}

    def named(match: re.Match[str]) -> str:
        log = match.groupdict().get("log") or heads.get(_head(match), "")
        if _head(match) not in heads or (match["at"] is None and _head(match) in alone):
            return match[0]
        letters = "".join(re.findall("[A-Za-z]", re.sub(r"\\math[a-z]+", "", match["of"])))
        if match["at"] is None:
            return rf"\mathrm{{{log}{letters}}}"
        behind = re.split(r"\\(?:mid|vert)(?![A-Za-z])|[|;]", match["at"])[-1]
        at = [n for n in behind.split(",") if latex_name(n.strip())]
        return rf"\mathrm{{{log}{letters}}}({', '.join(n.strip() for n in at)})"

    def in_logarithms(p: Passage) -> Passage:
        found = _PRODUCT.match(p.text)
        if found is None or _head(found) not in heads:
            return p
        p = p.with_part(*found.span("end"), r"\right)")
        p = p.with_part(*(found.start("side"),) * 2, rf" \{heads[_head(found)]}\left(")
        return p.replaced(rf"^{_OF}", named)

    typed = _DENSITY.pattern
    return [in_logarithms(p).replaced(typed, named) if p.latex else p for p in passages]


def _head(match: re.Match[str]) -> str:
    return match["of"].replace(" ", "")
