r"""A formula as a layout tree: rows, scripts, fractions, roots, brackets, signs and names.

What stands where is decided once, by the LaTeX printers with their table of levels; their formulas,
a small closed language, become this tree, of which MathML and Typst are walks. So a page and a
paper show the same formula, and a row is broken in one place.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from matderiv.arguments import pairs
from matderiv.errors import MatderivError
from matderiv.language.tokens import GREEK_SIGNS

ROOM = 26  # visible characters of a piece before it may be broken inside brackets
DEPTH = 3  # brackets that may be broken
PREFIX, POSTFIX, INFIX = (f' form="{place}"' for place in ("prefix", "postfix", "infix"))
STILL = ' stretchy="false"'
FENCE = ' fence="true"'
UPRIGHT = ' mathvariant="normal"'

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)
_STYLES = {r"\mathbf": "b", r"\boldsymbol": "b", r"\mathrm": "", r"\mathbb": "r"}
_ACCENTS = {r"\vec": "→", r"\bar": "¯"}
_OPEN = {"(": "(", "[": "[", r"\{": "{", r"\lVert": "‖", r"\lvert": "|", r"\langle": "⟨"}
_CLOSE = {")": ")", "]": "]", r"\}": "}", r"\rVert": "‖", r"\rvert": "|", r"\rangle": "⟩"}
_OPERATORS = pairs(r"""
    + +         - −         = =         < <         > >         , ,
    / /         * ∗         : :         \odot ⊙     \oslash ⊘   \otimes ⊗   \times ×
    \cdot ·     \le ≤       \ge ≥       \in ∈       \to →
""")
_SIGNS = {r"\partial": "∂", r"\nabla": "∇", "|": "|"}
_LETTERS = {r"\top": "⊤", r"\infty": "∞"}
_SPACES = {r"\,": "0.1667em", r"\;": "0.2778em", r"\quad": "1em"}
_BRACKETS = (["("], [r"\left"])
_NAMES = frozenset(
    "log det exp sin cos tan arcsin arccos arctan sinh cosh tanh max min arg".split()
)
_GREEK = GREEK_SIGNS | {"varepsilon": "ε"}


class UnreadFormula(MatderivError):  # noqa: N818  (reads as what it is)
    """A formula outside the language of the LaTeX printers: a mistake of the program."""

    code = "internal"


class Element(NamedTuple):
    """One element or a row of them, by its name in MathML; a fragment of a row has none.

    `text` is what a leaf shows, `how` its style or place. `role` is what decides the space to its
    neighbours; `inside` holds the elements of a bracket that may be broken; `width` the characters
    that are seen.
    """

    tag: str
    parts: tuple[Element, ...] = ()
    text: str = ""
    how: str = ""
    role: str = "atom"
    inside: tuple[Element, ...] = ()
    width: int = 1


def layout(written: str) -> list[Element]:
    """A formula of the LaTeX printers as a row; UnreadFormula for what none of them writes."""
    return _spaced(_read(written))


def pieces_of(written: str, before: str = "") -> list[list[Element]]:
    """A formula cut where a line may be broken: before + and -, also inside brackets where a piece
    is long. `before` is a relation that the first one starts with."""
    pieces = _cut(layout(written), 0)
    for depth in range(1, DEPTH + 1):
        pieces = [part for piece in pieces for part in _opened(piece, depth)]
    if before:
        relation = Element("mo", (), _OPERATORS[before], INFIX, "sign")
        pieces[0] = [relation, *pieces[0]]
    return pieces


# Reading ------------------------------------------------------------------------------------------


class _Frame:
    """An open group: what it will be, the elements in it, and what the next group will be."""

    def __init__(self, makes: str, opening: Element | None = None) -> None:
        self.makes, self.opening = makes, opening
        self.nodes: list[Element] = []
        self.next = ""
        self.above: Element | None = None


def _read(written: str) -> list[Element]:
    reader = _Reader(_TOKEN.findall(written))
    while reader.place < len(reader.tokens):
        reader.token()
    if len(reader.stack) != 1 or reader.stack[0].next:
        raise UnreadFormula("a formula ends inside a bracket")
    return reader.stack[0].nodes


class _Reader:
    """Tokens to elements, with a stack of the groups that are open."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0
        self.stack = [_Frame("row")]

    def take(self) -> str:
        """The next token."""
        self.place += 1
        if self.place > len(self.tokens):
            raise UnreadFormula("a formula ends too early")
        return self.tokens[self.place - 1]

    def token(self) -> None:
        """Read one token, with its argument if that is plain text."""
        token = self.take()
        top = self.stack[-1]
        if token == "{":
            self.stack.append(_Frame(top.next or "row"))
            top.next = ""
        elif token == "}":
            self.close_group()
        elif token == r"\begin":
            self.argument()
            self.stack += [_Frame("table"), _Frame("cell")]
        elif token in ("&", r"\\", r"\end"):
            self.close_cell(token)
        elif token in ("^", "_"):
            top.next = "sup" if token == "^" else "sub"
        elif token == "'":
            top.nodes.append(_scripted(_last(top), "sup", Element("mo", (), "′")))
        elif token in (r"\frac", r"\sqrt") or token in _ACCENTS:
            top.next = token
        elif token in (r"\left", r"\bigl", r"\right", r"\bigr"):
            grows = token in (r"\left", r"\right")
            sign = self.take()
            while sign.isspace():
                sign = self.take()
            self.bracket(sign, grows=grows)
        elif token in _OPEN or token in _CLOSE:
            self.bracket(token, grows=False)
        elif not token.isspace():
            found = self.leaf(token)
            if found is not None:
                top.nodes.append(found)

    def bracket(self, token: str, *, grows: bool) -> None:
        """An opening bracket starts a group, a closing one ends it."""
        stretch = "" if grows else STILL
        if token in _OPEN:
            opening = Element("mo", (), _OPEN[token], PREFIX + stretch, "open")
            self.stack.append(_Frame("grown" if grows else "plain", opening))
            return
        frame = self.stack.pop()
        if token not in _CLOSE or frame.opening is None or not self.stack:
            raise UnreadFormula("brackets of a formula do not fit")
        closing = Element("mo", (), _CLOSE[token], POSTFIX + stretch, "close")
        nodes = (frame.opening, *_spaced(frame.nodes), closing)
        width = sum(n.width for n in nodes)
        if frame.makes == "grown":
            made = Element("mrow", nodes, role="bracket", width=width)
        else:
            made = Element("", nodes, role="bracket", inside=nodes, width=width)
        self.stack[-1].nodes.append(made)

    def close_group(self) -> None:
        """A group in braces becomes what was announced before it."""
        frame = self.stack.pop()
        if not self.stack or frame.opening is not None:
            raise UnreadFormula("braces of a formula do not fit")
        row, top = _row(_spaced(frame.nodes)), self.stack[-1]
        if frame.makes in ("sup", "sub"):
            top.nodes.append(_scripted(_last(top), frame.makes, row))
        elif frame.makes == r"\frac":
            top.next, top.above = "below", row
        elif frame.makes == "below" and top.above is not None:
            width = max(top.above.width, row.width)
            top.nodes.append(Element("mfrac", (top.above, row), width=width))
        elif frame.makes == r"\sqrt":
            top.nodes.append(Element("msqrt", (row,), width=row.width + 1))
        elif frame.makes in _ACCENTS:
            mark = Element("mo", (), _ACCENTS[frame.makes], STILL)
            top.nodes.append(Element("mover", (row, mark), "", ' accent="true"', width=row.width))
        else:
            top.nodes.append(row)

    def close_cell(self, token: str) -> None:
        """A cell of a matrix is over, and with it perhaps its row and the whole."""
        cell, table = self.stack.pop(), self.stack[-1]
        if cell.makes != "cell":
            raise UnreadFormula("cells of a formula do not fit")
        inside = _row(_spaced(cell.nodes))
        table.nodes.append(Element("mtd", (inside,), width=inside.width))
        if token != "&":
            row = [n for n in table.nodes if n.tag == "mtd"]
            width = sum(n.width for n in row)
            table.nodes[-len(row) :] = [Element("mtr", tuple(row), width=width)]
        if token != r"\end":
            self.stack.append(_Frame("cell"))
            return
        self.argument()
        rows = tuple(self.stack.pop().nodes)
        whole = Element("mtable", rows, width=max(n.width for n in rows))
        fences = (Element("mo", (), sign, FENCE) for sign in "[]")
        made = Element("mrow", (next(fences), whole, next(fences)), width=whole.width + 2)
        self.stack[-1].nodes.append(made)

    def leaf(self, token: str) -> Element | None:
        """An element without children; None for what leaves no trace."""
        if token in _STYLES or token in (r"\operatorname", r"\text"):
            return self.word(token)
        if token in _OPERATORS:
            return self.operator(token)
        if token in _SPACES:
            role = "break" if token == r"\quad" else "space"
            return Element("mspace", (), _SPACES[token], role=role)
        if token in (r"\big", r"\Big"):
            return Element("mo", (), _SIGNS[self.take()], ' stretchy="true"')
        if token == r"\sum":
            return Element("mo", (), "∑", role="sum")
        if token in _SIGNS:
            return Element("mo", (), _SIGNS[token])
        if token in _LETTERS:
            return Element("mi", (), _LETTERS[token], UPRIGHT)
        if token[0].isdigit():
            return Element("mn", (), token, width=len(token))
        if token[1:] in _NAMES and token[0] == "\\":
            return Element("mi", (), token[1:], role="name", width=len(token))
        letter = _GREEK.get(token[1:]) if token[0] == "\\" else token
        if letter is None or not letter.isalpha():
            raise UnreadFormula(f"a formula has the unknown sign {token}")
        applied = token == r"\sigma" and self.tokens[self.place : self.place + 1] in _BRACKETS
        return Element("mi", (), letter, role="name" if applied else "atom")

    def operator(self, token: str) -> Element:
        """A sign; + and - before anything else are of that term alone."""
        nodes = self.stack[-1].nodes
        first = not nodes or nodes[-1].role in ("sign", "relation", "comma", "break")
        role = "comma" if token == "," else "sign" if token in ("+", "-") else "relation"
        form = PREFIX if first and role == "sign" else ""
        if first and role == "sign":
            role = "prefix"
        return Element("mo", (), _OPERATORS[token], form, role)

    def word(self, token: str) -> Element:
        """A command with text: a name in some style, a function, plain words."""
        letters = _letters(self.argument())
        if token == r"\text":
            return Element("mtext", (), letters, role="words", width=len(letters))
        if token == r"\operatorname":
            style = UPRIGHT if len(letters) == 1 else ""
            return Element("mi", (), letters, style, "name", width=len(letters))
        if letters.isdigit():
            return Element("mn", (), letters, ' class="b"', width=len(letters))
        shape = f' class="{_STYLES[token]}"' if _STYLES[token] else ""
        if token == r"\mathbb":
            letters, shape = {"R": "ℝ"}[letters], ""
        upright = UPRIGHT if len(letters) == 1 else ""
        return Element("mi", (), letters, shape + upright, width=len(letters))

    def argument(self) -> list[str]:
        """The tokens between braces."""
        if self.take() != "{":
            raise UnreadFormula("a command of a formula has no argument")
        start, depth = self.place, 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
        return self.tokens[start : self.place - 1]


def _letters(tokens: Sequence[str]) -> str:
    r"""The characters of a name: `\_` is an underscore, `\delta` a letter, other commands none."""
    out = []
    for token in tokens:
        if token in _OPEN or token in _CLOSE:
            out.append(_OPEN.get(token) or _CLOSE[token])
        elif token[0] != "\\":
            out.append(token if token not in ("{", "}") else "")
        else:
            out.append(_GREEK.get(token[1:], "") if token[1:].isalpha() else token[1:])
    return "".join(out)


# Elements -----------------------------------------------------------------------------------------


def _last(frame: _Frame) -> Element:
    """What a script belongs to: a function with its arguments, or the last element."""
    nodes = frame.nodes
    if not nodes:
        return Element("mrow")
    if len(nodes) > 1 and nodes[-1].role == "bracket" and nodes[-2].role == "name":
        called = (nodes.pop(-2), _APPLY, nodes.pop())
        return _row(called)._replace(role="called")
    return nodes.pop()


def _row(nodes: Sequence[Element]) -> Element:
    width = sum(n.width for n in nodes)
    if len(nodes) == 1 and not nodes[0].inside:
        return nodes[0]._replace(role="atom")
    return Element("mrow", tuple(nodes), width=width)


def _scripted(base: Element, where: str, script: Element) -> Element:
    """The base with one more script; one below and one above stand over each other."""
    width = base.width + (script.width + 1) // 2
    if base.tag in ("msub", "munder") and where == "sup":
        return Element("msubsup", (*base.parts, script), role=base.role, width=width)
    if base.role == "sum":
        return Element("munder", (base, script), role="sum", width=width)
    whole = base if not base.inside else _row([base])
    role = base.role if base.role in ("name", "called") else "atom"
    return Element(f"m{where}", (whole, script), role=role, width=width)


_OBJECTS = ("atom", "bracket", "called")
_THIN = Element("mspace", (), "0.1667em", role="space")
_APPLY = Element("mo", (), "\u2061", role="space", width=0)


def _spaced(nodes: Sequence[Element]) -> list[Element]:
    """Function names apart from what they are not applied to with brackets."""
    out: list[Element] = []
    for node in nodes:
        if out and out[-1].role == "name":
            out.append(_APPLY if node.role == "bracket" else _THIN)
        elif out and node.role in ("name", "called") and out[-1].role in _OBJECTS:
            out.append(_THIN)
        out.append(node)
    return out


# Breaking -----------------------------------------------------------------------------------------


def _cut(nodes: Sequence[Element], depth: int) -> list[list[Element]]:
    """The row cut before + and - between terms, and between parts."""
    pieces: list[list[Element]] = [[]]
    for node in nodes:
        odot = depth > 1 and node.role == "relation"
        if (node.role in ("sign", "break") or odot) and pieces[-1]:
            pieces.append([])
            if node.tag == "mo" and not node.how:  # it still stands between two terms
                node = node._replace(how=INFIX)
        pieces[-1].append(node)
    return pieces


def _opened(piece: list[Element], depth: int) -> list[list[Element]]:
    """A long piece cut inside its outermost brackets too."""
    if sum(n.width for n in piece) <= ROOM:
        return [piece]
    nodes = [n for node in piece for n in (node.inside or (node,))]
    return _cut(nodes, depth)
