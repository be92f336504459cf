r"""Dots between the first and the last: `x_1 + \dots + x_n`, `x_1 \cdots x_n`, `(x_1, \dots)`."""

from collections.abc import Sequence

from matderiv.input.latex.sides import opens
from matderiv.input.latex.tokens import DOTS
from matderiv.language.source import LIST
from matderiv.language.tokens import Token

BINDERS = {"+": "sum", ",": LIST, "\\\\": LIST, "": "prod"}
ENDS = frozenset(("+", "-", "=", ",", ";", "&", "\\\\"))
_ONES = ("sign", "sign", "command", "sign", "number", "sign", "sign", "sign")
ONES = tuple(zip(_ONES, ("(", ")", "mathbf", *"{1}^⊤"), strict=True))
TURNED = (["^", "⊤"], ["^", "T"], ["^", "{", "⊤", "}"], ["^", "{", "T", "}"])


def with_dots(tokens: list[Token]) -> list[Token]:
    r"""The tokens with sums, products and lists over an index for dots that say what is meant.

    >>> from matderiv.input.latex.tokens import tokenize_latex
    >>> "".join(t.text for t in with_dots(tokenize_latex(r"w_1x_1 + \dots + w_nx_n")))
    '{sum_{i=1}^{n}(w_ix_i)}'
    """
    while dots := next((k for k, t in enumerate(tokens) if t.text in DOTS), 0):
        between = tokens[dots - 1].text
        between = between if between == tokens[dots + 1].text and between in BINDERS else ""
        start = dots + 1 + bool(between)
        end = next(k for k in range(start, len(tokens)) if _ends(tokens, start, k, between))
        last = tokens[start:end]
        if alike := between not in ("", "+") and _alike(tokens, dots - 1, last, between):
            first, *rest = (Token(kind, text, last[0].span) for kind, text in ONES)
            stands = tokens[alike - 1].text == "("  # [z, \dots, z] lies
            tokens[end + 1 :] = tokens[end + 1 + stands * _turned(tokens[end + 1 :]) :]
            tokens[alike:end] = [first, *last, *rest[: 5 if stands else 7]]
            continue
        place = _first(tokens, dots - bool(between), last, between)
        if place is None:
            return tokens
        tokens = _replaced(tokens, place[0], end, tokens[start:end], place[1], BINDERS[between])
    return tokens


def _alike(tokens: Sequence[Token], end: int, last: Sequence[Token], between: str) -> int:
    """Where the first of equal items before the dots begins; 0 where they are not those behind."""
    wanted, start = [*(t.text for t in last), between], end + 1
    while start > len(wanted) and [t.text for t in tokens[start - len(wanted) : start]] == wanted:
        start -= len(wanted)
    return start if start <= end and tokens[start - 1].text in "([{" else 0


def _ends(tokens: Sequence[Token], start: int, k: int, between: str) -> bool:
    """True behind the last item; behind a factor with its scripts where nothing is between."""
    if sum(map(opens, tokens[start:k])):
        return False
    script = tokens[k].text in ("_", "^") or tokens[k - 1].text in ("_", "^")
    last = tokens[k].kind == "end" or tokens[k].text in ENDS or opens(tokens[k]) < 0
    return last or not (between or script or k == start)


def _at(item: Sequence[Token], letter: str, place: str) -> list[Token]:
    """The item with another place than the letter alone below its names."""
    texts = ["", "", *(t.text for t in item), ""]
    below = [
        t == letter and ("_" in (a, b) and (b == "_" or (b, after) == ("{", "}")))
        for a, b, t, after in zip(texts, texts[1:], texts[2:], texts[3:], strict=False)
    ]
    kind = "number" if place.isdigit() else "letter"
    both = zip(item, below, strict=True)
    return [t._replace(kind=kind, text=place) if here else t for t, here in both]


def _first(
    tokens: Sequence[Token], end: int, last: Sequence[Token], between: str
) -> tuple[int, str] | None:
    """Where the item at 1 begins, with those at 2 and 3 behind it, and the letter of the last."""
    texts = [t.text for t in tokens[:end]]
    for letter in dict.fromkeys(t.text for t in last if _at(last, t.text, "1") != [*last]):
        wanted: list[str] = []
        for number in "123":
            wanted += [between] if between and wanted else []
            wanted += [t.text for t in _at(last, letter, number)]
            if texts[-len(wanted) :] == wanted:
                return end - len(wanted), letter
    return None


def _turned(tokens: Sequence[Token]) -> int:
    """How many tokens of a transpose come first."""
    return next((len(s) for s in TURNED if [t.text for t in tokens[: len(s)]] == s), 0)


def _replaced(
    tokens: list[Token], start: int, end: int, last: Sequence[Token], letter: str, name: str
) -> list[Token]:
    """The tokens with a sum, a product or a list at a place; a list that lies is a column too."""
    index = next(i for i in "ijklpqrs" if i not in {t.text for t in tokens})
    span, before, after = tokens[start].span, tokens[:start], tokens[end:]
    words = ("{", name, "_", "{", index, "=", "1", "}", "^", "{", letter, "}", "(")
    kinds = {name: "command", index: "letter", letter: "letter", "1": "number"}
    opening = [Token(kinds.get(text, "sign"), text, span) for text in words]
    closing = [Token("sign", sign, last[-1].span) for sign in (")", "}")]
    if name == LIST and after[0].kind == "shut" and before:
        before[-1] = before[-1]._replace(kind="sign", text="(")
        after[0] = after[0]._replace(kind="sign", text=")")
    if name == LIST:
        after[1 : 1 + _turned(after[1:])] = []
    return [*before, *opening, *_at(last, letter, index), *closing, *after]
