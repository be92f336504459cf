r"""Functions, sums and maxima of a formula, with what they cover where there are no brackets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from matderiv.errors import ParseError, Span
from matderiv.expr import REGISTRY
from matderiv.input.calls import function_names
from matderiv.input.latex_atoms import BRACKETS, Atoms, is_call
from matderiv.input.latex_symbols import FONTS
from matderiv.input.source import Name, Node, Number, Operation, children
from matderiv.input.tokens import Token

AXES = {"rows": 2, "cols": 1, "row": 2, "col": 1}
WIDE = ("tr",)
"""Functions that cover a whole product without brackets: tr AXB."""


class Functions(Atoms):
    """The reader of functions and of sums over entries."""

    @abstractmethod
    def product(self) -> Node:
        """A term of a sum."""

    def function(self, name: str, span: Span) -> Node:
        """A function with its scripts and arguments; `name` is the text language's."""
        if name in ("max", "min") and self.at("_") and self._binds():
            return self.reduction(name, self.tokens[self.place - 1])
        axis, sizes, power, primes = self._scripts(name)
        compound = self._compound(name, span)
        if compound is not None and not primes:
            return self._powered(compound, power)
        arguments = self._arguments(name, span)
        end = self.tokens[self.place - 1].span[1]
        place = (span[0], max(end, span[1]))
        if primes:
            node = self._derived(name, arguments, primes, place)
        elif sizes is not None:
            node = self._with_sizes(name, arguments, sizes, place, span)
        else:
            node = self._called(name, arguments, place, span, axis)
        return self._powered(node, power)

    def _called(
        self, name: str, arguments: list[Node], place: Span, span: Span, axis: int | None
    ) -> Node:
        if name == "log" and len(arguments) == 1 and is_call(arguments[0], "det"):
            return self.build.call("logdet", children(arguments[0]), place, span)
        return self.build.call(name, arguments, place, span, axis)

    def _compound(self, name: str, span: Span) -> Node | None:
        r"""`\log\det X` and `\log\operatorname{softmax}(z)`, which are functions of their own."""
        if name != "log" or self.at(*BRACKETS):
            return None
        start = self.place
        word = self.token.text if self.token.kind == "command" else ""
        if word in FONTS:
            symbol = self.symbol()
            word = symbol.stem if symbol is not None else ""
        elif word:
            self.take()
        joined = {"det": "logdet", "softmax": "log_softmax"}.get(word)
        if joined is None or (joined == "log_softmax" and not self.at("(", "[", "_")):
            self.place = start
            return None
        return self.function(joined, (span[0], self.tokens[self.place - 1].span[1]))

    # Scripts -------------------------------------------------------------------------------------

    def _scripts(self, name: str) -> tuple[int | None, list[Token] | None, Node | None, int]:
        """What stands below, above and behind the name: axis, sizes, power, primes."""
        axis, sizes, power, primes = None, None, None, 0
        while True:
            if self.at("_"):
                below = self.take()
                inside = self.script()
                word = "".join(t.text for t in inside if t.text not in (*FONTS, "{", "}"))
                if REGISTRY.get(name) is not None and REGISTRY[name].call in (
                    "like",
                    "axes",
                    "pattern",
                ):
                    sizes = inside
                elif word in AXES or word.isdigit():
                    axis = AXES[word] if word in AXES else int(word)
                else:
                    raise self.error(
                        f"this subscript of {name} is not read",
                        (below.span[0], self.tokens[self.place - 1].span[1]),
                        r"_{\mathrm{rows}} or _{\mathrm{cols}} for an axis",
                    )
            elif self.at("^"):
                hat = self.take()
                if self.at("{") and self.peek().text == "′":
                    primes += len(self.script())
                    continue
                power = self.argument()
                if isinstance(power, Operation) and power.function == "neg":
                    raise self.error(
                        f"an inverse function, or a power of {name}?",
                        (hat.span[0], power.span[1]),
                        "the power after the brackets",
                    )
            elif self.at("'", "′"):
                self.take()
                primes += 1
            else:
                return axis, sizes, power, primes

    def _powered(self, node: Node, power: Node | None) -> Node:
        if power is None:
            return node
        arrays = bool(self.indices) or (self.build.axes(node) or 0) > 0
        return self.build.operation("epow" if arrays else "power", (node, power), node.span)

    def _derived(self, name: str, arguments: list[Node], primes: int, place: Span) -> Node:
        r"""`\sigma'(z)` and the like, written out."""
        z = self.build.call(name, arguments, place)
        one = self.build.number(1, place)
        if primes == 1 and name == "sigmoid":
            rest = self.build.operation(
                "add", (one, self.build.operation("neg", (z,), place)), place
            )
            return self.build.operation("hadamard", (z, rest), place)
        if primes == 1 and name == "tanh":
            two = self.build.number(2, place)
            square = self.build.operation("epow", (z, two), place)
            return self.build.operation(
                "add", (one, self.build.operation("neg", (square,), place)), place
            )
        if primes == 1 and name == "relu":
            return self.build.call("step", arguments, place)
        raise self.error(f"the derivative of {name} by a prime is not read", place, "write it out")

    # Arguments -----------------------------------------------------------------------------------

    def _arguments(self, name: str, span: Span) -> list[Node]:
        if self.at("(", "[", "\\{"):
            return self._in_brackets()
        if self.at("{"):
            return [self.bracket()]
        if not self.starts_factor():
            typed = self.typed(span)
            raise self.error(f"{typed} needs an argument", span, f"{typed}(x)")
        return [self._covered(name, span)]

    def _in_brackets(self) -> list[Node]:
        opening = self.take()
        self.deeper()
        outer, self.open_bars = self.open_bars, []
        found = [self.comparison()]
        while self.at(",", ";"):
            self.take()
            found.append(self.comparison())
        self.open_bars = outer
        self.depth -= 1
        self.close(BRACKETS[opening.text], opening)
        return found

    def _covered(self, name: str, span: Span) -> Node:
        r"""What a function without brackets covers: one factor after numbers; tr a product."""
        self.deeper()
        factors = [self.factor()]
        wide = name in WIDE
        while self.starts_factor() and (wide or isinstance(factors[-1], Number)):
            factors.append(self.factor())
        if self.starts_factor() and not self._at_function():
            typed = self.typed((span[0], self.token.span[1]))
            raise self.error(
                f"what {self.typed(span)} covers is not clear",
                (span[0], self.token.span[1]),
                f"brackets: {typed} ...",
            )
        self.depth -= 1
        return self.build.chain("mul", factors)

    def _at_function(self) -> bool:
        if self.token.kind != "command":
            return False
        return self._function_name(self.token.text) in function_names()

    def _with_sizes(
        self, name: str, arguments: list[Node], below: list[Token], place: Span, span: Span
    ) -> Node:
        """einsum, permute and unvec carry a pattern, axes or sizes as a subscript."""
        if REGISTRY[name].call == "pattern":
            pattern = "".join("->" if t.text == "to" else t.text for t in below)
            spec = self.build.string(pattern.replace("{", "").replace("}", ""), span)
            return self.build.call(name, (spec, *arguments), place, span)
        inner = type(self)(self.text, [*below, Token("end", "", place)], self.scope)
        sizes = []
        while True:
            size = inner._size(100)
            if size is None or not (inner.at("×", ",") or inner.token.kind == "end"):
                raise self.error("expected sizes or axes", span, f"{name}_{{m \\times n}}(x)")
            sizes.append(self._adopted(size))
            if inner.token.kind == "end":
                return self.build.call(name, (*arguments, *sizes), place, span)
            inner.take()

    def _adopted(self, size: Node) -> Node:
        """A size from a subscript as a node of this formula."""
        if isinstance(size, Number):
            return self.build.number(size.value, size.span)
        if isinstance(size, Operation):
            return self.build.chain("mul", [self._adopted(o) for o in size.operands])
        assert isinstance(size, Name)
        return self.build.name(size.name, size.span)

    # Sums over entries ---------------------------------------------------------------------------

    def reduction(self, name: str, opening: Token) -> Node:
        r"""`\sum_{i} x_i y_i` as a sum of an array; without an index, of the array that follows.

        Inside, every name carries the indices of the sums around it. Anything else is refused: the
        sum of an index expression has no array to be the sum of.
        """
        letters, length = self._binders(opening)
        self.deeper()
        self.indices = [*self.indices, *letters]
        if len(self.indices) > 2:
            raise self.error("more than two sums in each other are not read", opening.span)
        body = self._summed()
        self.indices = self.indices[: len(self.indices) - len(letters)]
        self.depth -= 1
        span = (opening.span[0], body.span[1])
        if not letters:
            return body if self.build.is_scalar(body) else self.build.call(name, (body,), span)
        shape = self.build.shape(body)
        long = self.build.axes(body) or 0
        outer = len(self.indices)
        if shape is not None and (
            long < len(letters) or (outer and shape[-1] == 1 != len(shape) - 1)
        ):
            index = letters[-1]
            raise self.error(
                f"nothing under the sum carries the index {index}",
                span,
                f"x_{index} for entries of x",
            )
        if length and len(letters) == 1:
            self.lengths.append((body, length))
        axis = 2 if outer and long == 2 else None
        return self.build.call(name, (body,), span, opening.span, axis)

    def _summed(self) -> Node:
        """What stands under a sum: a product, and the terms after it that carry its index."""
        terms = [self.product()]
        while self.indices and self.at("+", "-"):
            state = (self.place, self.depth, self.open_bars, self.indices)
            before, sign = self.entries, self.take()
            try:
                term = self.product()
            except ParseError:
                self.entries = before  # it is no term of this sum
            if self.entries == before:
                self.place, self.depth, self.open_bars, self.indices = state
                break
            if sign.text == "-":
                term = self.build.operation("neg", (term,), (sign.span[0], term.span[1]))
            terms.append(term)
        if len(terms) == 1:
            return terms[0]
        span = (terms[0].span[0], terms[-1].span[1])
        self.remarks.append(f"summed is {self.typed(span)}")
        return self.build.operation("add", terms, span)

    def _binds(self) -> bool:
        """True at a subscript that is an index, as in max_i."""
        start = self.place
        self.take()
        inside = self.script()
        self.place = start
        return bool(inside) and all(t.kind == "letter" or t.text == "," for t in inside)

    def _binders(self, opening: Token) -> tuple[list[str], str]:
        """The indices below a sum, as in `_{i=1}^{n}` or `_{i,j}`, and the size n above."""
        letters: list[str] = []
        length = ""
        while self.at("_", "^"):
            below = self.take().text == "_"
            inside = self.script()
            if below:
                letters = self._index_letters(inside, opening)
            elif len(inside) == 1 and inside[0].kind == "letter":
                length = inside[0].text
        return letters, length

    def _index_letters(self, inside: Sequence[Token], opening: Token) -> list[str]:
        found: list[str] = []
        bound = True
        for token in inside:
            if token.text == "=":
                bound = False
            elif token.text == ",":
                bound = True
            elif bound and token.kind == "letter":
                found.append(token.text)
            elif bound:
                span = (inside[0].span[0], inside[-1].span[1])
                raise self.error("only plain indices are read below a sum", span, r"\sum_{i=1}^{n}")
        if len(set(found)) < len(found) or set(found) & set(self.indices):
            raise self.error("an index is bound twice", opening.span)
        return found
