r"""Left sides of equations: `\nabla_w L`, `\frac{\partial L}{\partial W}`, `df`, `f(x)`."""

from dataclasses import dataclass

from matderiv.errors import ParseError
from matderiv.input.builder import Scope
from matderiv.input.latex.symbols import UPRIGHT, Symbol, Symbols
from matderiv.input.latex.tokens import tokenize_latex


@dataclass(frozen=True)
class LeftSide:
    """What stands before an equals sign.

    `kind` is "derivative" (∇_w L, ∂L/∂W, dL/dw), "differential" (df, dX), "name" (L, f(w), z) or
    "expression" (anything else). `function` and `variable` are canonical names, "" where none is
    said; `order` counts the differentiations.
    """

    text: str
    kind: str
    function: str = ""
    variable: str = ""
    order: int = 1


def read_left(text: str, scope: Scope) -> LeftSide:
    r"""What a left side says, in LaTeX or in the signs of the text language.

    >>> scope = Scope({"w": (2,)})
    >>> read_left(r"\nabla_{\mathbf{w}} L", scope)
    LeftSide(text='\\nabla_{\\mathbf{w}} L', kind='derivative', function='L', variable='w', order=1)
    >>> read_left("df", scope).kind, read_left("f(w)", scope).kind, read_left("2x", scope).kind
    ('differential', 'name', 'expression')
    """
    typed = text.strip()
    try:
        found = _Left(text, tokenize_latex(text), scope).read()
    except ParseError:
        found = None
    if found is None:
        return LeftSide(typed, "expression")
    kind, function, variable, order = found
    return LeftSide(typed, kind, function, variable, order)


Found = tuple[str, str, str, int]


class _Left(Symbols):
    """A cursor over the tokens of a left side; each reader gives None for anything else."""

    def read(self) -> Found | None:
        for reader in (self.gradient, self.quotient, self.inline, self.differential, self.called):
            found = self.tried(reader)
            if found is not None:
                return found
        return None

    def gradient(self) -> Found | None:
        """∇_w L, with the order above it."""
        if not self.at_command("nabla"):
            return None
        self.take()
        variable, order = "", 1
        while self.at("_", "^"):
            if self.take().text == "^":
                order = self.order()
                continue
            group = self.at("{")
            if group:
                self.take()
            variable = self.named() or ""
            if not variable or (group and not self._closed("}")):
                return None
        function = self.function()
        return None if function is None else ("derivative", function, variable, order)

    def quotient(self) -> Found | None:
        r"""`\frac{\partial L}{\partial W}`, perhaps with the function behind it."""
        if not self.at_command("frac", "dfrac", "tfrac"):
            return None
        self.take()
        if not self._closed("{"):
            return None
        return self.halves("}", "{", "}")

    def inline(self) -> Found | None:
        """∂L/∂W or dL/dW."""
        return self.halves("/", "", "")

    def halves(self, middle: str, opening: str, closing: str) -> Found | None:
        """∂^k f above, ∂x^k or ∂x ∂x' below."""
        if not self.change():
            return None
        order = 1
        if self.at("^"):
            self.take()
            order = self.order()
        function = "" if self.at(middle) else self.function(ends=False)
        if function is None or not self._closed(middle) or (opening and not self._closed(opening)):
            return None
        variable, count = "", 0
        while self.change():
            found = self.named()
            if found is None or variable not in ("", found):
                return None
            variable, count = found, count + 1
            while self.at("^", "'"):
                if self.take().text == "^":
                    self.script()
        if not count or (closing and not self._closed(closing)):
            return None
        behind = self.function()
        if behind is None:
            return None
        return ("derivative", function or behind, variable, max(order, count))

    def differential(self) -> Found | None:
        """df or dX."""
        if not self.change():
            return None
        function = self.function()
        return ("differential", function, "", 1) if function else None

    def called(self) -> Found | None:
        """f, f(w), L, RSS(w), cos θ or log p(x)."""
        run = self.letters()
        word = run.isupper() or len(run) > 3
        if len(run) > 1 and word and not set(run) <= set(self.scope.shapes):
            self.place += len(run)
            if self.at("("):
                self.arguments()
            return ("name", run, "", 1) if self.token.kind == "end" else None
        logarithm = self.at_command("log", "ln")
        if logarithm or self.at_command("cos", "sin", "tan"):
            self.take()
        function = self.function()
        if logarithm and function in {*self.scope.shapes, *self.scope.about}:
            return None
        return ("name", function, "", 1) if function else None

    # Pieces --------------------------------------------------------------------------------------

    def change(self) -> bool:
        """True after taking the d or ∂ of a differential."""
        if self.at_command("partial"):
            self.take()
            return True
        start = self.place
        symbol = self.symbol()
        if symbol is not None and symbol.stem == "d" and symbol.font in ("", *UPRIGHT):
            return True
        self.place = start
        return False

    def order(self) -> int:
        """A number above ∇ or ∂; 1 for anything else."""
        written = "".join(t.text for t in self.script())
        return int(written) if written.isdigit() and len(written) < 3 else 1

    def named(self) -> str | None:
        """A variable, by the name that is known or a new one."""
        symbol = self.symbol()
        if symbol is None:
            return None
        label = ""
        if self.at("_"):
            self.take()
            label = self.label(self.script()) or ""
        return self.known(symbol, label) or self._fresh(symbol, label)

    @staticmethod
    def _fresh(symbol: Symbol, label: str) -> str:
        return "_".join(filter(None, (symbol.stem + "".join(symbol.accents), label)))

    def function(self, ends: bool = True) -> str | None:
        """A function with its arguments, up to the end; "" where nothing stands."""
        if self.token.kind == "end":
            return ""
        found = self.named()
        if found is None:
            return None
        if self.at("(", "["):
            self.arguments()
        return found if not ends or self.token.kind == "end" else None

    def arguments(self) -> None:
        depth = 0
        while self.token.kind != "end":
            depth += self.at("(", "[") - self.at(")", "]")
            self.take()
            if not depth:
                return

    def _closed(self, sign: str) -> bool:
        if not self.at(sign):
            return False
        self.take()
        return True
