r"""Formulas as presentation MathML, for pages that need no script.

What stands where is decided once, by the LaTeX printers with their table of levels; here their
formulas, a small closed language, become elements. So a page and a paper show the same formula, and
whatever a name is made of arrives as escaped text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from matderiv.errors import MatderivError
from matderiv.output.latex.names import GREEK

ROOM = 26  # visible characters of a piece before it may be broken inside brackets
DEPTH = 3  # brackets that may be broken

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|\s+|.", re.DOTALL)
_STYLES = {r"\mathbf": "b", r"\boldsymbol": "b", r"\mathrm": "", r"\mathbb": "r"}
_ACCENTS = {r"\vec": "→", r"\bar": "¯"}
_OPEN = {"(": "(", "[": "[", r"\{": "{", r"\lVert": "‖", r"\lvert": "|", r"\langle": "⟨"}
_CLOSE = {")": ")", "]": "]", r"\}": "}", r"\rVert": "‖", r"\rvert": "|", r"\rangle": "⟩"}
_OPERATORS = {
    "+": "+",
    "-": "−",
    "=": "=",
    "<": "&lt;",
    ">": "&gt;",
    ",": ",",
    "/": "/",
    "*": "∗",
    r"\odot": "⊙",
    r"\oslash": "⊘",
    r"\otimes": "⊗",
    r"\times": "×",
    r"\cdot": "·",
    r"\le": "≤",
    r"\ge": "≥",
    r"\in": "∈",
    r"\to": "→",
}
_SIGNS = {r"\partial": "∂", r"\nabla": "∇", "|": "|"}
_LETTERS = {r"\top": "⊤", r"\infty": "∞"}
_SPACES = {r"\,": "0.1667em", r"\;": "0.2778em", r"\quad": "1em"}
_BRACKETS = (["("], [r"\left"])
_NAMES = frozenset(
    "log det exp sin cos tan arcsin arccos arctan sinh cosh tanh max min arg".split()
)
_OTHER_GREEK = {"lambda": "λ", "Lambda": "Λ", "varepsilon": "ε"}


class UnreadFormula(MatderivError):  # noqa: N818  (reads as what it is)
    """A formula outside the language of the LaTeX printers: a mistake of the program."""

    code = "internal"


class Element(NamedTuple):
    """One element or a row of them. `role` is what decides the space to its neighbours; `inside`
    holds the elements of a bracket that may be broken; `width` the characters that are seen."""

    pieces: tuple[str | Element, ...]
    role: str = "atom"
    inside: tuple[Element, ...] = ()
    width: int = 1


def mathml(written: str, *, display: bool = False) -> str:
    r"""A formula of the LaTeX printers as one `math` element; `display` gives it the larger style.

    >>> print(mathml(r"x_{1}^{2} + \theta"))
    <math><msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup><mo>+</mo><mi>θ</mi></math>

    Raises UnreadFormula for what no printer of this program writes.
    """
    return _element(_spaced(_read(written)), display=display)


def breakable(written: str, before: str = "") -> list[str]:
    r"""A formula as `math` elements between which a line may be broken, each one `math` element.

    They end before + and -, also inside brackets where a piece is long. `before` is a relation that
    the first one starts with.

    >>> [piece.count("mi") for piece in breakable("a + b", "=")]
    [2, 2]
    """
    pieces = _cut(_spaced(_read(written)), 0)
    for depth in range(1, DEPTH + 1):
        pieces = [part for piece in pieces for part in _opened(piece, depth)]
    if before:
        relation = Element((f'<mo form="infix">{_OPERATORS[before]}</mo>',), "sign")
        pieces[0] = [relation, *pieces[0]]
    return [_element(piece, display=True) for piece in pieces]


def _element(nodes: Sequence[Element], *, display: bool) -> str:
    style = ' displaystyle="true"' if display else ""
    return f"<math{style}>{''.join(_strings(nodes))}</math>"


def _strings(nodes: Sequence[Element]) -> Iterator[str]:
    """The text of nodes, without recursion: formulas may be deep."""
    stack: list[str | Element] = list(reversed(nodes))
    while stack:
        top = stack.pop()
        if isinstance(top, str):
            yield top
        else:
            stack += reversed(top.pieces)


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
        elif token in ("^", "_"):
            top.next = "sup" if token == "^" else "sub"
        elif token == "'":
            top.nodes.append(_scripted(_last(top), "sup", Element(("<mo>′</mo>",))))
        elif token in (r"\frac", r"\sqrt"):
            top.next = token
        elif token in _ACCENTS:
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
        stretch = "" if grows else ' stretchy="false"'
        if token in _OPEN:
            opening = Element((f'<mo form="prefix"{stretch}>{_OPEN[token]}</mo>',), "open")
            self.stack.append(_Frame("grown" if grows else "plain", opening))
            return
        frame = self.stack.pop()
        if token not in _CLOSE or frame.opening is None or not self.stack:
            raise UnreadFormula("brackets of a formula do not fit")
        closing = Element((f'<mo form="postfix"{stretch}>{_CLOSE[token]}</mo>',), "close")
        nodes = (frame.opening, *_spaced(frame.nodes), closing)
        width = sum(n.width for n in nodes)
        if frame.makes == "grown":
            made = Element(("<mrow>", *nodes, "</mrow>"), "bracket", (), width)
        else:
            made = Element(nodes, "bracket", nodes, width)
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
            top.nodes.append(Element(("<mfrac>", top.above, row, "</mfrac>"), "atom", (), width))
        elif frame.makes == r"\sqrt":
            top.nodes.append(Element(("<msqrt>", row, "</msqrt>"), "atom", (), row.width + 1))
        elif frame.makes in _ACCENTS:
            mark = f'<mo stretchy="false">{_ACCENTS[frame.makes]}</mo>'
            pieces = ('<mover accent="true">', row, mark, "</mover>")
            top.nodes.append(Element(pieces, "atom", (), row.width))
        else:
            top.nodes.append(row)

    def leaf(self, token: str) -> Element | None:
        """An element without children; None for what leaves no trace."""
        if token in _STYLES or token in (r"\operatorname", r"\text"):
            return self.word(token)
        if token in _OPERATORS:
            return self.operator(token)
        if token in _SPACES:
            role = "break" if token == r"\quad" else "space"
            return Element((f'<mspace width="{_SPACES[token]}"/>',), role)
        if token in (r"\big", r"\Big"):
            return Element((f'<mo stretchy="true">{_SIGNS[self.take()]}</mo>',))
        if token == r"\sum":
            return Element(("<mo>∑</mo>",), "sum")
        if token in _SIGNS:
            return Element((f"<mo>{_SIGNS[token]}</mo>",))
        if token in _LETTERS:
            return Element((f'<mi mathvariant="normal">{_LETTERS[token]}</mi>',))
        if token[0].isdigit():
            return Element((f"<mn>{token}</mn>",), "atom", (), len(token))
        if token[1:] in _NAMES and token[0] == "\\":
            return Element((f"<mi>{token[1:]}</mi>",), "name", (), len(token))
        letter = greek(token[1:]) if token[0] == "\\" else token
        if letter is None or not letter.isalpha():
            raise UnreadFormula(f"a formula has the unknown sign {token}")
        applied = token == r"\sigma" and self.tokens[self.place : self.place + 1] in _BRACKETS
        return Element((f"<mi>{letter}</mi>",), "name" if applied else "atom")

    def operator(self, token: str) -> Element:
        """A sign; + and - before anything else are of that term alone."""
        nodes = self.stack[-1].nodes
        first = not nodes or nodes[-1].role in ("sign", "relation", "comma", "break")
        role = "comma" if token == "," else "sign" if token in ("+", "-") else "relation"
        form = ' form="prefix"' if first and role == "sign" else ""
        if first and role == "sign":
            role = "prefix"
        return Element((f"<mo{form}>{_OPERATORS[token]}</mo>",), role)

    def word(self, token: str) -> Element:
        """A command with text: a name in some style, a function, plain words."""
        letters = _letters(self.argument())
        if token == r"\text":
            return Element((f"<mtext>{escape(letters)}</mtext>",), "words", (), len(letters))
        if token == r"\operatorname":
            style = ' mathvariant="normal"' if len(letters) == 1 else ""
            return Element((f"<mi{style}>{escape(letters)}</mi>",), "name", (), len(letters))
        if letters.isdigit():
            return Element((f'<mn class="b">{letters}</mn>',), "atom", (), len(letters))
        shape = f' class="{_STYLES[token]}"' if _STYLES[token] else ""
        if token == r"\mathbb":
            letters, shape = {"R": "ℝ"}[letters], ""
        upright = ' mathvariant="normal"' if len(letters) == 1 else ""
        return Element((f"<mi{shape}{upright}>{escape(letters)}</mi>",), "atom", (), len(letters))

    def argument(self) -> list[str]:
        """The tokens between braces."""
        if self.take() != "{":
            raise UnreadFormula("a command of a formula has no argument")
        start, depth = self.place, 1
        while depth:
            token = self.take()
            depth += (token == "{") - (token == "}")
        return self.tokens[start : self.place - 1]


def greek(name: str) -> str | None:
    """The letter with a Greek name; None for any other word.

    >>> greek("theta"), greek("foo")
    ('θ', None)
    """
    if name in _OTHER_GREEK:
        return _OTHER_GREEK[name]
    if name not in GREEK:
        return None
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    return unicodedata.lookup(f"GREEK {size} LETTER {name.upper()}")


def _letters(tokens: Sequence[str]) -> str:
    r"""The characters of a name: `\_` is an underscore, `\delta` a letter, other commands none."""
    out = []
    for token in tokens:
        if token in _OPEN or token in _CLOSE:
            out.append(_OPEN.get(token) or _CLOSE[token])
        elif token[0] != "\\":
            out.append(token if token not in ("{", "}") else "")
        else:
            out.append((greek(token[1:]) or "") if token[1:].isalpha() else token[1:])
    return "".join(out)


# Elements -----------------------------------------------------------------------------------------


def _last(frame: _Frame) -> Element:
    """What a script belongs to: a function with its arguments, or the last element."""
    nodes = frame.nodes
    if not nodes:
        return Element(("<mrow></mrow>",))
    if len(nodes) > 1 and nodes[-1].role == "bracket" and nodes[-2].role == "name":
        called = (nodes.pop(-2), _APPLY, nodes.pop())
        return _row(called)._replace(role="called")
    return nodes.pop()


def _row(nodes: Sequence[Element]) -> Element:
    """Several elements as one."""
    width = sum(n.width for n in nodes)
    if len(nodes) == 1 and not nodes[0].inside:
        return nodes[0]._replace(role="atom")
    return Element(("<mrow>", *nodes, "</mrow>"), "atom", (), width)


def _scripted(base: Element, where: str, script: Element) -> Element:
    """The base with one more script; one below and one above stand over each other."""
    pieces, width = base.pieces, base.width + (script.width + 1) // 2
    if pieces[0] in ("<msub>", "<munder>") and where == "sup":
        return Element(("<msubsup>", *pieces[1:-1], script, "</msubsup>"), base.role, (), width)
    if base.role == "sum":
        return Element(("<munder>", *base.pieces, script, "</munder>"), "sum", (), width)
    whole = base if not base.inside else _row([base])
    role = base.role if base.role in ("name", "called") else "atom"
    return Element((f"<m{where}>", whole, script, f"</m{where}>"), role, (), width)


_OBJECTS = ("atom", "bracket", "called")
_THIN = Element(('<mspace width="0.1667em"/>',), "space")
_APPLY = Element(("<mo>&#x2061;</mo>",), "space", (), 0)


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
            node = node._replace(pieces=tuple(_infix(p) for p in node.pieces))
        pieces[-1].append(node)
    return pieces


def _infix(piece: str | Element) -> str | Element:
    """A sign that starts a piece still stands between two terms."""
    return piece.replace("<mo>", '<mo form="infix">') if isinstance(piece, str) else piece


def _opened(piece: list[Element], depth: int) -> list[list[Element]]:
    """A long piece cut inside its outermost brackets too."""
    if sum(n.width for n in piece) <= ROOM:
        return [piece]
    nodes = [n for node in piece for n in (node.inside or (node,))]
    return _cut(nodes, depth)
