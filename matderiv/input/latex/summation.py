r"""Sums, products and maxima over entries, as sums of arrays: `\sum_{i=1}^{n} x_i y_i`.

Inside, every name carries the indices of the sums around it. What stands below and above must say
"all entries": from 1 to the size of the axis, or from 0 to that size less 1.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from matderiv.errors import Span
from matderiv.input.latex.atoms import Atoms
from matderiv.input.latex.letters import FONTS
from matderiv.input.latex.tokens import group_end
from matderiv.input.tree import TOTAL, open_indices
from matderiv.language.source import LIST, Bind, Entry, Node
from matderiv.language.tokens import Token

RELATIONS = ("≠", "<", ">", "<=", ">=")
GIVEN = (":", "|", "mid")
ALL_ENTRIES = r"\sum_{i=1}^{n} with x: n, or \sum_{i} over all entries"


class Bound(NamedTuple):
    """The indices below a sum and what is said of them; `length` is "" where nothing says it."""

    letters: tuple[str, ...]
    length: str = ""
    relations: tuple[tuple[str, str, str], ...] = ()
    low: int = 1
    cut: int = 0
    family: str = ""
    condition: Node | None = None


class Sums(Atoms):
    r"""The reader of `\sum` and its kin."""

    def reduction(self, name: str, opening: Token) -> Node:
        r"""`\sum_{i} x_i y_i` with what it binds; without an index, of the array that follows."""
        bound = self._bound(opening)
        letters = bound.letters
        self.deeper()
        self.indices = [*self.indices, *letters]
        body = self._summed(letters)
        self.indices = self.indices[: len(self.indices) - len(letters)]
        self.depth -= 1
        span = (opening.span[0], body.span[1])
        if not letters:
            letters = open_indices(body, self.indices, self.scope.shapes)
            if letters:
                self.remarks.append(f"summed over {' and '.join(letters)}")
        if not letters:
            return self.build.operation(TOTAL, (self.build.call(name, (body,), span),), span)
        if bound.family:
            members = self.build.name(bound.family, (0, 0))  # 1 for what is in a set, else 0
            if bound.family not in self.scope.shapes:
                self.kinds[bound.family] = len(letters)
            body = self._of_members(name, Entry(span, members, letters), body)
        if bound.condition is not None:
            body = self._of_members(name, bound.condition, body)
        return Bind(span, name, letters, body, bound.length, bound.relations, bound.low, bound.cut)

    def _of_members(self, name: str, mask: Node, body: Node) -> Node:
        """What is summed is 0 outside of the set, what is multiplied 1."""
        span = mask.span
        if name not in ("sum", "prod"):
            said = f"the {name} over a set is not read"
            raise self.error(said, span, "all entries")
        members = self.build.chain("mul", [mask, body])
        if name == "sum":
            return members
        others = self.build.operation("neg", (mask,), span)
        return self.build.operation("add", (members, self.build.number(1, span), others), span)

    def _summed(self, letters: Sequence[str]) -> Node:
        """What stands under a sum: a product, and the terms after it that carry its own index."""
        self.begins = self.place + 1 if letters else 0
        terms = self.terms_under(letters)
        if len(terms) == 1:
            return terms[0]
        span = (terms[0].span[0], terms[-1].span[1])
        self.remarks.append(f"summed is {self.typed(span)}")
        return self.build.operation("add", terms, span)

    def binds(self) -> bool:
        """True at a subscript that is an index, as in max_i."""
        start = self.place
        self.take()
        inside = self.script()
        self.place = start
        return bool(inside) and all(t.kind == "letter" or t.text == "," for t in inside)

    # Bounds --------------------------------------------------------------------------------------

    def _bound(self, opening: Token) -> Bound:
        """What stands below and above a sum, as in `_{i=1}^{n}` or `_{i,j}`."""
        below: list[Token] = []
        above: list[Token] = []
        while self.at("_", "^"):
            found = below if self.take().text == "_" else above
            found += self.script()
        span = (opening.span[0], self.tokens[self.place - 1].span[1])
        below, condition = self._conditioned(below)
        equals = next((k for k, t in enumerate(below) if t.text == "="), len(below))
        first = "".join(t.text for t in below[equals + 1 :])
        below, family = self._family(below[:equals])
        below, relations = self._related(below)
        letters = self._index_letters(below, span)
        if not letters:
            if above:
                raise self.error("this sum has no index", span, ALL_ENTRIES)
            return Bound(())
        length, cut = upper_bound(above)
        if length in self.indices and cut < 2 and len(letters) == 1:
            relations += ((letters[0], "<" if cut else "<=", length),)
            length, cut, above = "", 0, []
        if len(letters) == 1 and first.removesuffix("+1") in self.indices:
            relations += ((first[0], "<" if first[1:] else "<=", letters[0]),)
            first = ""
        if first == "0":
            first, cut = "1", cut - 1
        taken = {str(size) for shape in self.scope.shapes.values() for size in shape}
        if first == "1" and cut == -1 and length.isalpha() and length not in taken:
            length, cut = f"{length}p1", 0  # 0, ..., n are n + 1
        low = int(first) if first.isdigit() else 0 if first else 1
        if low < 1 or cut < 0 or (above and not length):
            typed = self.typed(span)
            raise self.error(f"only sums over all entries are read, not {typed}", span, ALL_ENTRIES)
        return Bound(tuple(letters), length, relations, low, cut, family, condition)

    def _conditioned(self, below: list[Token]) -> tuple[list[Token], Node | None]:
        r"""`i : y_i z_i < 1` sums over the i of which that holds; `j : j \ne i` is `j \ne i`."""
        below = below[2:-1] if below and below[0].text == "substack" else below
        place = next((k for k, t in enumerate(below) if t.text in GIVEN or t.kind == "line"), 0)
        if not place:
            return below, None
        index, said = below[:place], below[place + 1 :]
        start = "".join(t.text for t in index).removesuffix("=1")
        if len(said) > 1 and said[0].text == start and said[1].text in RELATIONS:
            return said, None
        end = (below[-1].span[1], below[-1].span[1])
        state, bars = (self.tokens, self.place), self.open_bars
        self.tokens, self.place, self.open_bars = [*said, Token("end", "", end)], 0, []
        self.indices = [*self.indices, *(t.text for t in index)]
        found = self.condition()
        if self.token.kind != "end":
            raise self.missing()
        self.indices = self.indices[: len(self.indices) - len(index)]
        (self.tokens, self.place), self.open_bars = state, bars
        return index, found

    def _family(self, below: list[Token]) -> tuple[list[Token], str]:
        r"""`(i, j) \in \Omega` sums over a set; its name is that of an array of 0 and 1."""
        member = next((k for k, t in enumerate(below) if t.text == "in"), None)
        if member is None:
            return below, ""
        named = [t for t in below[member + 1 :] if t.text not in (*FONTS, "{", "}")]
        name = self.label(named) or ""
        if not name or not name[0].isupper() or any(t.text in "()_" for t in named):
            place = (below[0].span[0], below[-1].span[1])
            raise self.error("only plain indices are read below a sum", place, r"\sum_{i=1}^{n}")
        self.remarks.append(f"{name} is 1 for what is in the set, else 0")
        return [t for t in below[:member] if t.text not in ("(", ")")], name

    def _related(self, below: list[Token]) -> tuple[list[Token], tuple[tuple[str, str, str], ...]]:
        r"""`j \ne y` below a sum binds j; `i < j` binds both, and `i \ne j` with these letters."""
        between = [k for k, t in enumerate(below) if t.text in RELATIONS]
        if len(between) == 3:  # 1 <= i < j <= n
            below, between = below[between[0] + 1 : between[2]], [between[1] - between[0] - 1]
        if not between:
            return below, ()
        index, sign = below[: between[0]], below[between[0]].text
        other = self.label(below[between[0] + 1 :])
        if len(between) > 1 or other is None or len(index) != 1 or index[0].kind != "letter":
            place = (below[0].span[0], below[-1].span[1])
            raise self.error("only plain indices are read below a sum", place, r"\sum_{j \ne y}")
        both = sign != "≠" or (index[0].text, other) == ("i", "j")
        letters = [index[0]]
        free = {*self.indices, *(self.scope.free or ()), *self.scope.first}
        if both and len(other) == 1 and other not in free:
            letters.append(below[between[0] + 1])
            self.remarks.append(f"summed over {index[0].text} and {other}")
        return letters, ((index[0].text, sign, other),)

    def _index_letters(self, inside: Sequence[Token], span: Span) -> list[str]:
        found: list[str] = []
        for token in inside:
            if token.kind == "letter":
                found.append(token.text)
            elif token.text != ",":
                place = (inside[0].span[0], inside[-1].span[1])
                raise self.error(
                    "only plain indices are read below a sum", place, r"\sum_{i=1}^{n}"
                )
        if len(set(found)) < len(found) or set(found) & set(self.indices):
            raise self.error("an index is bound twice", span)
        return found


def upper_bound(above: Sequence[Token]) -> tuple[str, int]:
    """The size above a sum and what is taken from it: n and 1 of `n-1`; "" for all else."""
    plain = [t for t in above if t.text not in (*FONTS, "{", "}")]
    if len(plain) > 2 and plain[-2].text == "-" and plain[-1].text.isdigit():
        return upper_bound(plain[:-2])[0], int(plain[-1].text)
    if len(plain) == 1 and plain[0].kind == "number" and plain[0].text.isdigit():
        return (str(int(plain[0].text)) if int(plain[0].text) else ""), 0
    if not plain or plain[0].kind != "letter":
        return "", 0
    if len(plain) == 1:
        return plain[0].text, 0
    below = plain[2:]
    if plain[1].text != "_" or any(t.kind not in ("letter", "number") for t in below):
        return "", 0
    return f"{plain[0].text}_{''.join(t.text for t in below)}", 0


def sums_in(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    r"""The index and the name of the size of every `\sum_{i=1}^{n}`, as far as they are plain."""
    for k, opening in enumerate(tokens):
        if opening.kind != "command" or opening.text not in ("sum", "prod", LIST):
            continue
        scripts = {"_": list[Token](), "^": list[Token]()}
        place = k + 1
        while place < len(tokens) and tokens[place].text in scripts:
            end = max(group_end(tokens, place + 1), place + 2)
            scripts[tokens[place].text] += tokens[place + 1 : end]
            place = end
        for before, token in pairwise([opening, *scripts["_"]]):
            if token.text in ("=", "in", *GIVEN) or token.kind == "line":
                break
            if token.kind == "letter" and before.text != "_":
                yield token.text, upper_bound(scripts["^"])[0]
