r"""Functions of a formula, with what they cover where there are no brackets."""

import re
from collections.abc import Sequence
from functools import cached_property

from matderiv.arguments import pairs
from matderiv.errors import ParseError, Span
from matderiv.expr import REGISTRY
from matderiv.input.latex.atoms import is_call
from matderiv.input.latex.letters import BOLD, FONTS, UPRIGHT, Symbol, plain_first
from matderiv.input.latex.matrices import BRACKETS
from matderiv.input.latex.summation import Sums
from matderiv.input.latex.tokens import group_end
from matderiv.input.meaning.subscripts import FREE
from matderiv.input.terms import BETWEEN, WIDE
from matderiv.input.tree import FRACTION, RAISED
from matderiv.language.calls import known_function, reserved_names, slope_call
from matderiv.language.source import Call, Name, Node, Number, Operation, children
from matderiv.language.tokens import Token

AXES = {"rows": 2, "cols": 1, "row": 2, "col": 1}
LOGARITHMS = {"2": "log2", "10": "log10", "e": "log"}
SPECTRAL = pairs("""
    lambda_max lambda_max  sigma_max norm_spec  kappa cond
    lambda_min lambda_min  sigma_1 norm_spec    D_KL kl
""")
"""What a Greek letter before brackets means as a function."""

SPECTRA = ("lambda", "sigma", "rho", "kappa", "Gamma")
"""Letters of further functions, as in `\\lambda_2(A)`."""


class Functions(Sums):
    """The reader of functions."""

    def function(self, name: str, span: Span) -> Node:
        """A function with its scripts and arguments; `name` is the text language's."""
        if name in ("max", "min") and self.at("_") and self.binds():
            return self.reduction(name, self.tokens[self.place - 1])
        if name == "log" and self.at("_"):
            name = self.based()
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

    def based(self) -> str:
        r"""The logarithm to the base below it: `\log_2`, `\log_{10}`, `\log_e`."""
        start = self.place
        self.take()
        base = "".join(t.text for t in self.script())
        if base in LOGARITHMS:
            return LOGARITHMS[base]
        self.place = start
        return "log"

    def _called(
        self, name: str, arguments: list[Node], place: Span, span: Span, axis: int | None
    ) -> Node:
        if name == "log" and len(arguments) == 1 and is_call(arguments[0], "det"):
            return self.build.call("logdet", children(arguments[0]), place, span)
        return self.doubted(self.build.call(name, arguments, place, span, axis))

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
        joined = {"det": "logdet", "softmax": "log_softmax", "Gamma": "lgamma"}.get(word)
        if joined == "lgamma" and (self.build.is_known(word) or not self.at("(")):
            joined = None
        if joined is None or (joined == "log_softmax" and not self.at("(", "[", "_")):
            self.place = start
            return None
        return self.function(joined, (span[0], self.tokens[self.place - 1].span[1]))

    def spectral(self, symbol: Symbol) -> Node | None:
        r"""`\lambda_{\max}(A)`, `\kappa(A)`; ParseError for `\lambda_2(A)`, `\Gamma(x)`."""
        start = self.place
        below = self.script() if self.at("_") and self.take() else []
        label = "".join(t.text for t in below if t.text not in (*FONTS, "{", "}"))
        name = f"{symbol.stem}_{label}" if label else symbol.stem
        named = self.at("(") and not symbol.accents
        named = named and (name in SPECTRAL or symbol.stem in SPECTRA)
        free = self.known(symbol, label) is None and symbol.stem not in self.scope.about
        extreme = label in ("max", "min", "KL") or symbol.stem == "Gamma"
        capital = named and self._one_name_in_brackets() and self.peek().text[:1].isupper()
        if named and free and (extreme or capital):
            if name in SPECTRAL and (name != "sigma_1" or self.peek(2).text == ")"):
                return self.function(SPECTRAL[name], symbol.span)
            typed = self.typed((symbol.span[0], self.token.span[0]))
            raise self.error(
                f"the function {typed} is not read",
                symbol.span,
                rf"\lambda_{{\max}}(A) or \log\Gamma(x); {typed} \cdot (...) for a product",
            )
        if extreme and free and name in reserved_names() and not self.token.text[:1].isupper():
            return self.build.name(
                f"{name}_", (symbol.span[0], self.tokens[self.place - 1].span[1])
            )
        self.place = start
        return None

    def length(self, symbol: Symbol) -> Node | None:
        r"""`r^3` and `1/r` beside `\mathbf r`, or where that is asked about: its length."""
        if symbol.font or symbol.accents or symbol.stem not in self.bold:
            return None
        above = self.peek(2 if self.peek().text == "{" else 1)
        first, before = (self.tokens[self.place - k].text for k in (3, 2))
        below = before == "/" or ((first, before) == ("}", "{") and self.at("}"))
        if not below and (not self.at("^") or above.kind != "number"):
            return None
        self.remarks.append(f"{symbol.stem} is the length of the bold {symbol.stem}")
        return self.build.call("norm2", (self.name(symbol, "", symbol.span[1]),), symbol.span)

    @cached_property
    def bold(self) -> set[str]:
        """Small letters that are bold somewhere, without an index."""
        texts = [t.text for t in self.tokens if t.text not in ("{", "}")]
        threes = zip(texts, texts[1:], [*texts[2:], ""], strict=False)
        found = {b for a, b, after in threes if a in BOLD and after != "_"}
        found |= {n for n in self.scope.about if self.scope.kinds.get(n) == 1}
        return {letter for letter in found if len(letter) == 1 and letter.islower()}

    def of_numbers(self, function: str, symbol: Symbol) -> str:
        """The function; ParseError where the brackets hold capitals alone, as a factor would."""
        inside = self.tokens[self.place : group_end(self.tokens, self.place, "()")]
        letters = [t.text for t in inside if t.kind == "letter" and t.text != "T"]
        if letters and all(map(str.isupper, letters)):
            typed, hint = self.typed(symbol.span), rf"\operatorname{{{function}}}(...) or "
            said = f"{typed} can be a function or a matrix here"
            raise self.error(said, symbol.span, rf"{hint}{typed} \cdot (...)")
        return function

    # Before a formula ----------------------------------------------------------------------------

    def objective(self) -> None:
        r"""Take `\min_w`, `\arg\max_{w \in R^d}` before a formula that is derived by w."""
        start = self.place
        words = [self.take().text] if self.at_command("arg") else []
        name = self.symbol() if self.at_command(*UPRIGHT) else None
        words.append(name.stem if name is not None else self.take().text)
        asked = re.fullmatch("(arg)?(?:min|max)(imi[sz]e)?", words[-1])
        if asked and self.at("_"):
            self.take()
            below = [t.text for t in self.script() if t.text not in ("{", "}", *FONTS)]
            ends = [k for k, t in enumerate(below) if t in ("in", ",")]
            by = "".join(below[: min(ends, default=len(below))]).replace("_", "")
            if by in self._asked() or self._stands(by):
                return
        elif asked and (len(words) > 1 or any(asked.groups())):
            return
        self.place = start

    def _stands(self, name: str) -> bool:
        r"""True for a name that stands in the rest as itself: the w of `\min_w`, no index."""
        place = self.place
        while place < len(self.tokens):
            if self.tokens[place].text == name:
                return True
            if self.tokens[place].text == "_":
                place = max(group_end(self.tokens, place + 1), place + 2)
                continue
            place += 1
        return False

    def _asked(self) -> set[str]:
        """The names that the question is about, by their letters alone."""
        return {n.replace("_", "") for n in self.scope.about}

    def operator(self) -> bool:
        r"""True after `\nabla_x`, `D_x`, `\frac{\partial}{\partial x}` by what is asked anyway."""
        start = self.place
        inside: list[Token] = []
        if self.token.text in ("nabla", "D") and self.peek().text == "_":
            self.place += 2
            by = self.script()
        elif self.at_command("frac", "dfrac", "tfrac"):
            self.take()
            above = plain_first(self.script() if self.at("{") else [])
            below = plain_first(self.script() if self.at("{") else [])
            same = above[:1] and above[0].text in ("d", "partial")
            by = below[1:] if same and below[:1] and below[0].text == above[0].text else []
            inside = above[1:]
        else:
            return False
        derived = {t.text for t in inside or self.tokens[self.place :]}
        plain = [t.text for t in by if t.text not in ("{", "}", *FONTS)]
        named, letters = plain[: plain.index("_") if "_" in plain else None], "".join(plain)
        label = letters.partition("_")[2]
        any_entry = {*label} <= FREE - derived and "".join(named) in self._asked()
        letters = "".join(named) if any_entry else letters.replace("_", "")
        if inside and not {*named} <= derived:
            letters = ""  # the derivative of a name
        elif inside and letters in self._asked():
            opening, closing = (Token("sign", sign, inside[0].span) for sign in "()")
            self.tokens[start : self.place] = [opening, *inside, closing]
            self.place = start
            return True
        if letters in self._asked():
            return True
        self.place = start
        return False

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
                elif word in AXES or (word.isdigit() and name != "log"):
                    axis = AXES[word] if word in AXES else int(word)
                else:
                    raise self._unread_subscript(name, word, below)
            elif self.at("^"):
                hat = self.take()
                if self.at("{") and self.peek().text == "′":
                    primes += len(self.script())
                    continue
                power = self.argument()
                if isinstance(power, Operation) and power.function == "neg":
                    said = f"an inverse function, or a power of {name}?"
                    raise self.error(
                        said, (hat.span[0], power.span[1]), "the power after the brackets"
                    )
            elif self.at("'", "′"):
                self.take()
                primes += 1
            else:
                return axis, sizes, power, primes

    def _unread_subscript(self, name: str, word: str, below: Token) -> ParseError:
        hint = r"_{\mathrm{rows}} or _{\mathrm{cols}} for an axis"
        if name == "log":
            hint = rf"\frac{{\log x}}{{\log {word}}} for another base"
        span = (below.span[0], self.tokens[self.place - 1].span[1])
        return self.error(f"this subscript of {name} is not read", span, hint)

    def factorial(self, node: Node, sign: Span) -> Node:
        """n!, which is exp(lgamma(n + 1))."""
        span = (node.span[0], sign[1])
        following = self.build.operation("add", (node, self.build.number(1, span)), span)
        logarithm = self.build.call("lgamma", (following,), span, sign)
        return self.build.call("exp", (logarithm,), span, sign)

    def _powered(self, node: Node, power: Node | None) -> Node:
        if power is None:
            return node
        return self.build.operation(RAISED, (node, power), node.span)

    def _derived(self, name: str, arguments: list[Node], primes: int, place: Span) -> Node:
        r"""`\sigma'(z)` and the like."""
        slope = slope_call(name, primes, arguments[0], place) if len(arguments) == 1 else None
        if slope is not None:
            return slope
        raise self.error(f"the derivative of {name} by a prime is not read", place, "write it out")

    # Arguments -----------------------------------------------------------------------------------

    def _arguments(self, name: str, span: Span) -> list[Node]:
        if self.at("(", "[", "\\{"):
            return self._in_brackets(BETWEEN.get(name, ()))
        if self.at("{"):
            return [self.bracket()]
        if not self.starts_factor():
            typed = self.typed(span)
            if self.at("-", "+"):
                sign = self.token
                said = f"what {typed} covers is not clear before the sign"
                raise self.error(
                    said, (span[0], sign.span[1]), f"brackets: {typed}({sign.text}...)"
                )
            raise self.error(f"{typed} needs an argument", span, f"{typed}(x)")
        return [self._covered(name, span)]

    def _in_brackets(self, between: Sequence[str] = ()) -> list[Node]:
        opening = self.take()
        self.deeper()
        outer, self.open_bars = self.open_bars, [*between]
        found = [self.compared()]
        while self.at(",", ";", *between):
            self.take()
            found.append(self.compared())
        self.open_bars = outer
        self.depth -= 1
        self.close(BRACKETS[opening.text], opening)
        return found

    def _covered(self, name: str, span: Span) -> Node:
        r"""What stands below a function without brackets: a factor after numbers, or a product."""
        self.deeper()
        factors = [self.factor()]
        fraction = name == "log" and getattr(factors[0], "function", "") == FRACTION
        following = (self.token.text, self.peek().text)
        density = fraction and ("exp" in following[:1] or following == ("e", "^"))
        if density:
            factors.append(self.factor())
            self.remarks.append(f"{self.typed(span)} is of the whole product behind it")
        wide = name in WIDE or _lies(factors[0])
        while self.starts_factor() and (wide or isinstance(factors[-1], Number)):
            factors.append(self.factor())
        if self.starts_factor() and (
            density or known_function(self.token.text) not in reserved_names()
        ):
            typed = self.typed((span[0], self.token.span[1]))
            said = f"what {self.typed(span)} covers is not clear"
            raise self.error(said, (span[0], self.token.span[1]), f"brackets: {typed} ...")
        self.depth -= 1
        return self.build.chain("mul", factors)

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


def _lies(node: Node) -> bool:
    r"""True for `1^\top` and `b^\top`, rows that stand before another factor; not for `A^\top`."""
    inner = node.operands[0] if isinstance(node, Operation) and node.operands else None
    if inner is None or not isinstance(node, Operation) or node.function != "transpose":
        return False
    return isinstance(inner, Call) or (isinstance(inner, Name) and inner.name[0].islower())
