r"""Names in LaTeX: letters with fonts, accents and subscripts, and the variables they stand for.

`\mathbf{w}_{1}`, `\hat{y}`, `W^{(2)}` and `\mathrm{loss}` are names. A known name is found by its
letters alone, whatever joins them: `w_{1}` is w_1 or w1, `\hat y` is y_hat or yhat.
"""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import NamedTuple, TypeVar

from matderiv.arguments import pairs
from matderiv.errors import Span
from matderiv.input.builder import Scope, Tree
from matderiv.input.formulas import Formula
from matderiv.input.latex.tokens import group_end
from matderiv.input.means import EXAMPLE, Means, Normal
from matderiv.input.tree import IMPLIED, LABELS
from matderiv.language.calls import function_names
from matderiv.language.source import Name, Node
from matderiv.language.tokens import GREEK_NAMES, Token

FONTS = frozenset(
    "mathbf boldsymbol bm pmb mathbfit mathrm mathit mathsf mathtt mathcal mathscr mathfrak mathbb "
    "mathds vec overrightarrow underline text textbf textit textrm textsf textnormal mbox "
    "operatorname".split()
)
UPRIGHT = frozenset(
    "mathrm mathit mathsf mathtt text textit textrm textsf textnormal mbox operatorname".split()
)
BOLD = frozenset("mathbf boldsymbol bm pmb mathbfit textbf vec overrightarrow".split())
ACCENTS = pairs("""
    hat hat      bar bar       tilde tilde      check check  dot dot  ddot ddot
    widehat hat  overline bar  widetilde tilde
""")
EXTREMES = frozenset(("max", "min", "sup", "inf"))  # words below a name, as in V_{\max}
_T = TypeVar("_T")


class Symbol(NamedTuple):
    """A letter or a word with its font (the command) and accents, before any subscript."""

    stem: str
    span: Span
    font: str = ""
    accents: tuple[str, ...] = ()


def known_spellings(names: Iterable[str]) -> dict[str, str]:
    """Names by their letters alone.

    >>> known_spellings(["w_1", "yhat"])
    {'w1': 'w_1', 'yhat': 'yhat'}
    """
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.replace("_", ""), name)
    return found


def plain_first(tokens: list[Token]) -> list[Token]:
    r"""The tokens with the upright d of `\mathrm{d}x` in front as a plain letter.

    >>> from matderiv.input.latex.tokens import tokenize_latex
    >>> [t.text for t in plain_first(tokenize_latex(r"\mathrm{d}x"))[:2]]
    ['d', 'x']
    """
    first = next((k for k, t in enumerate(tokens) if t.text not in ("{", *FONTS)), 0)
    if "{" in (t.text for t in tokens[:first]):
        opening = max(k for k, t in enumerate(tokens[:first]) if t.text == "{")
        end = group_end(tokens, opening)
        tokens = [*tokens[: end - 1], *tokens[end:]]
    return tokens[first:]


class LatexCursor(Means):
    """A place in the tokens of one formula, and the names that are known."""

    def __init__(
        self, text: str, tokens: list[Token], scope: Scope, bound: frozenset[str] = frozenset()
    ) -> None:
        self.text = text
        self.tokens = tokens
        self.scope = scope
        self.known_names = scope.shapes
        self.build = Tree(text, scope)
        self.spellings = known_spellings([*scope.shapes, *scope.sizes])
        self.remarks: list[str] = []
        self.doubtful: list[Node] = []  # \exp(A), of the matrix if A is square
        self.indices: list[str] = []  # of the sums around
        self.begins = 0  # the place behind the first sign of what is summed
        self.open_bars: list[str] = []
        self.outer_bars: list[list[str]] = []  # those outside of matrices and cases
        self.bound = bound  # the indices of all sums of the formula
        self.kinds: dict[str, int] = {}  # axes of guessed names, by their font
        self.formulas: dict[str, Formula] = {}

    def at_command(self, *words: str) -> bool:
        return self.token.kind == "command" and self.token.text in words

    def tried(self, read: Callable[[], _T]) -> _T:
        """What `read` finds, or None with nothing taken."""
        start = self.place
        found = read()
        if found is None:
            self.place = start
        return found

    def close(self, sign: str, opening: Token) -> Token:
        """The closing sign, or an error that shows the opening one."""
        if self.at(sign):
            return self.take()
        typed = self.typed(opening.span)
        if self.token.kind == "end":
            raise self.error(f"this {typed} is never closed", opening.span, f"add {sign}")
        found = self.typed(self.token.span)
        raise self.error(f"expected {sign} for the {typed} before, found {found}", self.token.span)

    def split_number(self) -> None:
        r"""Cut a number after its first digit: `x^23` is x² · 3, `\frac12` a half."""
        token = self.token
        if token.kind == "number" and len(token.text) > 1 and token.text.isdigit():
            start, end = token.span
            self.tokens[self.place : self.place + 1] = [
                Token("number", token.text[0], (start, start + 1)),
                Token("number", token.text[1:], (start + 1, end)),
            ]


class Symbols(LatexCursor):
    """The reader of names."""

    def at_density(self) -> bool:
        r"""True before brackets with a comma: `\mathcal{N}(\mu, \Sigma)` is no product."""
        end = group_end(self.tokens, self.place, "()")
        inside = self.tokens[self.place : end]
        depths = accumulate((t.text == "(") - (t.text == ")") for t in inside)
        return any(d == 1 and t.text in (",", ";") for d, t in zip(depths, inside, strict=True))

    def random_below(self) -> tuple[Normal, ...]:
        r"""`_{x \sim \mathcal{N}(\mu, \Sigma)}`; nothing where the end of the text says it."""
        if not self.at("_"):
            return ()
        self.take()
        opening, symbol = self.take(), self.symbol()
        label = self._label() if symbol is not None else ""
        if opening.text != "{" or symbol is None or not self.at("~"):
            raise self.error("what stands below E has a distribution", opening.span, EXAMPLE)
        name = "_".join(filter(None, (symbol.stem, *symbol.accents, label)))
        found = self.normal(Name(symbol.span, name))
        self.close("}", opening)
        return (found,)

    def symbol(self) -> Symbol | None:
        """A letter, a Greek letter, or one of these with fonts and accents; None for all else."""
        return self.tried(self._symbol)

    def _symbol(self) -> Symbol | None:
        token = self.token
        if token.kind == "letter":
            self.take()
            return Symbol(token.text, token.span)
        if token.kind != "command":
            return None
        word = token.text
        if word in GREEK_NAMES or word == "ell":
            self.take()
            return Symbol(word, token.span)
        if word not in FONTS and word not in ACCENTS:
            return None
        self.take()
        self.deeper()
        inner = self._argument_symbol(word)
        self.depth -= 1
        if inner is None:
            return None
        span = (token.span[0], self.tokens[self.place - 1].span[1])
        if word in ACCENTS:
            return inner._replace(span=span, accents=(*inner.accents, ACCENTS[word]))
        return inner._replace(span=span, font=word)

    def _argument_symbol(self, word: str) -> Symbol | None:
        r"""What a font or an accent covers: one symbol, or a word as in `\mathrm{loss}`."""
        if not self.at("{"):
            return self._symbol() if word in ACCENTS or self.token.kind != "sign" else None
        self.take()
        written = self.word()
        if len(written) > 1 and self.at("}") and self._is_word(written, word):
            self.place += 1
            return Symbol(written, self.token.span)
        self.place -= self._taken
        if self.token.kind == "number":
            return None
        found = self._symbol()
        if found is None or not self.at("}"):
            return None
        self.take()
        return found

    def word(self) -> str:
        r"""Letters, digits and `\_` in a row, as in a spelled-out name; `_taken` counts them."""
        start, written = self.place, ""
        while self.token.kind in ("letter", "number") or self.at("_"):
            written += self.take().text
        self._taken = self.place - start
        return written

    _taken = 0

    def _is_word(self, written: str, font: str) -> bool:
        if not written[0].isalpha() or written[-1] == "_":
            return False
        applied = self.peek().text in ("(", "[") and written in function_names()
        letters = written.replace("_", "")
        below = self.peek().text == "_" and any(s.startswith(letters) for s in self.spellings)
        return font in UPRIGHT or applied or below or letters in self.spellings

    def letters(self) -> str:
        """The letters from here on that stand next to each other."""
        found, end = "", self.token.span[0]
        for ahead in range(len(self.tokens) - self.place):
            token = self.peek(ahead)
            if token.kind != "letter" or token.span[0] != end:
                break
            found, end = found + token.text, token.span[1]
        return found

    def called(self) -> bool:
        """True for f, f(w), RSS(w), log p(x): one name up to the end, perhaps with arguments."""
        run = self.letters()
        if len(run) > 1 and (run.isupper() or len(run) > 3) and not {*run} <= {*self.scope.shapes}:
            self.place += len(run)
        else:
            logarithm = self.at_command("log", "ln")
            if logarithm or self.at_command("cos", "sin", "tan"):
                self.take()
            symbol = self.symbol()
            if symbol is None and self.token.kind != "end":
                return False
            label = self._label() if symbol is not None else ""
            if self.at("_"):
                self.take()
                self.script()
            name = symbol and (self.known(symbol, label) or symbol.stem)
            if logarithm and name in (None, *self.scope.shapes, *self.scope.about):
                return False
        depth = 0
        while self.token.kind != "end" and (depth or self.at("(", "[")):
            depth += self.at("(", "[") - self.at(")", "]")
            self.take()
            if not depth:
                break
        if depth == 0 and self.at("_"):  # \sigma(z)_i
            self._label()
        return self.token.kind == "end"

    # Subscripts ----------------------------------------------------------------------------------

    def script(self) -> list[Token]:
        """The tokens of a subscript or superscript: those of a group, or the next one."""
        if not self.at("{"):
            self.split_number()
            if self.token.kind == "end":
                raise self.error("expected a subscript", self.token.span)
            if self.at_command(*FONTS) and self.peek().text == "{":
                return [self.take(), *self._group()]
            return [self.take()]
        return self._group()[1:-1]

    def _group(self) -> list[Token]:
        opening = self.token
        found, depth = [self.take()], 1
        while depth:
            if self.token.kind == "end":
                raise self.error("this { is never closed", opening.span, "add }")
            depth += self.at("{") - self.at("}")
            found.append(self.take())
        return found

    def label(self, tokens: list[Token]) -> str | None:
        """A subscript as part of a name: `1`, `ij`, `out`, `t-1` as tm1; None for anything else.

        The label y_i of one example i is y.
        """
        pieces = []
        plain = [t.text for t in tokens if t.text not in ("{", "}")]
        if len(plain) == 3 and plain[0] in LABELS and plain[1] == "_":
            one = plain[2] in IMPLIED and plain[2] not in self.bound
            tokens = tokens[:1] if one else tokens
        for token in tokens:
            if token.kind in ("letter", "number") or token.text in EXTREMES | GREEK_NAMES:
                pieces.append(token.text)
            elif token.text == "-" and pieces:
                pieces.append("m")
            elif token.text == "+" and pieces:
                pieces.append("p")
            elif token.text in (",", "{", "}", "(", ")", "[", "]", "ell") or token.text in FONTS:
                pieces.append("ell" if token.text == "ell" else "")
            else:
                return None
        return "".join(pieces) or None

    # Meaning -------------------------------------------------------------------------------------

    def _label(self) -> str:
        r"""The subscript of a name and its number above, `W^{(2)}`; "" if there is none."""
        found = ""
        while True:
            start = self.place
            if self.at("_") and not found:
                self.take()
                below = self.script()
                while self.at_index(below):
                    below.append(self.take())  # A_ij x_j, where the indices of sums are no factors
                label = self.label(below)
                if label is None:
                    self.place = start
                    return found
                found += label
            elif self.at("^") and self.peek().text == "{" and self.peek(2).text in ("(", "["):
                layer = self._layer()
                if self.place == start:
                    return found
                example = len(found) == len(layer) == 1 and found.isalpha() and layer.isalpha()
                found = layer + found if example else found + layer  # x_j^{(i)} is X[i, j]
            else:
                return found

    def at_index(self, below: list[Token]) -> bool:
        """True at an index of a sum that is typed right behind another one."""
        before = self.tokens[self.place - 1]
        alike = self.token.span[0] == before.span[1] and [t.text for t in below[-1:]] == [
            before.text
        ]
        return alike and {before.text, self.token.text} <= self.bound

    def data_point(self, function: Symbol) -> str | None:
        r"""The n of `\phi(x_n)` below a sum over n, where phi(x_n) is data like phi_n."""
        opening = self.take() if self.at("(") and self.indices else None
        of = self.symbol() if opening is not None else None
        label = self._label() if of is not None else ""
        if of is None or label not in self.indices or of.stem in self.scope.about:
            return None
        if of.stem in self.build.parts or function.stem in self.formulas:
            return None
        if not self.at(")") or self.scope.shapes.get(function.stem) == ():
            return None
        span = (function.span[0], self.take().span[1])
        self.remarks.append(f"{self.typed(span)} read as {function.stem}_{label}")
        return label

    def _layer(self) -> str:
        """The number in `W^{(2)}`; a transpose after it, as in `W^{(2) T}`, is left to be read."""
        start = self.place
        hat, opening = self.take(), self.token
        inside = self.script()
        closing = next((k for k, t in enumerate(inside) if t.text in (")", "]")), 0)
        label = self.label(inside[:closing])
        if label is None:
            self.place = start
            return ""
        rest = inside[closing + 1 :]
        if rest:  # W^{(2)}^{T}, which may be read again
            brace = self.tokens[self.place - 1]
            layer = [hat, opening, *inside[: closing + 1], brace]
            self.tokens[start : self.place] = [*layer, hat, opening, *rest, brace]
            self.place = start + len(layer)
        return label

    def known(self, symbol: Symbol, label: str = "") -> str | None:
        """The known name behind a symbol and its subscript, if there is one; x_1 before x1."""
        exact = "_".join([symbol.stem, *symbol.accents, *([label] if label else [])])
        if exact in self.scope.shapes or exact in self.scope.sizes:
            return exact
        stem, marks = symbol.stem.replace("_", ""), "".join(symbol.accents)
        for letters in (stem + marks, marks + stem):
            found = self.spellings.get(letters + label)
            greek = letters + label in GREEK_NAMES  # x_i is no xi, nor the other way round
            if found is not None and not (greek and (found in GREEK_NAMES) == bool(label)):
                return found
        return None

    def name(self, symbol: Symbol, label: str, end: int) -> Node:
        """The variable of a symbol and its subscript: a known one, or a new one."""
        found = self.known(symbol, label)
        if found is None:
            pieces = [symbol.stem, *symbol.accents, *([label] if label else [])]
            found = "_".join(pieces)
            self.spellings[found.replace("_", "")] = found
        node = self.build.name(found, (symbol.span[0], end))
        if symbol.font in BOLD and self.build.is_guessed(found):
            self.kinds[found] = 2 if symbol.stem[0].isupper() else 1
        return node
