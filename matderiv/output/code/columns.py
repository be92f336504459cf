"""Languages of matrices, whose vectors are columns and whose axes count from 1.

NumPy's vectors stand in a row where they meet a matrix entry by entry; here they are transposed.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matderiv.output.code.dialect import (
    ATOM,
    PRODUCT,
    SIGN,
    SUM,
    Code,
    CodeNames,
    Special,
    Template,
    without_code,
)
from matderiv.output.code.writer import Writer, single
from matderiv.programs.program import Instruction
from matderiv.shapes import shape_text

ENTRYWISE = (
    *("add", "sub", "mul", "div", "power", "maximum", "minimum", "where", "atan2"),
    *("gt", "lt", "ge", "le", "ne"),
)


class Shaped(NamedTuple):
    """What depends on shapes: `turned` is a transpose, `flat` makes a column."""

    templates: Mapping[str, Template]
    turned: str
    flat: str

    def rules(self) -> dict[str, Special]:
        """The rules by operation."""
        return {
            **dict.fromkeys((name for name in ENTRYWISE if name in self.templates), self.entrywise),
            **{"matmul": self.matmul, "dot": self.matmul, "vdot": self.inner},
            **dict.fromkeys(("sum", "mean", "max", "min", "prod"), self.reduced),
            **dict.fromkeys(("reshape", "broadcast"), self.shaped),
            **dict.fromkeys(("add_diagonal", "on_diagonal"), self.diagonal),
        }

    def row(self, x: Code) -> Code:
        """A vector in a row."""
        return Code(self.turned.format(x.at(ATOM)))

    def entrywise(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """Vectors beside a matrix stand in a row, as NumPy has them."""
        wide = len(line.shape) == 2
        fitted = [self.row(a) if wide and a.axes == 1 else a for a in arguments]
        scalars = [a.axes == 0 for a in arguments]
        one = {"mul": any(scalars), "div": scalars[-1]}.get(line.operation, all(scalars))
        plain = self.templates.get(f"{line.operation}_numbers") if one else None
        return (plain or self.templates[line.operation]).filled(fitted)

    def matmul(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """A vector before a matrix is A'*x, a vector again."""
        if not line.shape:
            return self.inner(line, arguments, names)
        left, right = arguments
        if left.axes == 1:
            left, right = self.row(right), left
        return self.templates["matmul"].filled([left, right])

    def inner(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """The sum of the products of all entries."""
        name = "vdot" if max(a.axes for a in arguments) > 1 else "inner"
        return self.templates[name].filled(arguments)

    def reduced(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """What is left of an axis is a column."""
        (axis, keep), x = line.params, arguments[0]
        if axis is None or x.axes == 1:
            return self.templates[line.operation + "_all" * (x.axes > 1)].filled([x])
        found = self.templates[f"{line.operation}_along"].text.format(x.text, axis + 1)
        return Code(found if keep else self.flat.format(found))

    def shaped(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """Another shape, row by row as NumPy counts, or the same number in every place."""
        x, sides = arguments[0], [names.size(s).text for s in line.shape]
        if len(sides) > 2 or x.axes > 2:
            raise without_code(line)
        if not sides:
            return self.templates["only"].filled([x])
        if line.operation == "reshape" and x.axes:
            if len(sides) == 1:
                return Code(self.flat.format(x.text))
            turn = self.row(x) if x.axes == 2 else x
            whole = self.templates["reshape"].filled([turn, *map(Code, sides[::-1])])
            return self.row(whole)
        name = "ones" if len(sides) == 2 else "ones_vector"
        ones = self.templates[name].filled([Code(", ".join(sides))])
        x = self.row(x) if len(sides) == 2 and x.axes == 1 else x
        return ones if x.text == "1" else self.templates["mul"].filled([x, ones])

    def diagonal(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """Something on the diagonal of a matrix."""
        if len(line.shape) != 2:
            raise without_code(line)
        eye = self.templates["eye"].filled([], p0=names.size(line.shape[0]).text)
        part = self.templates["mul"].filled([arguments[-1], eye])
        whole = line.operation == "add_diagonal"
        return self.templates["add"].filled([arguments[0], part]) if whole else part


UNARY = (
    *("exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan", "sinh", "cosh"),
    *("tanh", "asinh", "atanh", "floor"),
)
CALLED = {f: f for f in UNARY} | {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}


def operators(turned: str, join: str = "") -> dict[str, Template]:
    """Signs that work entry by entry; `turned` is a transpose, `join` the dot of a sum or call."""
    signs = {"gt": ">", "lt": "<", "ge": ">=", "le": "<="}
    return {
        "add": Template(f"{{0}} {join}+ {{1}}", SUM, (SUM, SUM)),
        "sub": Template(f"{{0}} {join}- {{1}}", SUM, (SUM, PRODUCT)),
        "add_numbers": Template("{0} + {1}", SUM, (SUM, SUM)),
        "sub_numbers": Template("{0} - {1}", SUM, (SUM, PRODUCT)),
        "mul": Template("{0} .* {1}", PRODUCT, (PRODUCT, SIGN)),
        "div": Template("{0} ./ {1}", PRODUCT, (PRODUCT, SIGN)),
        "mul_numbers": Template("{0} * {1}", PRODUCT, (PRODUCT, SIGN)),
        "div_numbers": Template("{0} / {1}", PRODUCT, (PRODUCT, SIGN)),
        "power": Template("{0} .^ {1}", 4, (ATOM, ATOM)),
        "power_numbers": Template("{0}^{1}", 4, (ATOM, ATOM)),
        "matmul": Template("{0} * {1}", PRODUCT, (PRODUCT, SIGN)),
        "solve": Template("{0} \\ {1}", PRODUCT, (ATOM, ATOM)),
        "matrix_power": Template("{0}^{p0}", 4, (ATOM,)),
        "neg": Template("-{0}", SIGN, (SIGN,)),
        "column": Template("{0}", ATOM, (ATOM,)),
        **{
            name: Template(f"{{0}} {join}{sign} {{1}}", 0, (SUM, SUM))
            for name, sign in signs.items()
        },
        **{name: Template(f"{name}({{0}})") for name in ("inv", "det", "pinv", "tril", "triu")},
        **{name: Template(f"{name}({{0}}, {{1}})") for name in ("kron", "cross")},
        "pi": Template("pi"),
        **{k: Template(f"{v}{join}({{0}})") for k, v in CALLED.items()},
        "maximum": Template(f"max{join}({{0}}, {{1}})"),
        "minimum": Template(f"min{join}({{0}}, {{1}})"),
        **dict.fromkeys(("transpose", "row"), Template(turned, ATOM, (ATOM,))),
        "outer": Template(f"{{0}} * {turned.replace('0', '1')}", PRODUCT, (PRODUCT, ATOM)),
        "unvec": Template("reshape({0}, {p0}, {p1})"),
        "reshape": Template("reshape({0}, {1}, {2})"),
        "ones": Template("ones({0})"),
        **dict.fromkeys(("only", "copy"), Template("{0}", ATOM, (ATOM,))),
        "slogdet": Template("{0}"),  # its lines are those of the pair
    }


def words(templates: Mapping[str, Template]) -> tuple[str, ...]:
    """The names that the spellings use, which no variable may have."""
    return tuple({w for t in templates.values() for w in re.findall(r"[a-z]\w+", t.text)})


class ColumnWriter(Writer):
    """Programs as functions of a language of matrices."""

    def source(self) -> str:
        """The function as text."""
        look = self.dialect.columns
        assert look is not None
        given = [*(self.names[v.name] for v in self.program.inputs), *self.extra_sizes()]
        names = {"name": self.heading.name, "results": ", ".join(self.heading.results)}
        body = [*self.shapes(), *self.body()]
        known = ", ".join(f"{v.name}: {shape_text(v.shape)}" for v in self.program.inputs)
        says = [*self.heading.says, *([f"Shapes: {known}"] if known else [])]
        head = look.head.format(arguments=", ".join(given), **names)
        lines = [*self.dialect.imports, head, *(f"    {look.comment} {t}" for t in says)]
        lines += [f"    {text}{look.end}" for text in body]
        lines += [text.format(**names) for text in look.last]
        blocks = self.dialect.definitions_for("\n".join(body))
        return "\n".join([*lines, *(text for block in blocks for text in ("", *block))]) + "\n"

    def shapes(self) -> list[str]:
        """The lines that read the sizes off the arrays and check the rest."""
        look, known = self.dialect.columns, set(self.program.sizes)
        assert look is not None
        lines, checks = [], []
        for v in sorted(self.program.inputs, key=lambda v: -sum(map(single, v.shape))):
            name, new = self.names[v.name], len(known) + len(v.shape)
            for axis, s in enumerate(v.shape, 1):
                if single(s) and s.names[0] not in known:
                    known.add(s.names[0])
                    own = self.sizes.sizes[s.names[0]]
                    lines.append(f"{own} = " + look.size.format(name, axis))
            sides = [self.sizes.size(s).text for s in v.shape]
            if len(v.shape) > 2:
                raise without_code(Instruction("reshape", shape=v.shape))
            if v.shape and (len(known) < new or len(v.shape) == 1):
                inner = ", ".join(sides)
                shape = look.vector.format(inner) if len(sides) == 1 else f"({inner})"
                checks.append(look.check.format(name, shape[1:-1], shape_text(v.shape)))
        return lines + checks

    def assigned(self, name: str, text: str) -> list[str]:
        """One line."""
        return [f"{name} = {text}"]

    def pair(self, sign: str, logdet: str, spelled: Code, matrix: Code) -> list[str]:
        """Two lines."""
        look = self.dialect.columns
        assert look is not None
        return [text.format(sign, logdet, matrix.text) for text in look.pair]

    def returned(self, results: Sequence[str]) -> list[str]:
        """Results have their names already."""
        return []

    def plain(self, name: str) -> str:
        """theta for θ, where the language has no other letters."""
        look = self.dialect.columns
        if look is None or not look.ascii or name.isascii():
            return name
        said = (
            unicodedata.name(c, "").lower().split() for c in unicodedata.normalize("NFKD", name)
        )
        letters = [c if c.isascii() else "" for c in name]
        told = ["" if "combining" in w else w[-1] if len(w) > 1 else "" for w in said]
        return re.sub(r"\W", "", "".join(a or b for a, b in zip(letters, told, strict=False)))
