r"""Derivatives of functions of several variables as calculus writes them: f_x, f_{xy}(1,2), H(1,2).

They are written with \partial and \nabla, which the rest reads.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import equal_signs
from matderiv.verification.quantities import LATEX_SYMBOL

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
    heads = [
        m for p in passages if (m := _HEAD.match(p.text)) and not _ARRAY.match(p.text, m.end())
    ]
    functions = {m["f"].strip(): [a.strip() for a in m["at"].split(",")] for m in heads}
    if not functions:
        return [*passages]
    found = [_by_letters(p, functions) for p in passages]
    names = functions.keys()
    only = next(iter(functions)) if len(functions) == 1 else ""
    return [_by_capitals(p, only, names) if p.latex else p for p in found]


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
    if len(by) == 1:
        return f"{d}{f}/{d}{by[0]}"
    under = f"{d}{by[0]}^2" if by[0] == by[1] else f"{d}{by[1]}{d}{by[0]}"
    return f"{d.strip()}^2 {f}/{under}"


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
