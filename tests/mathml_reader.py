"""A small, independent reader of the MathML that pages show: elements to the text language.

It knows nothing of the printers. Factors side by side bind more tightly than ⊙; every product gets
brackets of its own, so that what is evaluated is what is seen. `tests/reader.py` then gives values.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from xml.etree import ElementTree

Element = ElementTree.Element
ENTRYWISE = {"⊙": ".*", "⊘": "./"}
CALLS = {"⊗": "kron", "×": "cross"}
RELATIONS = {"<": "<", ">": ">", "≤": "<=", "≥": ">="}
CLOSING = {"(": ")", "[": "]", "{": "}", "‖": "‖", "|": "|", "⟨": "⟩"}
NORMS = {"1": "norm1", "∞": "norminf", "F": "norm2", "2": "norm2", "∗": "norm_nuc"}
CONSTANTS = {"1": "ones", "0": "zeros", "I": "eye", "K": "commutation"}
IGNORED = ("mspace",)
APPLY = "\u2061"


class UnreadableError(Exception):
    """What the page shows is not a formula of this reader."""


def text_of(markup: str, names: Collection[str]) -> str:
    """A `math` element, or several that belong together, in the text language."""
    root = ElementTree.fromstring(f"<row>{markup}</row>")
    cells = [cell for math in root for cell in math if cell.tag not in IGNORED]
    reader = Reader(cells, names)
    reader.skip("=")
    out = reader.sum()
    parts = []
    while not reader.at_end():
        reader.skip(",")
        if reader.element.tag == "mtext":
            reader.place += 1
        name = reader.sum()
        reader.skip("=")
        parts.append(f"{name} = {reader.sum()}")
    return out + (" where " + "; ".join(parts) if parts else "")


def cells_of(e: Element) -> list[Element]:
    """The elements of a row; a row of one row is that row."""
    if e.tag == "mrow" and (len(e) == 0 or not _is_bracket(e[0])):
        return [c for c in e if c.tag not in IGNORED]
    return [e]


def _is_bracket(e: Element) -> bool:
    return e.tag == "mo" and e.get("form") == "prefix" and (e.text or "") in CLOSING


class Reader:
    """One row of elements, from left to right."""

    def __init__(self, cells: Sequence[Element], names: Collection[str]) -> None:
        self.cells, self.names, self.place = self._flat(cells), names, 0

    def _flat(self, cells: Sequence[Element]) -> list[Element]:
        """Rows that only group, such as growing brackets, opened."""
        out: list[Element] = []
        for c in cells:
            out += self._flat(list(c)) if c.tag == "mrow" else [c] if c.tag not in IGNORED else []
        return out

    @property
    def element(self) -> Element:
        return self.cells[self.place]

    @property
    def sign(self) -> str:
        """The operator at this place; "" for anything else."""
        if self.at_end() or self.element.tag != "mo":
            return ""
        return self.element.text or ""

    def at_end(self) -> bool:
        return self.place >= len(self.cells)

    def skip(self, sign: str) -> bool:
        found = self.sign == sign
        self.place += found
        return found

    # Levels --------------------------------------------------------------------------------------

    def sum(self) -> str:
        sign = "-" if self.skip("−") else ""
        out = sign + self.entrywise()
        while self.sign in ("+", "−"):
            sign = " - " if self.sign == "−" else " + "
            self.place += 1
            out += sign + self.entrywise()
        return out

    def entrywise(self) -> str:
        out = self.product()
        while self.sign in ENTRYWISE or self.sign in CALLS:
            sign = self.sign
            self.place += 1
            right = self.product()
            out = (
                f"{CALLS[sign]}({out}, {right})"
                if sign in CALLS
                else f"({out}{ENTRYWISE[sign]}{right})"
            )
        return out

    def product(self) -> str:
        factors = [self.factor()]
        while self.begins_factor():
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else f"({'*'.join(factors)})"

    def begins_factor(self) -> bool:
        if self.at_end() or self.element.tag == "mtext":
            return False
        if self.skip("·"):
            return True
        return self.element.tag != "mo" or self.element.get("form") == "prefix"

    # Factors -------------------------------------------------------------------------------------

    def factor(self) -> str:
        e = self.element
        if e.tag == "mo" and self.sign in CLOSING:
            return self.bracket()
        self.place += 1
        if e.tag == "mfrac":
            above, below = (self.whole(cells_of(c)) for c in e)
            return f"(({above})/({below}))"
        if e.tag == "msqrt":
            return f"sqrt({self.whole(list(e))})"
        if e.tag == "mn":
            return self.after_number(e)
        if e.tag == "mi":
            return self.word(e)
        if e.tag in ("msub", "msup", "msubsup"):
            return self.scripted(e)
        if e.tag == "mover":
            return self.name("".join(e[0].itertext()), "")
        raise UnreadableError(ElementTree.tostring(e, encoding="unicode"))

    def after_number(self, e: Element) -> str:
        written = e.text or ""
        if e.get("class") == "b" and self.sign == "{":
            return self.bracket()
        return written

    def bracket(self) -> str:
        opening = self.sign
        self.place += 1
        inside = self.list(CLOSING[opening])
        if opening == "‖":
            return f"norm2({inside[0]})"
        if opening == "|":
            return f"abs({inside[0]})"
        if opening == "⟨":
            return f"dot({', '.join(inside)})"
        return f"({', '.join(inside)})"

    def list(self, closing: str) -> list[str]:
        found = [self.comparison()]
        while self.skip(","):
            found.append(self.comparison())
        if not self.skip(closing):
            raise UnreadableError(f"{closing} is missing after {found}")
        return found

    def comparison(self) -> str:
        left = self.sum()
        if self.sign not in RELATIONS:
            return left
        relation = RELATIONS[self.sign]
        self.place += 1
        return f"({left} {relation} {self.sum()})"

    def word(self, e: Element, below: str = "") -> str:
        """A name, or a function with its arguments."""
        written = e.text or ""
        if written == "log" and not self.at_end() and self.element.text in ("det", "softmax"):
            self.place += 1
            return self.call(
                "logdet" if self.cells[self.place - 1].text == "det" else "log_softmax", ""
            )
        if (
            written == "log"
            and not self.at_end()
            and "".join(self.element.itertext())[:7] == "softmax"
        ):
            below = "".join(self.element[1].itertext())
            self.place += 1
            return self.call("log_softmax", below)
        if self.sign == APPLY:
            return self.call("sigmoid" if written == "σ" else written, below)
        return self.name(written, below)

    def call(self, name: str, below: str) -> str:
        self.skip(APPLY)
        if not self.skip("("):
            return f"{name}({self.factor()})"
        arguments = ", ".join(self.list(")"))
        axis = {"rows": ",2", "cols": ",1"}.get(below, f",{below}" if below.isdigit() else "")
        if axis and "softmax" in name:
            axis = f", axis={axis[1:]}"
        return f"{name}({arguments}{axis})"

    def name(self, stem: str, below: str) -> str:
        """A variable: the name of the problem that is written like this."""
        letters = "".join(_latin(c) for c in stem)
        for spelled in (letters + below, f"{letters}_{below}", letters):
            if spelled in self.names:
                return spelled
        return letters + below

    def scripted(self, e: Element) -> str:
        """A name with a subscript, a power, a transpose, an inverse."""
        base = e[0]
        below = "".join(e[1].itertext()) if e.tag != "msup" else ""
        above = e[-1] if e.tag != "msub" else None
        if base.tag == "mi" and base.get("class") == "b" and base.text in ("I", "K") and below:
            out = f"{CONSTANTS[base.text]}({_sizes(below)})"
        elif base.tag == "mn" and base.get("class") == "b":
            out = f"{CONSTANTS[base.text or '']}({_sizes(below)})"
        elif base.tag == "mi" and above is None:
            return self.word(base, below)
        elif base.tag == "mi":
            out = self.name(base.text or "", below)
        elif below:
            inner = self.whole(cells_of(base))
            out = NORMS[below] + inner.removeprefix("norm2")
        else:
            out = self.whole(cells_of(base))
        return out if above is None else self.raised(out, above)

    def whole(self, cells: Sequence[Element]) -> str:
        """All of a row."""
        reader = Reader(cells, self.names)
        found = reader.sum()
        if not reader.at_end():
            raise UnreadableError(f"{found} and more")
        return found

    def raised(self, base: str, above: Element) -> str:
        written = "".join(above.itertext())
        plain = written.replace("−", "-")
        if written in ("⊤", "T", "′"):
            return f"({base})'"
        if written == "−⊤":
            return f"inv({base})'"
        if written == "+":
            return f"pinv({base})"
        if plain == "-1" and not base[0].isdigit():
            return f"(({base})^-1)"
        if written.startswith("⊙"):
            plain = plain[1:]
        rest = list(above)[1:] if written.startswith("⊙") else cells_of(above)
        exponent = plain if "/" in plain else self.whole(rest)
        if written.startswith("⊙"):
            return f"(({base}).^({exponent}))"
        return f"(({base})^({exponent}))"


def _sizes(below: str) -> str:
    return below.replace("×", ",")


def _latin(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if not name.startswith("GREEK"):
        return letter
    word = name.rsplit(" ", 1)[1].replace("LAMDA", "LAMBDA")
    return word.capitalize() if "CAPITAL" in name else word.lower()
