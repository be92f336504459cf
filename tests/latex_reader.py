"""A small, independent reader of the LaTeX that is printed, for round trips in tests.

It knows nothing of the printer's table of levels. `loose` reads ⊙ and products side by side at one
level from left to right; otherwise products bind more tightly. What is printed must mean the same
either way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from matderiv.expr import REGISTRY, Expr, apply, eye, number, ones, size_expr, zeros
from matderiv.shapes import Dim, Size

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[0-9]+(?:\.[0-9]+)?|[A-Za-z]|\S")
_ENTRYWISE = {r"\odot": "hadamard", r"\oslash": "ediv", r"\otimes": "kron", r"\times": "cross"}
_RELATIONS = {">": "gt", "<": "lt", r"\ge": "ge", r"\le": "le"}
_CLOSERS = {")", "}", ",", "]", r"\}", r"\rVert", r"\rvert", r"\rangle", "", *_RELATIONS, "+", "-"}
_AXES = {"rows": 2, "cols": 1}


def read_latex(source: str, variables: Mapping[str, Expr], loose: bool = False) -> Expr:
    """The expression that a printed formula stands for."""
    reader = _Reader(source, variables, loose)
    found = reader.sum()
    assert reader.next == "", reader.tokens[reader.place :]
    return found


def check_balanced(formula: str) -> None:
    """Braces and growing brackets come in pairs, and no two backslashes meet."""
    assert "\0" not in formula
    bare = re.sub(r"\\[\\{}]", "", formula)
    depth = 0
    for c in bare:
        depth += (c == "{") - (c == "}")
        assert depth >= 0, formula
    assert depth == 0, formula
    assert formula.count(r"\left") == formula.count(r"\right"), formula
    assert "\\\\" not in formula


class _Reader:
    def __init__(self, source: str, variables: Mapping[str, Expr], loose: bool) -> None:
        self.tokens = [t for t in _TOKEN.findall(source) if t not in (r"\left", r"\right", r"\,")]
        self.place = 0
        self.variables = variables
        self.loose = loose

    @property
    def next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, *wanted: str) -> str:
        found = self.next
        assert not wanted or found in wanted, (wanted, self.tokens[self.place :])
        self.place += 1
        return found

    def accept(self, token: str) -> bool:
        if self.next == token:
            self.place += 1
            return True
        return False

    def sum(self) -> Expr:
        terms = [self.term(self.accept("-"))]
        while self.next in ("+", "-"):
            terms.append(self.term(self.take() == "-"))
        return terms[0] if len(terms) == 1 else apply("add", *terms)

    def term(self, negative: bool) -> Expr:
        found = self.entrywise()
        return -found if negative else found

    def entrywise(self) -> Expr:
        found = self.factor() if self.loose else self.product()
        while self.next not in _CLOSERS:
            if self.next in _ENTRYWISE:
                name = _ENTRYWISE[self.take()]
                found = apply(name, found, self.factor() if self.loose else self.product())
            else:
                self.accept(r"\cdot")
                found = apply("mul", found, self.factor())
        return found

    def product(self) -> Expr:
        found = self.factor()
        while self.next not in _CLOSERS and self.next not in _ENTRYWISE:
            self.accept(r"\cdot")
            found = apply("mul", found, self.factor())
        return found

    def factor(self) -> Expr:
        found = self.atom()
        if self.next in ("^", "'"):
            found = self.superscript(found)
        assert self.next not in ("^", "'"), "TeX refuses a second superscript"
        return found

    def superscript(self, base: Expr) -> Expr:
        if self.take() == "'":
            return base.T
        group = self.next == "{"
        self.place += group
        if self.next in (r"\top", "T"):
            self.take()
            found = base.T
        elif self.tokens[self.place : self.place + 2] == ["-", r"\top"]:
            self.place += 2
            found = apply("inv", base).T
        elif self.tokens[self.place : self.place + 2] == ["+", "}"]:
            self.place += 1
            found = apply("pinv", base)
        else:
            name = "epow" if self.accept(r"\odot") else "power"
            found = apply(name, base, self.exponent())
        if group:
            self.take("}")
        return found

    def exponent(self) -> Expr:
        written = "".join(self.tokens[self.place : self.tokens.index("}", self.place)])
        if re.fullmatch(r"-?[0-9]+/[0-9]+", written):
            self.place = self.tokens.index("}", self.place)
            value = number(abs(Fraction(written)))
            return -value if written[0] == "-" else value
        return self.sum()

    def group(self, left: str, right: str) -> list[Expr]:
        self.take(left)
        found = [self.comparison()]
        while self.accept(","):
            found.append(self.comparison())
        self.take(right)
        return found

    def comparison(self) -> Expr:
        left = self.sum()
        return apply(_RELATIONS[self.take()], left, self.sum()) if self.next in _RELATIONS else left

    def word(self) -> str:
        """The letters in braces, a letter, or a Greek command."""
        if not self.accept("{"):
            return self.take().removeprefix("\\")
        letters = ""
        while not self.accept("}"):
            letters += self.take().removeprefix("\\")
        return letters

    def atom(self) -> Expr:
        token = self.take()
        if token[0].isdigit():
            return number(Fraction(token))
        if token == "(":
            self.place -= 1
            return self.group("(", ")")[0]
        if token == r"\frac":
            return apply("div", *self.group("{", "}"), *self.group("{", "}"))
        if token == r"\sqrt":
            return apply("sqrt", *self.group("{", "}"))
        if token == r"\lvert":
            self.place -= 1
            return apply("abs", *self.group(r"\lvert", r"\rvert"))
        if token == r"\langle":
            self.place -= 1
            return apply("dot", *self.group(r"\langle", r"\rangle"))
        if token == r"\lVert":
            return self.norm()
        if token in (r"\mathbf", r"\boldsymbol", r"\mathrm", r"\vec"):
            return self.name(self.word())
        if token == r"\pi":
            return apply("pi", params=("pi",))
        calls = token == r"\operatorname" or token[1:] in {*REGISTRY, "sigma"} - set(self.variables)
        if not calls or (token == r"\sigma" and self.next not in ("(", r"\left")):
            return self.name(token.removeprefix("\\"))
        return self.call(self.word() if token == r"\operatorname" else token[1:])

    def norm(self) -> Expr:
        self.place -= 1
        (x,) = self.group(r"\lVert", r"\rVert")
        self.take("_")
        kind = self.word()
        names = {"1": "norm1", "infty": "norminf", "*": "norm_nuc", "F": "norm2"}
        return apply(names.get(kind, "norm_spec" if len(x.shape) == 2 else "norm2"), x)

    def name(self, stem: str) -> Expr:
        if stem == "1" and self.next == r"\{":
            return self.group(r"\{", r"\}")[0]
        if stem in ("1", "0", "I"):
            self.take("_")
            shape = self.sizes()
            return eye(shape[0]) if stem == "I" else ones(*shape) if stem == "1" else zeros(shape)
        if self.accept("_"):
            stem += self.word()
        if stem in self.variables:
            return self.variables[stem]
        return size_expr(Dim((stem,)))

    def sizes(self) -> tuple[Size, ...]:
        self.take("{")
        found: list[Size] = []
        while not self.accept("}"):
            token = self.take()
            if token != r"\times":
                found.append(int(token) if token.isdigit() else Dim((token,)))
        return tuple(found)

    def call(self, name: str) -> Expr:
        if name == "log" and self.next in (r"\det", r"\operatorname"):
            self.take()
            name = "logdet" if self.tokens[self.place - 1] == r"\det" else "log_" + self.word()
        name = {"sigma": "sigmoid"}.get(name, name)
        below = self.script() if self.accept("_") else ""
        args = self.group("(", ")")
        if name in ("max", "min") and len(args) == 2:
            name += "imum"
        record = REGISTRY[name]
        if record.call == "pattern":
            return apply(name, *args, params=(below.replace(r"\to", "->"),))
        if record.call == "axes":
            return apply(name, *args, params=tuple(map(int, below.split(","))))
        if record.call in ("axis", "keyword-axis"):
            return apply(name, *args, params=(_axis(below),))
        return apply(name, *args)

    def script(self) -> str:
        self.take("{")
        letters = ""
        while not self.accept("}"):
            letters += self.word() if self.accept(r"\mathrm") else self.take()
        return letters


def _axis(below: str) -> int | None:
    return _AXES[below] if below in _AXES else int(below) if below else None
