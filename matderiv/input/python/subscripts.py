"""What stands in square brackets in Python: entries, slices, new axes, labels."""

from collections.abc import Callable, Sequence
from itertools import takewhile

from matderiv.errors import Span
from matderiv.input.python.blocks import entry
from matderiv.input.python.cursor import PythonCursor
from matderiv.input.python.layers import of_labels, picked
from matderiv.input.python.operands import Array, Items, Value, Word
from matderiv.language.calls import END
from matderiv.language.source import PLACE, Name

LABELS = frozenset(("label", "target", "cls", "row", "col", "idx0"))
"""Longer names of one place; `idx` may be a list of places."""


class Subscripts(PythonCursor):
    """The reader of square brackets, for a grammar that says what an array and a formula are."""

    array: Callable[[Value], Array]
    comparison: Callable[[], Value]

    def subscript(self, value: Value) -> Value:
        """`x[:, None]`, `x[None, :]`, `X.shape[0]`, `slogdet(A)[1]`, and entries such as `x[0]`."""
        opening = self.take()
        self.deeper()
        items: list[Value] = []
        while not self.at("]"):
            if self.token.kind == "end":
                raise self.error("this [ is never closed", opening.span, "add ]")
            items.append(self.slice())
            if self.at(","):
                self.take()
        self.depth -= 1
        end = self.take().span[1]
        span = (value.span[0], end)
        if isinstance(value, Items) and len(items) == 1 and isinstance(items[0], Array):
            place = self._whole(items[0])
            if place is not None and -len(value.values) <= place < len(value.values):
                return value.values[place]
        words = tuple(i.text if isinstance(i, Word) else "" for i in items)
        axes = len(words) - words.count("None") - words.count("...")
        a = self.library.axes_at_least(self.array(value), max(1, axes))
        if len(words) <= a.rank and set(words) <= {":", "..."}:
            return self.library.renamed(a, span)
        if a.rank == 1 and words in ((":", "None"), ("...", "None")):
            return self.library.as_column(a, span)
        if a.rank == 1 and words in (("None", ":"), ("None",), ("None", "...")):
            return self.library.as_row(a, span)
        if a.rank > 1 and {"None"} <= set(words) <= {":", "None"} and words.count(":") <= a.rank:
            return self.library.with_axes(a, [w == "None" for w in words], span)
        return self._entries(a, items, (opening.span[0], end), span)

    def _entries(self, a: Array, items: Sequence[Value], within: Span, span: Span) -> Array:
        """Entries at places, rows by labels, or an entry of each row."""
        entries = picked(self.library, a, items, span)
        if entries is not None:
            return entries
        places = [*takewhile(bool, map(self._place, items))]  # y of X[np.arange(n), y] is none
        if len(places) == len(items):
            self.library.unlike_text += [span] * bool({*places} - {":"})
            return entry(self.library, a, places, span)
        masked = any(isinstance(i, Array) and i.mask for i in items)
        if len(items) == 1 and isinstance(items[0], Array) and items[0].rank == 1 and not masked:
            return of_labels(self.library, a, items[0], span)
        raise self.error(
            "entries are read at whole numbers from 0, at labels, and in slices",
            within,
            "x*(x > 0)" if masked else "x[:, None]" if a.rank == 1 else "X[0, :], X[0, 1]",
        )

    def _place(self, item: Value) -> str:
        """A place counted from 1, or a slice, as the text language has them; "" for all else."""
        if isinstance(item, Word):
            return item.text if PLACE.fullmatch(item.text) and item.text != "None" else ""
        return self._end(item, 1)

    def _end(self, item: Value, shift: int) -> str:
        """A place, of which the text language counts so much more: a number or a label."""
        if not isinstance(item, Array):
            return ""
        whole = self._whole(item)
        if whole is not None and whole < 0:
            back = -whole - shift
            return f"{END}-{back}" if back else END
        if whole is not None:
            return str(whole + shift)
        name = item.node.name if isinstance(item.node, Name) else ""
        if not name or name in self.scope.shapes or not self._only_a_place(name):
            return ""
        self.library.kinds[name] = 0
        if item.rank:
            return ""  # read again as a number
        return f"{name}+{shift}" if shift else name

    def _only_a_place(self, name: str) -> bool:
        """True for a letter that stands in square brackets or beside a colon only."""
        if len(name) > 1 and name not in LABELS:
            return False
        found = [k for k, t in enumerate(self.tokens) if t.kind == "name" and t.text == name]
        before, after = ("[", ",", ":"), ("]", ",", ":")
        beside = ((self.tokens[k - 1].text, self.tokens[k + 1].text) for k in found)
        return all(a in before and b in after for a, b in beside)

    def _whole(self, a: Array) -> int | None:
        typed = self.typed(a.span)
        return int(typed) if typed.lstrip("-").isdigit() else None

    def slice(self) -> Value:
        """What stands between commas in square brackets."""
        start = self.token.span
        if self.at("."):
            while self.at("."):
                self.take()
            return Word("...", start)
        low = None if self.at(":") else self.comparison()
        if low is not None and not self.at(":"):
            return low
        self.take()
        high = None if self.at("]", ",", ":") else self.comparison()
        if self.at(":"):
            raise self.error("slices are read without steps", self.token.span, "x[1:n]")
        ends = ["" if v is None else self._end(v, s) for v, s in ((low, 1), (high, 0))]
        if any(v is not None and not end for v, end in zip((low, high), ends, strict=True)):
            raise self.error("slices end at whole numbers or names", start, "x[1:], x[:-1]")
        return Word(":".join(ends), start)
