r"""Names of a formula with their meaning: variables, entries, functions, ones and identities."""

from collections.abc import Callable
from fractions import Fraction
from itertools import count, pairwise

from matderiv.errors import Span
from matderiv.functions.abstract import ENTRIES, NUMBERS
from matderiv.input.latex.letters import BOLD, UPRIGHT, Symbol, Symbols
from matderiv.input.latex.tokens import group_end
from matderiv.input.means import MOMENTS
from matderiv.input.tree import EXPONENTIAL
from matderiv.language.calls import NOBODYS, abstract_call, known_function, reserved_names
from matderiv.language.source import PLACE, Entry, Name, Node, Operation
from matderiv.language.tokens import GREEK_NAMES, Token

PROSE = frozenset(("text", "textrm", "textnormal", "textit", "mbox"))
NORMAL = r"\Phi is the normal distribution function; for a matrix: \Phi \cdot (...)"
APPLIED = frozenset(("f", "g", "h", "phi", "psi"))  # letters that are functions before brackets


class Names(Symbols):
    """The reader of names, and of the constants that look like names.

    What is read around them stands in the classes above, here and below.
    """

    bracket: Callable[[], Node]
    argument: Callable[[], Node]
    function: Callable[[str, Span], Node]
    of_numbers: Callable[[str, Symbol], str]
    spectral: Callable[[Symbol], Node | None]
    length: Callable[[Symbol], Node | None]
    mask: Callable[[Node], Node]
    mask_below: Callable[[], Node | None]

    # Letters and names ---------------------------------------------------------------------------

    def letter(self) -> Node:
        """A name of one letter, or one of several that is known, or a function in plain letters."""
        run, start = self.letters(), self.token.span[0]
        name = known_function(run) if len(run) > 1 else None
        applied = self.peek(len(run)).text in ("(", "[") or (name == run and len(run) > 2)
        if name and applied and run not in self.spellings:
            self.place += len(run)
            return self.function(name, (start, start + len(run)))
        for length in range(len(run), 1, -1):
            found = run[:length]
            if found in self.scope.shapes and not set(found) <= set(self.scope.shapes):
                self.place += length
                return self.named(Symbol(found, (start, start + length)))
        return self.symbolic()

    def symbolic(self) -> Node:
        """A symbol with its meaning: a name, a function, an identity, the number e or a change."""
        symbol = self.symbol()
        assert symbol is not None
        known = self.known(symbol) or self._known_below(symbol)
        if symbol.stem == "d" and not symbol.accents:
            change: Node | None = self.tried(lambda: self.change(symbol))
            if change is not None:
                return change
        if known is None and symbol.stem == "e" and self.at("^") and not self._is_turned():
            return self.exponential(symbol)
        if symbol.stem == "sigma" and known is None and self.at("^"):
            self._check_power(symbol)
        if symbol.stem == "sigma" and not self.at("_") and self._applies_sigma(symbol, known):
            self.sigma = self.sigma or symbol
            return self.function("sigmoid", symbol.span)
        if known is None and symbol.stem == "I" and not symbol.accents:
            return self.identity(symbol)
        if symbol.stem == "psi" and self.at("(") and self._is_digamma(known):
            return self.function("digamma", symbol.span)
        if known is None and symbol.stem == "Phi" and self.at("(") and self._only_applied("Phi"):
            self.remarks.append(NORMAL)
            return self.function(self.of_numbers("normcdf", symbol), symbol.span)
        if known is None and symbol.stem == "e" and not self.scope.guess and self.at("_"):
            return self.unit(symbol)
        if known is None and symbol.stem == "K" and symbol.font == "mathbf" and self.at("_"):
            return self.sized(symbol, "commutation", 2)
        if known is None and (moment := self._moment(symbol)) is not None:
            return moment
        word = len(symbol.stem) > 1 and symbol.stem not in GREEK_NAMES
        if known is None and word and symbol.font in (*UPRIGHT, "mathbf"):
            if self.at("(") or self._is_function(symbol.stem):
                return self.function(self._function_name(symbol.stem), symbol.span)
        if known is None and symbol.font in PROSE and len(symbol.stem) > 1:
            raise self.error("words between formulas are not read", symbol.span)
        if known is None and symbol.stem == "pi" and symbol.font in BOLD:
            return self.named(symbol._replace(stem="pi_"))
        if known is None and symbol.stem == "pi" and not self.at("_"):
            return self.build.name("pi", symbol.span)
        return self.named(symbol)

    def _moment(self, symbol: Symbol) -> Node | None:
        r"""A normal density or a mean; an error for `\mathrm{Var}(x)` and `\mathbb{R}`."""
        if symbol.stem == "N" and self.at_density():
            return self.function("mvnpdf", symbol.span)
        if symbol.stem in MOMENTS and self.averages:
            return self.moment(symbol.stem, symbol.span[0], self.random_below())
        bracket = self.at("[", "\\{") or (symbol.font in UPRIGHT and self.at("("))
        if symbol.font in ("mathbb", "mathds") or (bracket and symbol.stem in MOMENTS):
            raise self.error("expectations and number sets are not read", symbol.span)
        return None

    def _known_below(self, symbol: Symbol) -> str | None:
        r"""The known name of a symbol with the subscript that follows, as in `\mathbf{sin}_2`."""
        start = self.place
        label = self._label() if self.at("_") else ""
        self.place = start
        return self.known(symbol, label) if label else None

    def _is_digamma(self, known: str | None) -> bool:
        r"""True for `\psi(x)` in an answer, if the question has no function of this name."""
        return known is None and not self.scope.guess and "psi" not in self.scope.facts

    def _is_turned(self) -> bool:
        """True where `^T` or `^\\top` stands alone: a vector e that lies, and no exponential."""
        above = [self.peek(k).text for k in range(1, 4)]
        sign = above[1] if above[0] == "{" and above[2] == "}" else above[0]
        return sign == "⊤" or (sign == "T" and "T" not in {*self.scope.shapes, *self.scope.about})

    sigma: Symbol | None = None  # the first that was read as a function

    def _applies_sigma(self, sigma: Symbol, known: str | None) -> bool:
        """True where σ is the sigmoid function; ParseError where it is a variable as well."""
        primes = next(k for k in count() if self.peek(k).text not in ("'", "′"))
        applied = self.peek(primes).text in ("(", "[", "\\{")
        if "sigma" in self.formulas:
            return False  # the text defines it
        if known is None and self.sigma is None:
            return applied or primes > 0
        if known is None and applied:
            return True
        if self.sigma is None and (not applied or sigma.font in BOLD):
            return False
        typed = self.typed(sigma.span)
        raise self.error(
            f"{typed} can be the sigmoid function or the variable sigma here",
            sigma.span,
            rf"\operatorname{{sigmoid}}(...) for the function, {typed} \cdot (...) for a product",
        )

    def _check_power(self, sigma: Symbol) -> None:
        r"""ParseError for `\sigma^2(w^Tx)`, which can be the square of the function."""
        start = self.place
        self.take()
        self.script()
        end = group_end(self.tokens, self.place, "()")
        inside, after = [t.text for t in self.tokens[self.place : end]], self.tokens[end].text
        self.place, span = start, (sigma.span[0], self.tokens[end - 1].span[1])
        once = [t.text for t in self.tokens].count("sigma") == 1
        number = bool({"T", "⊤", "·"} & {*inside}) or len(inside) == 3
        if inside and once and number and after != "^" and {*inside} & {*self.scope.about}:
            hint = r"\operatorname{sigmoid}(...)^2, or \sigma^2 \cdot (...)"
            raise self.error("a power of the sigmoid function, or a product?", span, hint)

    def _is_function(self, word: str) -> bool:
        """True for an upright word that is a function; in capitals and alone, MSE, it is a name."""
        name = known_function(word)
        return name in reserved_names() and (name == word or self.token.kind != "end")

    @staticmethod
    def _function_name(word: str) -> str:
        """The name in the text language: `ReLU` is relu."""
        return known_function(word) or word.lower()

    def change(self, d: Symbol) -> Node | None:
        r"""`\mathrm{d}X` or a known `dX`: the change of X."""
        following = self.symbol()
        if following is None:
            return None
        upright = d.font in UPRIGHT
        changed = Symbol(
            "d" + following.stem, (d.span[0], following.span[1]), "", following.accents
        )
        label = self._label()
        if not upright and self.known(changed, label) is None:
            return None
        return self.name(changed, label, self.tokens[self.place - 1].span[1])

    def named(self, symbol: Symbol) -> Node:
        """A variable with its subscripts, which may be indices of an entry."""
        found = self.spectral(symbol) or self.numbered_entry(symbol) or self.length(symbol)
        if found is not None:
            return found
        label = self._label() or self.tried(lambda: self.data_point(symbol)) or ""
        end = self.tokens[self.place - 1].span[1]
        node = self.name(symbol, label, max(end, symbol.span[1]))
        if not isinstance(node, Name):
            return node
        if node.name in self.formulas and self.at("("):
            return self.function(node.name, node.span)
        abstract = self.tried(lambda: self.abstract(node, symbol))
        if abstract is not None:
            return abstract
        if self.at("(") and self._like_a_function(node):
            typed = self.typed(node.span)
            raise self.error(
                f"unknown function {typed}", node.span, rf"{typed} \cdot (...) for a product"
            )
        return node

    def abstract(self, node: Name, symbol: Symbol, order: int = 0) -> Node | None:
        r"""`f(Ax)`, `\phi'(z)`, of a function that nobody defines; None for all else."""
        while self.at("'", "′") and self.peek().text in ("'", "′", "("):
            self.take()
            order += 1
        usual, known = node.name in NUMBERS | ENTRIES, {*self.scope.shapes, *self.build.parts}
        if node.name in known or not self.at("("):
            return None
        answered = not self.scope.guess and node.name not in self.scope.sizes
        if not answered and not self._like_a_function(node, any_argument=usual):
            return None
        if order and not answered and self._stands_alone(node.name):
            return None  # h' of h'(A + B)h is transposed
        inner = self.bracket()
        call = abstract_call(node.name, order, inner, (symbol.span[0], inner.span[1]))
        if call and answered and not usual and node.name not in self.scope.facts:
            raise self.error(f"nothing says what the function {node.name} is", call.span)
        self.remarks += [NOBODYS.format(node.name)] if call else []
        return call

    def gradient(self) -> Node | None:
        r"""`\nabla f(x)`, `\nabla^2 f(x)`."""
        start = self.take()
        order = 1
        if self.at("^"):
            self.take()
            order = 2 if [t.text for t in self.script()] == ["2"] else 9
        symbol = self.symbol()
        if symbol is None:
            return None
        named = symbol._replace(span=start.span)
        return self.abstract(Name(start.span, symbol.stem), named, order)

    def _like_a_function(self, node: Name, any_argument: bool = False) -> bool:
        if not self.scope.guess or node.name in self.scope.shapes:
            return False
        letter, _, label = node.name.partition("_")
        if letter in APPLIED or (label and letter in ("sigma", *"EJL")):
            return not label or self._one_name_in_brackets()
        after = self.tokens[group_end(self.tokens, self.place, "()")].text
        behind = (0, 2, 4) if label in GREEK_NAMES else (0,)  # \sum_i \rho_\tau(y_i - m)
        begins = self.place - self.begins in behind and after != "^"
        word = len(letter) > 1 and letter != "ell" and not begins
        product = (label and not begins) or node.name in self.scope.about or word
        if product or self._stands_alone(node.name):
            return False
        return any_argument or begins or letter == "O" or self._one_name_in_brackets()

    def _stands_alone(self, name: str) -> bool:
        """True for a name that somewhere has no brackets behind it."""
        plain = [t.text for t in self.tokens if t.text not in ("}", "'", "′")]  # \mathcal{L}(w)
        return any(after != "(" for t, after in pairwise(plain) if t == name)

    def _only_applied(self, word: str) -> bool:
        """True where a command stands before brackets only, and nothing asks about it."""
        return word not in self.scope.about and all(
            after.text == "("
            for t, after in pairwise(self.tokens)
            if t.kind == "command" and t.text == word
        )

    def _one_name_in_brackets(self) -> bool:
        """True at `(x)`, `(x_i)` and `(x, y)`; `(x - y)` may belong to a product."""
        place = self.place + 1
        while self.tokens[place].kind in ("letter", "command"):
            place += 1
            if self.tokens[place].text == "_":
                place = max(group_end(self.tokens, place + 1), place + 2)
            if self.tokens[place].text == ",":
                place += 1
        return self.tokens[place].text == ")" and place > self.place + 1

    # Constants -----------------------------------------------------------------------------------

    def identity(self, symbol: Symbol) -> Node:
        r"""`I`, `\mathbf{I}_n`, or the indicator `\mathbb{I}(z > 0)`."""
        if self.at("(", "[", "\\{"):
            return self.mask(self.build.identity(symbol.span))
        return self.sized(symbol, "eye") if self.at("_") else self.build.identity(symbol.span)

    def sized(self, symbol: Symbol, name: str, count: int = 1) -> Node:
        r"""`\mathbf{I}_n`, `\mathbf{K}_{m,n}`; with anything but so many sizes below, a name."""
        start = self.place
        sizes = self.tried(self.sizes)
        if name == "eye" and sizes and len({self.typed(s.span) for s in sizes}) == 1:
            sizes = sizes[:1]  # I_{n \times n}
        if sizes is None or len(sizes) != count or not self.is_place(name, sizes[0], symbol):
            self.place = start
            return self.named(symbol)
        span = (symbol.span[0], self.tokens[self.place - 1].span[1])
        return self.build.call(name, sizes, span)

    def is_place(self, name: str, size: Node, of: Symbol) -> bool:
        r"""True for what may stand below `\mathbf{e}`: a number, a size or a label."""
        first = size.operands[0] if isinstance(size, Operation) else size
        added = self.text[: of.span[0]].rstrip()[-1:] in ("+", "-")  # an entry of the identity
        indexed = of.font not in BOLD and {*self.indices} & {*self.typed(size.span)}
        factor = indexed and not added and self.at("(", "[", "\\{", "‖", "<‖")
        if getattr(first, "value", 1) == 0 or factor:
            return False  # a current I_0, indicators I_ij(...)
        known = {*self.scope.sizes, *self.scope.labels}
        return name != "unit" or not isinstance(first, Name) or first.name in known

    def unit(self, symbol: Symbol) -> Node:
        r"""`\mathbf{e}_1`, `\mathbf{e}_y` with a label y; with anything else below, a name."""
        if self._known_below(symbol) is not None:
            return self.named(symbol)
        if self.peek().text not in self.indices:
            return self.sized(symbol, "unit")
        self.take()
        span = (symbol.span[0], self.token.span[1])
        return Entry(span, self.build.identity(span), (":", self.take().text))

    def numbered_entry(self, symbol: Symbol) -> Node | None:
        r"""`W_{2,ij}` of a known W_2, `x_{i+1}` under a sum over i, `x_{1:k}`, `X_{:,j}`."""
        start = self.place
        below = [t for t in self.script()] if self.at("_") and self.take() else []
        span = (symbol.span[0], self.tokens[self.place - 1].span[1])
        texts = [t.text for t in below]
        places = tuple("".join(texts).split(","))
        part = (":" in p or (p[:1] in self.bound and p[1:2] in ("+", "-")) for p in places)
        if any(part) and all(map(PLACE.fullmatch, places)):
            return Entry(span, self.name(symbol, "", symbol.span[1]), places)
        comma = texts.index(",") if "," in texts else 0
        known = self.known(symbol, "".join(texts[:comma])) if comma and below[comma + 1 :] else None
        if known is None or not all(t.kind == "letter" for t in below[comma + 1 :]):
            self.place = start
            return None
        return Entry(span, self.build.name(known, span), tuple(texts[comma + 1 :]))

    def constant(self, digit: str, opening: Token) -> Node:
        r"""`\mathbf{1}`: ones with a size or without, or the mask of `\mathbf{1}\{z > 0\}`."""
        if digit == "1" and self.at("(", "[", "\\{"):
            span = (opening.span[0], self.tokens[self.place - 1].span[1])
            one = self.build.number(1, span)
            return self.mask(self.build.call("vector", (one,), span))
        if self.at("_"):
            below = self.tried(self.sizes) or self.tried(self.mask_below)
            if below is None:
                raise self.error(
                    "expected sizes or a comparison", self.token.span, r"\mathbf{1}_{n}"
                )
            span = (opening.span[0], self.tokens[self.place - 1].span[1])
            if isinstance(below, list):
                return self.build.call("ones" if digit == "1" else "zeros", below, span)
            return below
        span = (opening.span[0], self.tokens[self.place - 1].span[1])
        if digit == "0":
            return self.build.number(0, span)
        return self.build.call("vector", (self.build.number(1, span),), span)

    def sizes(self) -> list[Node] | None:
        r"""The sizes in a subscript such as `_{m \times n}`; None if it holds anything else."""
        self.take()
        if not self.at("{"):
            self.split_number()
            one = self._size(1)
            return None if one is None else [one]
        self.take()
        found = [self._size(100)]
        while self.at("×", ","):
            self.take()
            found.append(self._size(100))
        if not self.at("}") or None in found:
            return None
        self.take()
        return [node for node in found if node is not None]

    def _size(self, most: int) -> Node | None:
        """A product of sizes, written side by side."""
        factors: list[Node] = []
        while len(factors) < most:
            if self.token.kind == "number":
                token = self.take()
                factors.append(self.build.number(Fraction(token.text), token.span))
                continue
            symbol = self.symbol()
            if symbol is None:
                break
            end = self.tokens[self.place - 1].span[1]
            label = "" if most == 1 else self._label()
            factors.append(self.name(symbol, label, end))
        found = self.build.chain("mul", factors) if factors else None
        if found is not None and most > 1 and self.at("+", "-") and self.peek().kind == "number":
            sign, shift = self.take().text, self.take()  # n - 1, y + 1
            one: Node = self.build.number(Fraction(shift.text), shift.span)
            one = self.build.operation("neg", (one,), shift.span) if sign == "-" else one
            found = self.build.operation("add", (found, one), (found.span[0], shift.span[1]))
        return found

    def exponential(self, symbol: Symbol) -> Node:
        """e with a superscript is the exponential function."""
        self.take()
        inner = self.argument()
        end = self.tokens[self.place - 1].span[1]
        return self.build.operation(EXPONENTIAL, (inner,), (symbol.span[0], end))
