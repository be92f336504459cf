"""The parser of the text language: tokens to a source tree.

Loosest to tightest: + -, then * / .* ./ \\ ⊗ from left to right, then signs, then the postfix
operators ' ^ .^ from left to right, then atoms. Recursion is bounded by the limit on brackets.
"""

import re
from collections.abc import Collection
from fractions import Fraction
from itertools import pairwise

from matderiv.arguments import pairs
from matderiv.errors import ParseError, Span
from matderiv.functions.abstract import ENTRIES, NUMBERS
from matderiv.input.formulas import Formula, formula_names, unfolded
from matderiv.input.glued import glued_remarks, indexed, is_euler, parted, standing_alone
from matderiv.input.latex.tokens import is_command
from matderiv.input.means import MOMENTS, averaged_over
from matderiv.input.text_cursor import OTHERWISE, Cursor
from matderiv.input.tree import AT, DOT, EXPONENTIAL, IMPLIED, PLUS, RAISED, defined
from matderiv.language.calls import (
    NOBODYS,
    abstract_call,
    known_function,
    reserved_names,
    slope_call,
)
from matderiv.language.declare import SPELLED
from matderiv.language.operands import is_row, joined, shown_vectors, transposed
from matderiv.language.source import (
    Bind,
    Call,
    Entry,
    Name,
    NamedPart,
    Node,
    Number,
    Operation,
    Source,
    children,
    defined_first,
)
from matderiv.language.tokens import GREEK_NAMES, Token, canonical_name, plain_letter, tokenize

EXAMPLE = "an expression such as sum((A*x - b).^2)"
PRODUCTS = {"·": DOT} | pairs("* mul  .* hadamard  / div  ./ ediv  \\ solve  ⊗ kron")
CHAINED = ("mul", "hadamard")
WHERE = ("where", "with")
MATRICES = frozenset("ABCDMPQRSUWXYZ")  # before a sum in brackets these are factors
IDENTITY = re.compile("I_[A-Za-z]")
FUNCTIONS = frozenset(("phi", "psi", "sigma", "Phi", "Gamma"))  # Greek letters before brackets
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_OBJECTIVE = re.compile(
    r"\s*(?:arg\s*)?(?:min|max)(?:imi[sz]e)?(?:_(?P<by>\w+))?(?=[\s|‖½])(?!\s*[-+*/^(])"
)
_OPERATOR = re.compile(r"\s*(?:d\s*/\s*d|∂\s*/\s*∂|∇_?|D_)(?P<by>\w+)(?=\W)(?!\s*[-+*/^])")


def parse(text: str, declared: Collection[str] = (), about: Collection[str] = ()) -> Source:
    """The source tree of a text; `declared` names are variables even where T means transpose.

    `about` are names that the question is about: `Ax` is A*x where x is one of them.

    Raises ParseError with the place of the first mistake, LimitError beyond the stated limits.

    >>> parse("a + b - c").main.function
    'add'
    >>> [type(node).__name__ for node in parse("2*A*x").main.operands]
    ['Number', 'Name', 'Name']
    """
    if not isinstance(text, str):
        raise ParseError(f"an expression is text, this is {type(text).__name__}", hint=EXAMPLE)
    return _Parser(text, declared, about).source()


def _before(pattern: re.Pattern[str], text: str, about: Collection[str]) -> int:
    """Where a formula starts after `min_w`, `d/dw` and the like by what is asked about anyway."""
    found = pattern.match(text)
    by = canonical_name((found and found["by"]) or "").lstrip("_")
    return found.end() if found and (by in about if by else pattern is _OBJECTIVE) else 0


class _Parser(Cursor):
    """A cursor over the tokens; one method per level of the grammar."""

    def __init__(self, text: str, declared: Collection[str], about: Collection[str]) -> None:
        self.text = text
        self.operator = _before(_OPERATOR, text, about)
        start = max(self.operator, _before(_OBJECTIVE, text, about))
        tokens = indexed(tokenize(" " * start + text[start:]), declared)
        self.tokens = parted(tokens, declared, about, text)
        self.declared = self.known_names = {*declared, *about}
        self.named_formulas = formula_names(text)
        self.formulas: dict[str, Formula] = {}
        self.remarks: list[str] = []
        self.kinds: dict[str, int] = {}
        parts = {a.text for a, b in pairwise(self.tokens) if b.text == "="}
        self.letters = {*declared, *parts}  # names, where they stand above a line
        self.names = {*declared, *about, *parts} | standing_alone(tokens)
        self.remarks += glued_remarks(self.tokens)
        self.remarks += [f"{c} read as {plain_letter(c)}" for c in text if plain_letter(c) != c]

    # Levels --------------------------------------------------------------------------------------

    implied = False  # that two factors stood side by side

    def source(self) -> Source:
        if self.token.kind == "end":
            raise ParseError("empty expression", hint=EXAMPLE)
        main = self.product() if self.operator else self.comparison()
        if self.operator and self.at("+", "-"):
            raise self.error("the derivative of the first term, or of all?", main.span, "(...)")
        parts: list[NamedPart] = []
        if (self.token.kind == "name" and self.token.text in WHERE) or self.defines():
            self.take()
            parts += self.part()
            while self.at(";", ","):
                self.take()
                if self.token.kind != "end":
                    parts += self.part()
        if self.token.kind != "end":
            raise self.leftover()
        command = next((m for m in _COMMAND.finditer(self.text) if is_command(m[1])), None)
        if command and (self.implied or self.bound):
            raise self.error("commands and products without signs are LaTeX", command.span())
        remarks = tuple(dict.fromkeys(self.remarks))
        found = Source(self.text, main, defined_first(parts), remarks, kinds=self.kinds)
        return averaged_over(unfolded(found, self.formulas), self.normals)

    def defines(self) -> bool:
        """True at the comma of `EXPR, z = ...` and `EXPR, x ~ ...`."""
        after = self.peek(2).text
        return self.at(",") and (after in ("=", "~") or self.peek().text in self.named_formulas)

    def part(self) -> list[NamedPart]:
        name = self.take()
        if name.kind == "name" and self.at("~"):
            self.random(Name(name.span, name.text))
            return []
        arguments = children(self.call(name)) if name.text in self.named_formulas else ()
        if name.kind != "name" or not self.at("="):
            raise self.error("expected name = expression after where", name.span, "where z = W*x")
        self.take()
        label = name.text.partition("_")[2]
        self.around = (*self.around, *label) if set(label) <= IMPLIED else self.around
        value = self.comparison()
        self.around = ()
        if arguments:
            self.formulas[name.text] = tuple(getattr(a, "name", "") for a in arguments), value
            return []
        return [defined(name.text, value, (name.span[0], value.span[1]))]

    def comparison(self) -> Node:
        """A sum, two that are compared, or `x if x > 0 else 0`."""
        node = self.compared()
        if self.token.kind != "name" or self.token.text != "if":
            return node
        word = self.take()
        condition = self.compared()
        if self.at(","):
            self.take()
        if self.token.text in OTHERWISE:
            self.take()
        self.deeper()
        other = self.comparison()
        self.depth -= 1
        if self.token.text == "otherwise":
            self.take()
        operands = (condition, node, other)
        return Call((node.span[0], other.span[1]), "where", word.span, operands)

    def sum(self) -> Node:
        terms = [self.product()]
        while self.at("+", "-"):
            terms.append(self.under_sign(self.take(), self.product()))
        return joined("add", terms)

    def product(self) -> Node:
        factors, chain = [self.signed(self.postfix)], ""
        while True:
            implicit = self.implicit(factors[-1])
            if not implicit and not self.at(*PRODUCTS):
                break
            if implicit and chain == "div" and self.counts(factors):
                factors[-1] = joined("mul", [factors[-1], self.signed(self.postfix)])
                self.remarks.append(f"{self.typed(factors[-1].span)} is below the line")
                continue
            if implicit and chain not in ("", "mul") and not self.apart(chain, factors[-1]):
                raise self.ambiguous(factors[-1])
            at = not implicit and self.typed_as("@")
            function = "mul" if implicit else PRODUCTS[self.take().text]
            function = AT if at else function
            if chain and (chain != function or chain not in CHAINED):
                factors = [joined(chain, factors)]
            chain = function
            start = factors[-1].span[0]
            factors.append(self.signed(self.postfix) if implicit else self.tight(function))
            one = factors[-1]
            if implicit and isinstance(one, Number) and not self.at("["):  # X'1
                factors[-1] = Call(one.span, "vector", one.span, (one,))
            if function == "div" and is_row(factors[-1]) and self.implicit(factors[-1]):
                row = [factors.pop()]  # x'Ax / x'x
                while self.implicit(row[-1]):
                    row.append(self.signed(self.postfix))
                factors.append(joined("mul", row))
            if at:
                self.kinds |= shown_vectors(factors[-2], factors[-1])
            self.implied |= implicit
            if implicit and isinstance(factors[-2], Number):
                self.remark(start, factors[-1])
        return joined(chain, factors)

    def tight(self, function: str) -> Node:
        """An operand; after .* and the like with the names that are written on to it.

        After · with all that stands beside it: y·w'x is y·(w'x).
        """
        factors, dot = [self.signed(self.postfix)], function == DOT
        if not dot and function not in ("hadamard", "ediv"):
            return factors[0]
        while self.implicit(factors[-1]) if dot else self.token.kind == "glued":
            factors.append(self.signed(self.postfix))
        return joined("mul", factors)

    def implicit(self, left: Node) -> bool:
        """True where another factor stands without a sign: 2x, A x, x'Ax, X'1, c||x||."""
        token = self.token
        if token.text == "1" and self.following == "[" and not self.cells:
            return True  # x 1[x > 0]
        if token.text == "1" or (token.text == "11" and self.following in ("'", "^")):
            return isinstance(left, Operation) and left.function == "transpose"
        before = self.tokens[self.place - 1]
        if self.cells and token.kind != "glued" and token.span[0] > before.span[1]:
            return False  # the next block of a row
        if token.kind == "name":
            if before.text in reserved_names() and before.kind == "name":
                return False  # it needs brackets
            return token.text not in (*WHERE, *OTHERWISE) or self.following == "("
        if token.kind == "glued" or self.at("(", "√") or self.typed_as("⟨"):
            return True
        if self.at("[") and before.text == "1" and before.span[1] == token.span[0]:
            return isinstance(left, Number)  # 1[x > 0]
        return self.at("|", "||") and self.bar is None

    def remark(self, start: int, right: Node) -> None:
        typed = " ".join(self.text[start : right.span[1]].split()).lstrip("-−– ")
        number = typed[: len(typed) - len(self.text[right.span[0] : right.span[1]])].strip()
        if len(typed) <= 20 and len(self.remarks) < 5:
            self.remarks.append(f"{typed} read as {number}*{typed[len(number) :].strip()}")

    def postfix(self) -> Node:
        node = self.atom()
        raised: Token | None = None
        while True:
            if self.at("'"):
                node = self.turned(node, self.take().span[1])
            elif raised is not None and self.typed_as("**"):
                said = "** twice is a ** (b ** c) in Python, and (a^b)^c from left to right here"
                raise self.error(
                    said, (raised.span[0], self.token.span[1]), "brackets around one of the powers"
                )
            elif self.at("^", ".^"):
                raised = self.token if self.typed_as("**") else None
                node = self.power(node)
            elif self.token.kind == "entry" and self.token.text == "+":
                end = self.take()
                node = Call((node.span[0], end.span[1]), "relu", end.span, (node,))
            elif self.at("[") and self.tokens[self.place - 1].text in ("]", ")"):
                node = self.entry(node)
            elif self.token.kind == "entry":
                at = self.take()
                node = Entry((node.span[0], at.span[1]), node, tuple(at.text))
            elif self.token.kind == "superscript":
                raised = self.take()
                node = self.raised(node, raised.text, raised.span)
            else:
                return node

    def turned(self, node: Node, end: int) -> Node:
        self.kinds |= shown_vectors(node)
        if isinstance(node, Number) and node.value == 1:
            node = Call(node.span, "vector", node.span, (node,))  # 1'x
        return transposed(node, end)

    def power(self, base: Node) -> Node:
        operator = self.take()
        plus = self.at("+") and self.text[slice(*operator.span)] == "^"
        if plus and self.peek().kind != "number" and not isinstance(base, Name):
            return Operation((base.span[0], self.take().span[1]), PLUS, (base,))
        if plus and self.peek().kind != "number":
            return Call((base.span[0], self.take().span[1]), "pinv", operator.span, (base,))
        negative = False
        while self.at("-", "+"):
            negative ^= self.take().text == "-"
        token = self.token
        turned = token.text in ({"T"} if token.kind == "superscript" else {"T", "H"} - self.letters)
        if operator.text == "^" and turned and token.kind in ("superscript", "name"):
            if self.take().text == "H":
                base = Call((base.span[0], token.span[1]), "conj", token.span, (base,))
            return self.raised(base, "-T" if negative else "T", token.span)
        if token.kind not in ("number", "name", "glued") and not self.at("(", "|", "||", "√"):
            raise self.missing(f"expected an exponent after {operator.text}")
        exponent = self.atom()
        if isinstance(exponent, Number) and self.implicit(exponent) and not self.parts_from(base):
            raise self.ambiguous(exponent)
        if negative:
            exponent = Operation((operator.span[1], exponent.span[1]), "neg", (exponent,))
        span = (base.span[0], exponent.span[1])
        if operator.text == "^" and is_euler(base, self.tokens, self.declared):
            return Operation(span, EXPONENTIAL, (exponent,))
        name = "power" if operator.text == "^" else "epow"
        return Operation(span, name, (base, exponent))

    def raised(self, base: Node, text: str, span: Span) -> Node:
        """The power written above the line: digits, T for a transpose, -T for both."""
        if text == "T":
            return self.turned(base, span[1])
        exponent: Node = Number(span, Fraction(1) if text == "-T" else Fraction(text.lstrip("-")))
        if text.startswith("-"):
            exponent = Operation(span, "neg", (exponent,))
        node = Operation((base.span[0], span[1]), "power", (base, exponent))
        return transposed(node, span[1]) if text == "-T" else node

    # Atoms ---------------------------------------------------------------------------------------

    def atom(self) -> Node:
        token = self.token
        if token.kind == "number":
            self.take()
            return Number(token.span, Fraction(token.text))
        if token.kind in ("name", "glued"):
            return self.named(self.take())
        before = self.tokens[self.place - 1]
        mask = self.at("[") and (before.text, before.span[1]) == ("1", token.span[0])
        if self.at("(", "["):
            return self.bracket() if mask or self.at("(") else self.blocks()  # 1[x > 0]
        if self.at_bars():
            return self.bars()
        if self.at("√"):
            return self.root()
        if self.at("<"):
            return self.inner_product()
        raise self.missing()

    def named(self, name: Token) -> Node:
        """A name, a function with its arguments, a sum over an index, or an entry."""
        if name.text in self.named_formulas and self.at("("):
            return self.call(name)
        summed = self.binder(name) or self.abstract(name)
        if summed is not None:
            return summed
        called = self.at("(") and not self.is_factor(name)
        if called or (self.at("[") and name.text not in MOMENTS and self.function_of(name)):
            return self.call(name)
        squared = self.at("^") and self.peek().kind == "number" and self.peek(2).text == "("
        if squared and name.text in reserved_names():
            exponent = (self.take(), self.take())[1]  # sin^2(x)
            raised = (self.call(name), Number(exponent.span, Fraction(exponent.text)))
            return Operation((name.span[0], raised[0].span[1]), RAISED, raised)
        if IDENTITY.fullmatch(name.text) and not {name.text, "I"} & self.declared:
            size = Name((name.span[1] - 1, name.span[1]), name.text[2:])
            if size.name not in self.around:
                return Call(name.span, "eye", name.span, (size,))
        if name.kind == "name" and self.covers(name):
            return self.covered(name)
        node = Name(name.span, name.text)
        return self.entry(node) if self.at("[") else node

    def is_factor(self, name: Token) -> bool:
        """True for a name before a bracket that is no function: x(y + z) is a product."""
        if name.kind == "glued":
            return True
        ahead = self.tokens[self.place + 1 : self.place + 3]
        inside = ahead[0].kind if ahead and ahead[-1].text == ")" else ""
        function = known_function(name.text) is not None or inside == "number"
        spelled = {*GREEK_NAMES, *SPELLED} - FUNCTIONS - self.declared
        greek = name.text in spelled and inside != "name"
        if name.text in MATRICES and not function and self.sum_ahead():
            self.remarks.append(f"{name.text}(...) read as {name.text}*(...)")
            return True
        base, _, label = name.text.rpartition("_")
        known = base in self.names | {"delta"} or bool({*label} & {*self.around})
        entry = known and inside == "" and {*label} <= {*self.around, *IMPLIED}
        return (name.text in self.names or greek or entry) and not function

    def abstract(self, name: Token) -> Node | None:
        """`f(A*x)`, `∇f(x)`, `phi'(z)` of a function that nobody defines; None for all else."""
        plain = name.text.lstrip("∇²")
        order = name.text.count("∇") + name.text.count("²")
        start, primes = self.place, 0
        while self.at("'"):
            self.take()
            primes += 1
        known = primes == 1 and not order and plain not in self.declared and self.at("(")
        if known and known_function(plain):
            x = self.bracket()
            if (slope := slope_call(plain, primes, x, (name.span[0], x.span[1]))) is not None:
                return slope
            self.place = start
        fits = name.kind != "glued" and not (order and primes) and not known_function(plain)
        if fits and self.at("(") and self.only_applied(plain):
            usual, alone = plain in NUMBERS | ENTRIES, self.peek(2).text == ")"
            inner = self.bracket() if usual or alone else None
            span = (name.span[0], inner.span[1] if inner else start)
            call = abstract_call(plain, order + primes, inner, span) if inner else None
            if call is not None:
                self.remarks.append(NOBODYS.format(plain))
                return call
        self.place = start
        return None

    def binder(self, name: Token) -> Node | None:
        """`sum_i x_i`, `Σᵢ xᵢ²`, `prod_i x_i`; None for any other name."""
        function, _, index = name.text.partition("_")
        typed = self.text[name.span[0] : name.span[1]]
        function = "sum" if typed[:1] == "Σ" else function
        if self.at("(") and self.peek(2).text == "=":
            return self.ranged(name)
        if name.text == "sum" or typed == "Σ":
            return self.unindexed(name)
        if function not in ("sum", "prod", "max", "min") or name.text in self.names - {name.text}:
            return None
        if not index.isalpha() or not index.islower() or len(index) > 3:
            return None
        letters = tuple(index)
        self.bound = True
        self.around = (*self.around, *letters)
        body = joined("add", self.terms_under(letters))
        self.around = self.around[: -len(letters)]
        return Bind((name.span[0], body.span[1]), function, letters, body)
