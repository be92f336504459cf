r"""Names, sizes and numbers in LaTeX.

A name is letters, digits and at most one underscore: one letter stays a letter, a Greek name
becomes its command, a longer word stands upright, digits and what follows the underscore become a
subscript, `dX` is an upright d before X. Any other name is spelled out character by character, so
that nothing in a name is ever TeX code.
"""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from matderiv.arguments import require_word
from matderiv.expr import Expr, is_, variable, walk
from matderiv.language.printer import number_text
from matderiv.shapes import Shape, Size, long_axes, size_names, size_terms

VECTORS = ("bold", "plain", "arrow")
TRANSPOSES = {"top": r"^{\top}", "T": "^{T}", "prime": "'", "'": "'"}
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
ACCENTS = ("hat", "tilde", "bar", "check", "dot", "ddot")  # \hat{x} is read as x_hat
APART = {"pi_": r"\boldsymbol{\pi}"}  # names beside what the plain sign is
APART |= {f"lambda_{m}_": rf"\lambda_{{\{m}}}" for m in ("max", "min")}
_NAME = re.compile(r"([A-Za-z]+)([0-9]*)(?:_([A-Za-z0-9]+))?")
_LIKE_NUMBERS = (r"\frac", r"\mathbf{1}", r"\mathbf{0}")
_CONTROL_WORD = re.compile(r"\\[A-Za-z]+$")


class Spelling(NamedTuple):
    """A name taken apart: `change` for the d of dX, the stem, and a subscript or nothing."""

    change: bool
    stem: str
    subscript: str


class LatexNames:
    r"""How the names of one formula are written; two names are never written alike.

    `vectors` is "bold", "plain" or "arrow", `transpose` "top", "T" or "prime". Raises
    MatderivError for another word.

    >>> names = LatexNames()
    >>> print(*(names.symbol(n, ()) for n in ("x", "theta", "w_1", "w1", "dx", "W_out")))
    x \theta w_{1} \mathrm{w1} \mathrm{d}x W_{\mathrm{out}}
    """

    def __init__(
        self, vectors: str = "bold", transpose: str = "top", roots: Iterable[Expr] = ()
    ) -> None:
        self.vectors = require_word(vectors, "style of vectors", VECTORS)
        require_word(transpose, "transpose", TRANSPOSES)
        nodes = list(walk(*roots))
        self.taken = {n.name for n in nodes if is_(n, "variable", "size")}
        self.taken |= size_names(n.params for n in nodes if n.function.call in ("sizes", "like"))
        self.unindexed = self.taken  # names that no index has
        if transpose == "T" and "T" in self.taken:
            transpose = "top"  # X^T would be a power
        self.transpose = TRANSPOSES[transpose]
        self.owners: dict[Spelling, str] = {}
        self.written: dict[str, str] = {}  # what is no name of letters, such as an entry

    def spelt(self, name: str, latex: str) -> Expr:
        """A number that stands as one name in a formula, and how it is written."""
        self.written[name] = latex
        return variable(name)

    def symbol(self, name: str, shape: Shape, accent: str = "") -> str:
        """The name in the style of its shape; an accent such as `\\bar` stands over the stem."""
        if name.startswith("conj("):  # the name of a conjugate
            return self.symbol(name[5:-1], shape, r"\bar")
        stem, _, last = name.rpartition("_")
        if last in ACCENTS and stem.isalpha() and not accent and f"conj({stem})" not in self.taken:
            return self.symbol(stem, shape, rf"\{last}")
        spelling = self.spelling(name)
        if name in APART:
            return rf"{accent}{{{APART[name]}}}" if accent else APART[name]
        if spelling is None:
            upright = rf"\mathrm{{{escaped(name)}}}"
            return rf"{accent}{{{upright}}}" if accent else upright
        stem = self._styled(spelling, shape)
        if accent:
            stem = rf"{accent}{{{stem}}}"
        if spelling.subscript:
            stem += f"_{{{spelling.subscript}}}"
        return (r"\mathrm{d}" if spelling.change else "") + stem

    def variable(self, node: Expr) -> str:
        """A variable in the style of its shape."""
        return self.written.get(node.name) or self.symbol(node.name, node.shape)

    def entry(self, name: str, indices: str) -> str:
        """An entry of a variable, `W_{ij}`; a stem with a subscript keeps it before a comma."""
        spelling = self.spelling(name)
        if spelling is None or spelling.change or spelling.stem == "delta":
            return f"[{self.symbol(name, ())}]_{{{indices}}}"
        below = f"{spelling.subscript},{indices}" if spelling.subscript else indices
        return f"{_italic(spelling.stem)}_{{{below}}}"

    def spelling(self, name: str) -> Spelling | None:
        """The name taken apart; None when it is spelled out, as the later one of two alike is.

        Of x_1 and x1 that is x1.
        """
        found = taken_apart(name)
        below = "" if found is None else f"{found.stem}_{found.subscript}"
        if below != name and below in self.taken:
            return None
        if found is None or self.owners.setdefault(found, name) != name:
            return None
        return found

    def wide(self, node: Expr) -> bool:
        """True for a name that needs a space to its neighbours: a word, or dX."""
        if not is_(node, "variable", "size"):
            return False
        if node.name in self.written:
            return self.written[node.name].startswith(r"\mathrm{d}")
        spelling = self.spelling(node.name)
        return spelling is None or spelling.change or _is_word(spelling.stem)

    def size(self, s: Size) -> str:
        """A size as a number."""
        if isinstance(s, int):
            return str(s)
        pieces = [str(s.coefficient)] if s.coefficient != 1 else []
        single = not pieces and len(s.names) == 1
        return " ".join([*pieces, *(self._named_size(n, bare=single) for n in s.names)])

    def _named_size(self, name: str, bare: bool) -> str:
        if name[0] != "(":
            return self.symbol(name, ())
        terms = [("+" if k > 0 else "-") + self.size(t) for k, t in size_terms(name)]
        written = "".join(terms).removeprefix("+")
        return written if bare else f"({written})"

    def sizes(self, shape: Iterable[Size]) -> str:
        """Sizes joined by a cross."""
        return r" \times ".join(map(self.size, shape))

    def _styled(self, spelling: Spelling, shape: Shape) -> str:
        stem = _italic(spelling.stem)
        if not shape or self.vectors == "plain":
            return stem
        if self.vectors == "arrow":
            return rf"\vec{{{stem}}}" if len(long_axes(shape)) == 1 else stem
        if stem.startswith("\\mathrm"):
            return rf"\mathbf{{{spelling.stem}}}"
        identity = spelling.stem == "I" and spelling.subscript
        bold = r"\boldsymbol" if stem.startswith("\\") or identity else r"\mathbf"
        return f"{bold}{{{stem}}}"


def taken_apart(name: str) -> Spelling | None:
    """The parts of a name; None when it does not follow the pattern.

    >>> taken_apart("dtheta2"), taken_apart("a_b_c")
    (Spelling(change=True, stem='theta', subscript='2'), None)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    stem, digits, below = match.groups()
    change = stem[0] == "d" and stem not in GREEK and (len(stem) == 2 or stem[1:] in GREEK)
    subscript = [digits] if digits else []
    if below:
        subscript.append(below if below.isdigit() else _italic(below))
    return Spelling(change, stem[1:] if change else stem, ",".join(subscript))


def escaped(name: str) -> str:
    r"""A name spelled out: letters and digits, `\_`, and the code of anything else.

    >>> print(escaped("a_b_c"), escaped("x^2"))
    a\_b\_c x\langle 5e\rangle 2
    """
    return "".join(_character(c) for c in name)


def _character(c: str) -> str:
    if c.isascii() and c.isalnum():
        return c
    return r"\_" if c == "_" else rf"\langle {ord(c):x}\rangle "


def _italic(stem: str) -> str:
    if stem in GREEK:
        return f"\\{stem}"
    return rf"\mathrm{{{stem}}}" if len(stem) > 1 else stem


def _is_word(stem: str) -> bool:
    return len(stem) > 1 and stem not in GREEK


def between(before: str, after: str) -> str:
    """What stands between two factors: nothing, or a dot or a space that reading them needs."""
    number = before[-1:].isdigit()
    if after[:1].isdigit() or (number and after.startswith(_LIKE_NUMBERS)):
        return r" \cdot "
    if before == r"\sigma" and after.startswith(("(", r"\left(")):
        return r" \cdot "  # not the sigmoid
    close = after[:1] in ("e", "E") if number else before[-1:].isalpha() and after[:1].isalpha()
    return " " if close or needs_space(before, after) else ""  # 2e could be read as a number


def needs_space(before: str, after: str) -> bool:
    """True if `before` ends in a command and `after` starts with a letter."""
    return after[:1].isalpha() and _CONTROL_WORD.search(before) is not None


# Numbers -----------------------------------------------------------------------------------------


def number_latex(value: Fraction) -> str:
    r"""A number that is not negative: whole, a fraction, a decimal, or with a power of ten.

    >>> print(*(number_latex(Fraction(t)) for t in ("2", "0.5", "1/3", "0.1", "1e-5", "2e-5")))
    2 \frac{1}{2} \frac{1}{3} 0.1 10^{-5} 2 \cdot 10^{-5}
    """
    below = value.denominator
    written = number_text(value)
    if "/" in written or (1 < below <= 16 and below & (below - 1) == 0):
        return rf"\frac{{{value.numerator}}}{{{below}}}"
    digits, mark, exponent = written.partition("e")
    if not mark:
        return written
    power = f"10^{{{exponent}}}"
    return power if digits == "1" else rf"{digits} \cdot {power}"


def inline_number(value: Fraction) -> str:
    """A number in an exponent, where a fraction lies down: 3/2."""
    written = number_latex(value)
    return f"{value.numerator}/{value.denominator}" if written.startswith("\\frac") else written
