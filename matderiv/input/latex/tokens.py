r"""LaTeX to tokens: what only sets type is dropped, what means the same is spelled the same.

`\left(`, `\,`, `$`, `&`, `\begin{aligned}` and their kin say nothing; `\lVert`, `\Vert` and `\|`
are one sign, and so are `\ge`, `\geq` and ≥.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from matderiv.arguments import pairs
from matderiv.errors import LimitError, ParseError
from matderiv.language.tokens import (
    FRACTIONS,
    GREEK,
    GREEK_NAMES,
    Token,
    accented,
    closed,
    require_short,
    scripts,
    unexpected,
)

ENVIRONMENTS = frozenset(
    "aligned align align* equation equation* split gather gather* gathered multline multline* "
    "displaymath math eqnarray eqnarray* alignat alignat* flalign flalign*".split()
)
MATRICES = frozenset("matrix pmatrix bmatrix Bmatrix smallmatrix array".split())
BLOCKS = MATRICES | {"cases", "dcases"}
"""Environments whose lines and columns have a meaning; their tokens are `begin` and `end`."""

TYPESETTING = frozenset(
    "quad qquad displaystyle textstyle scriptstyle limits nolimits thinspace negthinspace "
    "medspace thickspace enspace nonumber notag middle mleft mright hfill noindent mathopen "
    "mathclose mathrel mathbin mathord mathop nobreak allowbreak space newline "
    "scriptscriptstyle mathstrut strut tiny small".split()
)
OPENING = frozenset("left bigl Bigl biggl Biggl mleft".split())
CLOSING = frozenset("right bigr Bigr biggr Biggr mright".split())
SIZED = OPENING | CLOSING | frozenset("big Big bigg Bigg bigm Bigm biggm Biggm".split())
SIGNS = {
    **pairs(r"""
    lVert <‖    rVert ‖>    vert |      mid |       lvert <|    rvert |>    gt >
    lt <        ast *       oslash ⊘    otimes ⊗    times ×     prime ′
    lbrace \{   rbrace \}   { \{        } \}        langle ⟨    _ _
    rangle ⟩    sim ~
"""),
    **dict.fromkeys(("|", "Vert", "parallel"), "‖"),
    **dict.fromkeys(("ge", "geq", "geqslant"), ">="),
    **dict.fromkeys(("le", "leq", "leqslant"), "<="),
    **dict.fromkeys(("coloneqq", "triangleq", "equiv", "doteq"), "="),
    **dict.fromkeys(("cdot", "bullet"), "·"),
    **dict.fromkeys(("odot", "circ", "circledast"), "⊙"),
    **dict.fromkeys(("div", "slash"), "/"),
    **dict.fromkeys(("top", "intercal", "bot", "transp"), "⊤"),
    **dict.fromkeys(("lbrack", "lparen"), "("),
    **dict.fromkeys(("rbrack", "rparen"), ")"),
    **dict.fromkeys(("ne", "neq"), "≠"),
}
"""Commands that are signs, and the sign."""

CHARACTERS = pairs("""
    − -    – -    ⋅ ·    ∗ *    ∘ ⊙    ⊤ ⊤
    ᵀ ⊤    ≥ >=   ≤ <=   ÷ /    ’ '    ′ '
    ∥ ‖
""")
ENTRY_BY_ENTRY = {"/": "⊘", "*": "⊙"}
DOTS = frozenset(("dots", "ldots", "cdots", "vdots"))
SWITCHES = frozenset(("rm", "bf", "it", "sf", "cal"))
NAMING = frozenset(("mathrm", "operatorname", "text", "mathbf", "mathsf"))
FUNCTION_WORDS = frozenset(
    "tr Tr trace diag rank argmin argmax minimize minimise maximize maximise vec sign".split()
)
MAX_GROUPS = 200  # braces inside braces
KEPT = 1_000  # characters of a text whose tokens are kept
BARS = frozenset(("‖‖", "<‖‖>"))
_AT = r"(?:(?:[i-np-ty](?:[+-]\d+)?|\d+)?:(?:[i-np-ty]|\d+)?|[i-np-ty](?:[+-]\d+)?|\d+)"
PLACES = re.compile(rf"{_AT}(?:,{_AT})?")
"""What stands in the brackets of an entry: x[1], x[t+1], X[:,j]."""

MACROS = {
    **dict.fromkeys(("norm", "Norm"), ("<‖", "‖>")),
    **dict.fromkeys(("abs", "Abs"), ("<|", "|>")),
    **dict.fromkeys(("ip", "inner", "innerprod", "dotp", "dotprod"), ("⟨", "⟩")),
}
"""Commands that people define for bars around what follows in braces, and inner products."""

_BOLD = re.compile(rf"(?!mp$)(?:b|v|m|bf|bm)([A-Za-z]|{'|'.join(sorted(GREEK_NAMES))})")
r"""Commands that people define for bold letters: `\bx`, `\vx`, `\mX`, `\bmu`."""

COMMANDS = {"∇": "nabla", "∂": "partial", "∑": "sum", "√": "sqrt", "ℓ": "ell", "∞": "infty"}
VARIANTS = {"varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "varrho": "rho"}
_SKIPPED = re.compile(
    r"(?:\s|%[^\n]*(?:\n|$)|\\(?:[,;:!>]|\s|$)|\\\(|\\\)|\\\[|\\\]|[$~`]"
    r"|\\(?:tag|label|hspace|vspace|phantom|hphantom|vphantom|color|textcolor)\*?\{[^{}]*\})+"
)
_BRACED = (("command", "mathbf"), ("sign", "{"), ("sign", "}"))
_TOKEN = re.compile(
    r"""(?P<environment>\\(?:begin|end)\s*\{(?P<kind>[A-Za-z]+\*?)\})
    |(?P<newline>\\\\(?:\[[^\]\n]*\])?)
    |(?P<command>\\(?P<word>(?:operatorname|norm|abs)\*|[A-Za-z]+|[|{}_]))
    |(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |(?P<letter>[A-Za-z])
    |(?P<sign>\|\||:=|&|[<>]=|[-+*/=<>()\[\]{}|^_',.;:!·⊙⊘⊗×‖⟨⟩≠])""",
    re.VERBOSE,
)


_WORD = re.compile(r"(?<![A-Za-z\\])(?:(?P<sum>sum|prod)(?=_)|(?P<name>[A-Za-z]{2,})(?![A-Za-z]))")
"""Words without a backslash: `sum_{i=1}^n`, and Greek names where nothing has one."""


def tokenize_latex(text: str) -> list[Token]:
    r"""The tokens of a formula, closed by an `end` token.

    `kind` is letter, command (its word), number, sign, line (a new line of an alignment), begin and
    shut (of `BLOCKS`) or end.
    Raises LimitError beyond the stated limits and ParseError for what is no mathematics.

    >>> [t.text for t in tokenize_latex(r"\left\|Xw\right\|_2^2 \,&= \beta")]
    ['<‖', 'X', 'w', '‖>', '_', '2', '^', '2', '=', 'beta', '']
    """
    tokens = _tokenized if len(text) <= KEPT else _tokenized.__wrapped__
    return [*tokens(text)]


@lru_cache(maxsize=500)  # a line of a sheet is read once for each choice of kinds
def _tokenized(text: str) -> tuple[Token, ...]:
    require_short(text)
    found: list[Token] = []
    place, side, blocks, depth = 0, "", 0, 0
    while place < len(text):
        skipped = _SKIPPED.match(text, place)
        if skipped:
            place = skipped.end()
            continue
        sign, written, end = scripts(text, place)
        if sign:
            found += _script(sign, written, (place, end))
            place = end
            continue
        letter, accent, end = accented(text, place)
        if accent:
            span = (place, end)
            found.append(Token("command", accent, span))
            kind = "command" if letter in GREEK else "letter"
            found.append(Token(kind, GREEK.get(letter, letter), span))
            place = end
            continue
        token, end, side = _read(text, place, side)
        if token is not None:
            blocks += (token.kind == "begin") - (token.kind == "shut")
            depth += (token.text == "{") - (token.text == "}")
            if depth > MAX_GROUPS:
                said = f"braces are nested deeper than the limit of {MAX_GROUPS}"
                raise LimitError(said, source=text, span=token.span)
        if token is not None and (token.text != "&" or blocks):
            found.append(token)
        place = end
    spelled = _with_double_bars(_plainly_spelled(_without_full_stop(found)))
    return tuple(closed(spelled, text))


def _read(text: str, place: int, side: str) -> tuple[Token | None, int, str]:
    """The token at `place`, where the next one starts, and the side that \\left or \\right said."""
    character = text[place]
    if character in FRACTIONS:
        return Token("number", FRACTIONS[character], (place, place + 1)), place + 1, ""
    named = GREEK.get(character) or COMMANDS.get(character)
    if named:
        return Token("command", named, (place, place + 1)), place + 1, ""
    if character in CHARACTERS:
        return Token("sign", CHARACTERS[character], (place, place + 1)), place + 1, ""
    word = _WORD.match(text, place)
    if word and (word["sum"] or ("\\" not in text and word["name"] in GREEK_NAMES)):
        return Token("command", word[0], word.span()), word.end(), ""
    match = _TOKEN.match(text, place)
    if match is None:
        hint = r"\left( or \| and such" if character == "\\" else None
        raise unexpected(text, place, "LaTeX", hint)
    span, kind = (place, match.end()), match.lastgroup or ""
    if match["environment"] and match["kind"] in BLOCKS:
        begins = match[0].startswith("\\begin")
        columns = re.compile(r"\s*\{[lcr|]*\}").match(text, span[1]) if begins else None
        end = columns.end() if columns and match["kind"] == "array" else span[1]
        return Token("begin" if begins else "shut", match["kind"], (span[0], end)), end, ""
    if match["environment"]:
        _check_environment(text, match["kind"], span)
        return None, match.end(), ""
    if match["newline"]:
        return Token("line", "\\\\", span), match.end(), ""
    if match["command"]:
        return _command(text, match["word"], span)
    typed = match[0]
    if kind == "sign":
        if side and typed == ".":
            return None, match.end(), ""
        typed = {"||": "‖", ":=": "="}.get(typed, typed)
        if side and typed in ("|", "‖"):
            typed = f"<{typed}" if side == "open" else f"{typed}>"
        elif side:
            typed = {"<": "⟨", ">": "⟩"}.get(typed, typed)
    return Token(kind, typed, span), match.end(), ""


def _command(text: str, word: str, span: tuple[int, int]) -> tuple[Token | None, int, str]:
    if word in SIZED:
        side = "open" if word in OPENING else "close" if word in CLOSING else ""
        following = re.compile(r"\s*(?:\\\||\\[lr]?[vV]ert(?![A-Za-z]))").match(text, span[1])
        if not following:
            return None, span[1], side
        sign = "‖" if "|" in following[0] or "V" in following[0] else "|"
        sign = f"<{sign}" if side == "open" else f"{sign}>" if side == "close" else sign
        return Token("sign", sign, (span[0], following.end())), following.end(), ""
    if word in TYPESETTING:
        return None, span[1], ""
    if word in SIGNS:
        return Token("sign", SIGNS[word], span), span[1], ""
    return Token("command", VARIANTS.get(word, word).rstrip("*"), span), span[1], ""


def _check_environment(text: str, kind: str, span: tuple[int, int]) -> None:
    if kind not in ENVIRONMENTS:
        said = f"the environment {kind} is not read"
        raise ParseError(
            said, source=text, span=span, hint="formulas, aligned lines, matrices and cases"
        )


def _without_full_stop(tokens: list[Token]) -> list[Token]:
    """The tokens without the punctuation of the sentence that a formula ends."""
    while tokens and (tokens[-1].text in (".", ",", ";") or tokens[-1].kind == "line"):
        tokens = tokens[:-1]
    return tokens


def _script(sign: str, written: str, span: tuple[int, int]) -> list[Token]:
    """Small signs above or below the line as a group."""
    kinds = {"-": "sign", "=": "sign"}
    inside = [
        Token(kinds.get(c, "number" if c.isdigit() else "letter"), c, span)
        for c in ([written] if written.isdigit() else written)
    ]
    return [Token("sign", sign, span), Token("sign", "{", span), *inside, Token("sign", "}", span)]


def _plainly_spelled(tokens: list[Token]) -> list[Token]:
    r"""The tokens with `./` as one sign, `{\bf x}` as \mathbf{x} and `{\mathrm{tr}}` bare."""
    found: list[Token] = []
    place = 0
    while place < len(tokens):
        token, following = tokens[place], tokens[place + 1 : place + 2]
        near = following and token.span[1] == following[0].span[0]
        if token.text == "." and near and following[0].text in ENTRY_BY_ENTRY:
            span = (token.span[0], following[0].span[1])
            found.append(Token("sign", ENTRY_BY_ENTRY[following[0].text], span))
            place += 2
            continue
        if token.kind == "command" and token.text in SWITCHES:
            if found and found[-1].text == "{":  # {\bf x} is \mathbf{x}
                found.insert(-1, token._replace(text=f"math{token.text}"))
            place += 1
            continue
        usual = _bold(tokens, place) or (_usual(tokens, place) if following else None)
        if usual is not None:
            tokens = usual
            continue
        if token.text == "{" and (not found or found[-1].text not in "^_") and following:
            inner, end = group_end(tokens, place + 2), group_end(tokens, place)
            word = "".join(t.text for t in tokens[place + 3 : inner - 1])
            if following[0].text == "^" and end > place:  # x{^\top}
                tokens = [*tokens[:place], *tokens[place + 1 : end - 1], *tokens[end:]]
                continue
            if following[0].text in NAMING and inner == end - 1 and word in FUNCTION_WORDS:
                tokens = [*tokens[:place], *tokens[place + 1 : inner], *tokens[end:]]
                continue
            bars = f"{following[0].text}{tokens[end - 2].text}"
            if bars in BARS and tokens[end : end + 1] and tokens[end].text == "_":  # {‖x‖}_2
                tokens = [*tokens[:place], *tokens[place + 1 : end - 1], *tokens[end:]]
                continue
        found.append(token)
        place += 1
    return found


def _usual(tokens: list[Token], place: int) -> list[Token] | None:
    r"""The tokens with `\underset{w}{\min}` as \min_{w}, `\norm{x}` in bars, `x[1]` as x_{1}.

    A Sigma from i=1 on is a sum.
    """
    token, after = tokens[place : place + 2]
    near, before = token.span[1] == after.span[0], tokens[:place]
    if token.text == "underset" and token.kind == "command":
        middle = group_end(tokens, place + 1)
        end = group_end(tokens, middle)
        below, named = tokens[place + 1 : middle], tokens[middle:end]
        return [*before, *named[1:-1], Token("sign", "_", token.span), *below, *tokens[end:]]
    end = group_end(tokens, place + 1)
    if token.kind == "command" and token.text in MACROS and near and end > place + 1:
        opening, closing = (Token("sign", sign, token.span) for sign in MACROS[token.text])
        inside, other = tokens[place + 2 : end - 1], group_end(tokens, end)
        if opening.text == "⟨" and other > end:
            comma = Token("sign", ",", tokens[end].span)
            inside, end = [*inside, comma, *tokens[end + 1 : other - 1]], other
        shut = closing._replace(span=tokens[end - 1].span)
        return [*before, opening, *inside, shut, *tokens[end:]]
    if token.text == "Sigma" and [t.text for t in tokens[place + 1 : place + 5 : 3]] == ["_", "="]:
        return [*before, token._replace(text="sum"), *tokens[place + 1 :]]
    if token.kind == "letter" and near and after.text == "[":
        end = group_end(tokens, place + 1, "[]")
        inside = tokens[place + 2 : end - 1]
        if PLACES.fullmatch("".join(t.text for t in inside)):
            hat, opening, closing = (after._replace(text=sign) for sign in "_{}")
            return [*before, token, hat, opening, *inside, closing, *tokens[end:]]
    return None


def _bold(tokens: list[Token], place: int) -> list[Token] | None:
    r"""The tokens with `\bx` as \mathbf{x}, unless a group follows."""
    token, rest = tokens[place], tokens[place + 1 :]
    bold = _BOLD.fullmatch(token.text) if token.kind == "command" else None
    if bold is None or _is_usual(token.text) or (rest and rest[0].text == "{"):
        return None
    letter = token._replace(kind="command" if bold[1][1:] else "letter", text=bold[1])
    font, opening, closing = (Token(k, t, token.span) for k, t in _BRACED)
    return [*tokens[:place], font, opening, letter, closing, *rest]


def group_end(tokens: Sequence[Token], place: int, braces: str = "{}") -> int:
    """Where the group in braces that starts at `place` ends; the place itself if none does."""
    depth = 0
    for k, token in enumerate(tokens[place:], place):
        depth += (token.text == braces[0]) - (token.text == braces[1])
        if not depth:
            return k + 1 if k > place else place
    return place


def _with_double_bars(tokens: list[Token]) -> list[Token]:
    """The tokens with two bars of one side, as in \\left|\\left|, as one sign."""
    found: list[Token] = []
    for token in tokens:
        double = token.text in ("<|", "|>") and found and found[-1].text == token.text
        if double and found[-1].kind == "sign":
            before = found.pop()
            found.append(
                Token("sign", token.text.replace("|", "‖"), (before.span[0], token.span[1]))
            )
        else:
            found.append(token)
    return found


def is_command(word: str) -> bool:
    r"""True for a command that formulas have: Greek letters, signs and the words of the reader.

    >>> is_command("beta"), is_command("odot"), is_command("b"), is_command("bX")
    (True, True, False, True)
    """
    return _is_usual(word) or _BOLD.fullmatch(word) is not None


def _is_usual(word: str) -> bool:
    return word in GREEK_NAMES or word in VARIANTS or word in SIGNS or word in WORDS


WORDS = (
    SIZED
    | DOTS
    | TYPESETTING
    | frozenset(
        "rm bf over dagger star underset underline "
        "frac dfrac tfrac cfrac sqrt mathbf boldsymbol bm pmb mathrm mathit mathsf mathtt mathcal "
        "mathscr mathfrak mathbb mathds vec text textbf textit textrm textnormal mbox "
        "operatorname hat widehat bar overline tilde widetilde check dot ddot "
        "nabla partial sum prod int "
        "log ln exp det tr Tr diag max min tanh sinh cosh sin cos tan arcsin arccos arctan ell "
        "begin end boxed underbrace infty sigma lVert rVert Re rank softmax relu sign sgn "
        "sec csc cot arg argmin argmax in norm abs".split()
    )
)
