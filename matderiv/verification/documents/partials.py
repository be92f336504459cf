r"""Spellings of calculus and statistics: f_x, H(1,2), P_{i,y_i}, \log\lambda = x^T w."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from matderiv.input.meaning.subscripts import split_label
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import Statement, equal_signs, names_in
from matderiv.verification.quantities import (
    DERIVATIVE,
    FORMULA,
    LATEX_NAME,
    LATEX_SYMBOL,
    VALUE,
    Quantity,
    latex_name,
    named,
)

_HEAD = re.compile(
    rf"\s*(?P<f>{LATEX_SYMBOL})\s*\(\s*(?P<at>{LATEX_SYMBOL}(?:\s*,\s*{LATEX_SYMBOL})+)\s*\)\s*:?="
)
_ARRAY = re.compile(r"\s*(?:\\left\s*)?\W?\s*\\begin\{\w*matrix")
_POINT = r"(?:\s*(?:\\left\s*)?\((?P<point>[^()=]*(?:,[^()=]*)+)\))?"


def by_subscripts(passages: Sequence[Passage]) -> list[Passage]:
    r"""Formulas with \partial f/\partial x for f_x, and \nabla^2 f for H, where f is of x and y.

    >>> lines = ["f(x,y) = x^2y", "f_{xy} = 2x", "f_x(1,2) = 4", "H(1,2) = A"]
    >>> [p.text for p in by_subscripts([Passage.of(line, latex=True) for line in lines])[1:]][0::2]
    ['\\frac{\\partial^2 f}{\\partial y\\partial x} = 2x', '\\nabla^2 f(1,2) = A']
    """
    found = (m for p in passages if (m := _HEAD.match(p.text)))
    heads = [m for m in found if not _ARRAY.match(m.string, m.end())]
    functions = {m["f"].strip(): [a.strip() for a in m["at"].split(",")] for m in heads}
    if not functions:
        return [*passages]
    written = [_by_letters(p, functions) for p in passages]
    names = functions.keys()
    only = next(iter(functions)) if len(functions) == 1 else ""
    return [_by_capitals(p, only, names) if p.latex else p for p in written]


_AT_LABEL = (
    rf"(?P<of>{LATEX_SYMBOL})\s*_\s*\{{\s*(?P<i>[a-z])\s*,?\s*(?P<y>[a-z])\s*_\s*"
    r"\{?\s*(?P=i)\s*\}?\s*\}"
)


def by_labels(passages: Sequence[Passage]) -> tuple[list[Passage], dict[str, str]]:
    r"""Formulas with \sum_k H_{ik} P_{ik} for P_{i,y_i}, and what is known of the one-hot H.

    >>> found, facts = by_labels([Passage.of(r"-\log P_{i,y_i} + 1\{y_i = j\}", latex=True)])
    >>> found[0].text, facts
    ('-\\log(\\sum_{q} \\mathrm{Hot}_{iq}  P_{iq}) + \\mathrm{Hot}_{ij}', {'Hot': 'onehot'})
    """
    heads = [m for p in passages if p.latex and (m := re.search(_AT_LABEL, p.text))]
    if not heads:
        return [*passages], {}
    y, hot = heads[0]["y"], r"\mathrm{Hot}"
    label = rf"{y}\s*_\s*\{{?\s*(?P<i>[a-z])\s*\}}?"
    case = (
        r"(?:\\math(?:bb|bf|ds|rm)\s*(?:\{\s*[1I]\s*\}|[1I])|(?<![\w}^])1)\s*(?:\\left)?"
        r"(?:\\\{|[\[({])\s*"
        rf"(?:(?P<j>[a-z])\s*=\s*{label}|{label.replace('<i>', '<at>')}\s*=\s*(?P<k>[a-z]))"
        r"\s*(?:\\right)?(?:\\\}|[\])}])"
    )

    def entry(m: re.Match[str]) -> str:
        return rf"{hot}_{{{m['i'] or m['at']}{m['j'] or m['k']}}}"

    def summed(m: re.Match[str]) -> str:
        return rf"(\sum_{{q}} {hot}_{{{m['i']}q}} {m['of']}_{{{m['i']}q}})"

    found = [p.replaced(_AT_LABEL, summed) if p.latex else p for p in passages]
    found = [p.replaced(case, entry) if p.latex else p for p in found]
    return found, {"Hot": "onehot"}


def _by_letters(p: Passage, functions: Mapping[str, Sequence[str]]) -> Passage:
    """A formula without f_x for the functions of x and others."""
    for f, arguments in functions.items():
        letters = "|".join(map(re.escape, arguments))
        name = re.escape(f) if f.startswith("\\") else rf"(?<![A-Za-z\\]){re.escape(f)}"
        below = rf"(?:\{{\s*(?P<in>(?:(?:{letters})\s*){{1,2}})\}}|(?P<one>{letters})(?![A-Za-z]))"
        below = below if p.latex else rf"(?P<in>(?:{letters}){{1,2}})(?P<one>)(?!\w)"
        slope = partial(_written, f, arguments, p.latex)
        p = p.replaced(rf"{name}\s*_\s*{below}{_POINT}", slope)
    return p


def _written(f: str, arguments: Sequence[str], latex: bool, m: re.Match[str]) -> str:
    """The derivative that f_{xy} stands for, at the point in brackets behind it."""
    by = [m["one"]] if m["one"] else re.findall("|".join(map(re.escape, arguments)), m["in"])
    point = (m["point"] or "").strip()
    there = bool(point) and [part.strip() for part in point.split(",")] != [*arguments]
    if not latex:
        return m[0] if there else _quotient("∂", f, by)
    above, _, under = _quotient("\\partial ", f, by).partition("/")
    return rf"\frac{{{above}}}{{{under}}}" + (rf"\bigr|_{{({point})}}" if there else "")


def _quotient(d: str, f: str, by: Sequence[str]) -> str:
    above = f"{d.strip()}^2 {f}" if by[1:] else f"{d}{f}"
    return f"{above}/" + "".join(f"{d}{x}" for x in reversed(by))


def _by_capitals(p: Passage, only: str, names: Collection[str]) -> Passage:
    r"""A left side H(1,2), H_f or Hf(1,2) as \nabla^2 f(1,2), and J_F(1,2) as \nabla F(1,2)."""
    end = next((a for a, _ in equal_signs(p.text)), 0)
    found = re.match(
        rf"\s*(?P<what>H|J|D\^2|D)\s*(?:_\s*)?(?P<f>\{{?\s*{LATEX_SYMBOL}\s*\}}?)?{_POINT}\s*$",
        p.text[:end],
    )
    of = found["f"].strip("{ }") if found and found["f"] else only
    if found is None or not of or found["what"] in names or not (found["f"] or found["point"]):
        return p
    if found["f"] and of not in names:
        return p
    point = f"({found['point']})" if found["point"] else ""
    sign = r"\nabla" if found["what"] in ("J", "D") else r"\nabla^2"
    return p.with_part(0, len(found[0].rstrip()), f"{sign} {of}{point}")


_LINKS = (  # a left side of a name, and the inverse of the function in front of it
    (rf"({LATEX_NAME})\s*\^\s*\{{?\s*2\s*\}}?", r"\sqrt{", "}"),
    (rf"\\(?:log|ln)(?![A-Za-z])\s*\(?({LATEX_NAME})\)?", r"\exp\left(", r"\right)"),
    (
        rf"(?:\\(?:operatorname|mathrm|text)\s*\{{\s*logit\s*\}}\s*\(?({LATEX_NAME})\)?"
        rf"|\\(?:log|ln)\s*(?:\\left\s*)?\(?\s*\\[dt]?frac\s*\{{(?P<p>{LATEX_NAME})\}}"
        r"\s*\{\s*1\s*-\s*(?P=p)\s*\}\s*(?:\\right\s*)?\)?)",
        r"\frac{1}{1 + \exp\left(-\left(",
        r"\right)\right)}",
    ),
)


def by_links(statements: Sequence[Statement]) -> list[Statement]:
    r"""Statements in which `\sigma^2 = ...`, or `\log\lambda = ...`, says what the name is.

    So it is where nothing else does. After a derivative it may be what an equation comes to, if
    the name was there before.
    """
    found: list[Statement] = []
    met: set[str] = set()
    said = {s.quantity.of for s in statements if s.quantity}
    claimed = False
    for s in statements:
        first = s.sides[0]
        links = ((re.fullmatch(typed, first.text.strip()), a, b) for typed, a, b in _LINKS)
        link, before, after = next((m for m in links if m[0] and first.latex), (None, "", ""))
        name = latex_name(next(filter(None, link.groups())).strip()) if link else ""
        formula = s.quantity is not None and s.quantity.kind == FORMULA
        new = name not in met or not (claimed or name in said)
        if name and formula and new and re.search("[A-Za-z]", s.sides[-1].text):
            opened = [side.with_part(0, 0, before) for side in s.sides[1:]]
            ends = ((o, len(o.text) - 1) for o in opened)
            sides = (first, *(o.with_part(k, k + 1, o.text[k:] + after) for o, k in ends))
            s = replace(s, quantity=Quantity(VALUE, name), sides=sides)
        claimed = claimed or (s.quantity is not None and s.quantity.kind == DERIVATIVE)
        met |= {n for side in s.sides for n in names_in(side)}
        found.append(s)
    return found


def named_at_end(statements: Sequence[Statement], names: Collection[str]) -> list[Statement]:
    r"""Statements of which the last side defines a new name: `\nabla f = softmax(x) = s`."""
    found: list[Statement] = []
    occurring = [{split_label(n)[0] for p in s.sides for n in names_in(p)} for s in statements]
    last = {name: k for k, names_here in enumerate(occurring) for name in names_here}
    met = {*names}
    for k, s in enumerate(statements):
        *others, end = s.sides
        met |= {split_label(n)[0] for p in others for n in names_in(p)}
        q = named(end.text, end.latex)
        base = split_label(q.of)[0]
        used = names_in(end) == {q.of} and last.get(base, 0) > k
        if s.quantity and s.quantity.kind == DERIVATIVE and others[1:] and used and base not in met:
            found.append(replace(s, sides=tuple(others)))
            s = Statement(Quantity(VALUE, q.of), (end, others[-1]), s.whole)
        found.append(s)
        met |= occurring[k]
    return found
