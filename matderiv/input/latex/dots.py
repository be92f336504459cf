r"""Dots between the first and the last: `x_1 + \dots + x_n`, `x_1 \cdots x_n`, `(x_1, \dots)`."""

from collections.abc import Sequence

from matderiv.input.latex.sides import opens
from matderiv.input.latex.tokens import DOTS
from matderiv.language.source import LIST
from matderiv.language.tokens import Token

BINDERS = {"+": "sum", ",": LIST, "\\\\": LIST, "": "prod"}
ENDS = frozenset(("+", "-", "=", ",", ";", "&", "\\\\"))
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
        place = _first(tokens, dots - bool(between), tokens[start:end], between)
        if place is None:
            return tokens
        tokens = _replaced(tokens, place[0], end, tokens[start:end], place[1], BINDERS[between])
    return tokens


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
    turned = next((s for s in TURNED if [t.text for t in after[1 : len(s) + 1]] == s), [])
    after[1 : len(turned) + 1] = [] if name == LIST else after[1 : len(turned) + 1]
    return [*before, *opening, *_at(last, letter, index), *closing, *after]
