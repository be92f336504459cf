"""How a program is spelled in a Python library: a template for each operation, with its level.

A template has a slot `{0}`, `{1}`, ... for each argument; `level` says how tightly the text binds
and `inner` what each argument must bind at least, so that brackets stand where they must.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from matderiv.errors import NoRule
from matderiv.expr import REGISTRY
from matderiv.programs.program import Instruction
from matderiv.shapes import Dim, Shape, Size, size_names

COMPARE, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)


class Code(NamedTuple):
    """A piece of code, how tightly it binds, whether it is a plain number, how many axes it has."""

    text: str
    level: int = ATOM
    number: bool = False
    axes: int = 0

    def at(self, level: int) -> str:
        """The text, in brackets where it binds less than `level`."""
        return self.text if self.level >= level else f"({self.text})"


class Template(NamedTuple):
    """The spelling of an operation."""

    text: str
    level: int = ATOM
    inner: tuple[int, ...] = ()

    def filled(self, arguments: Sequence[Code], **words: str) -> Code:
        """The text with its arguments."""
        inner = self.inner or (COMPARE,) * len(arguments)
        texts = [a.at(n) for a, n in zip(arguments, inner, strict=False)]
        number = bool(arguments) and all(a.number for a in arguments)
        return Code(self.text.format(*texts, **words), self.level, number)


Special = Callable[[Instruction, Sequence[Code], "CodeNames"], Code]


class CodeNames(NamedTuple):
    """The names of the sizes in the code."""

    sizes: Mapping[str, str]

    def size(self, s: Size) -> Code:
        """A size."""
        if isinstance(s, int):
            return Code(str(s), number=True)
        head = [str(s.coefficient)] if s.coefficient != 1 else []
        factors = [*head, *map(self._factor, s.names)]
        level = ATOM if len(factors) == 1 else PRODUCT
        return Code(" * ".join(factors), level, number=True)

    def _factor(self, name: str) -> str:
        """One name in a size, or a number made of several; vech(n) is n*(n + 1)/2."""
        if name in self.sizes:
            return self.sizes[name]
        inside = sorted(size_names([(Dim((name,)),)]), key=len, reverse=True)
        if name.startswith("vech("):
            n = self.sizes[inside[0]]
            return f"({n} * ({n} + 1) // 2)"
        return f"({re.sub('|'.join(inside), lambda n: self.sizes[n[0]], name)})"

    def shape(self, shape: Shape) -> str:
        """A shape as a tuple."""
        inner = ", ".join(self.size(s).text for s in shape)
        return f"({inner},)" if len(shape) == 1 else f"({inner})"


class Columns(NamedTuple):
    """A language of matrices: the lines of a function, as templates over what stands in them.

    `ascii` is True where names have no other letters.
    """

    head: str
    comment: str
    size: str
    check: str
    last: tuple[str, ...]
    end: str = ""
    pair: tuple[str, ...] = ()
    vector: str = "({0},)"
    ascii: bool = False


@dataclass(frozen=True)
class Dialect:
    """A library: what is imported, how operations are spelled, and which need more than a template.

    `extras` are definitions, by name, that stand before a function that uses them, `single` makes
    an array of a plain number, `dtype` is the type that arrays get where one is chosen.
    """

    name: str
    imports: tuple[str, ...]
    templates: Mapping[str, Template]
    special: Mapping[str, Special] = field(default_factory=dict)
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    reserved: tuple[str, ...] = ()
    single: str = "{0}"
    copy: str = "{0}"
    """A copy of an array whose memory is the caller's."""
    dtype: str = "float"
    columns: Columns | None = None
    """How functions look in a language that is not Python; its vectors are columns."""

    def spelled(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """One operation with its arguments."""
        rule = self.special.get(line.operation)
        if rule is not None:
            return rule(line, arguments, names)
        words = {f"p{k}": _word(p, names) for k, p in enumerate(line.params)}
        template = self.templates.get(line.operation)
        if template is None:
            raise without_code(line)
        return template.filled(arguments, shape=names.shape(line.shape), **words)

    def definitions_for(self, code: str) -> list[tuple[str, ...]]:
        """The definitions that some code uses, and those that these use, as they are listed."""
        used, todo = set[str](), [code]
        while todo:
            plain = re.sub(r'"[^"\n]*"|#.*', "", todo.pop())
            new = {*re.findall(r"(?<![\w.])[a-z]\w*", plain)} & self.extras.keys() - used
            used |= new
            todo += ["\n".join(self.extras[name][1:]) for name in new]
        return [lines for name, lines in self.extras.items() if name in used]

    def scalar(self, number: Code) -> Code:
        """A plain number as a result."""
        return Code(self.single.format(number.text))


def without_code(line: Instruction) -> NoRule:
    """The refusal of an operation that the library does not have."""
    known = REGISTRY.get(line.operation)
    label = known.label if known else line.operation
    return NoRule(f"{label} cannot be written as code", hint=".function() and .evaluate compute it")


def of_known_order(name: str, single: str = "{0}") -> Special:
    """polygamma(k, x) by a function that takes plain numbers k > 0 only; `single` as there."""

    def rule(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        order, x = arguments
        if not order.number or not order.text.isdigit() or order.text == "0":
            raise without_code(line)
        text = single.format(x.text) if x.number else x.text
        return Code(f"{name}({order.text}, {text})")

    return rule


def _word(p: object, names: CodeNames) -> str:
    return names.size(p).at(PRODUCT) if isinstance(p, int | Dim) else str(p)


def number_text(value: Fraction | int | float) -> Code:
    """A constant: 2, 0.5, 1 / 3.

    >>> number_text(Fraction(1, 3)), number_text(Fraction(1, 2)).text
    (Code(text='1 / 3', level=2, number=True, axes=0), '0.5')
    """
    if isinstance(value, float):
        return Code(repr(value) if value == value else 'float("nan")', number=True)
    value = Fraction(value)
    level = SIGN if value < 0 else ATOM
    if value.denominator == 1 and abs(value) < 2**53:
        return Code(str(value), level, number=True)
    decimal = repr(float(value))
    if Fraction(decimal) == value or max(abs(value.numerator), value.denominator) >= 2**53:
        return Code(decimal, level, number=True)
    return Code(f"{value.numerator} / {value.denominator}", PRODUCT, number=True)


def operators() -> dict[str, Template]:
    """The spellings that all libraries share."""
    return {
        "add": Template("{0} + {1}", SUM, (SUM, SUM)),
        "sub": Template("{0} - {1}", SUM, (SUM, PRODUCT)),
        "mul": Template("{0} * {1}", PRODUCT, (PRODUCT, SIGN)),
        "div": Template("{0} / {1}", PRODUCT, (PRODUCT, SIGN)),
        "matmul": Template("{0} @ {1}", PRODUCT, (PRODUCT, SIGN)),
        "dot": Template("{0} @ {1}", PRODUCT, (PRODUCT, SIGN)),
        "stacked": Template("{0} @ {1}", PRODUCT, (PRODUCT, SIGN)),
        "copy": Template("{0}", ATOM, (ATOM,)),
        "neg": Template("-{0}", SIGN, (SIGN,)),
        "power": Template("{0} ** {1}", POWER, (ATOM, SIGN)),
        **{
            name: Template(f"{{0}} {sign} {{1}}", COMPARE, (SUM, SUM))
            for name, sign in {"gt": ">", "lt": "<", "ge": ">=", "le": "<=", "ne": "!="}.items()
        },
        "transpose": Template("{0}.T", ATOM, (ATOM,)),
        "column": Template("{0}[:, None]", ATOM, (ATOM,)),
        "row": Template("{0}[None, :]", ATOM, (ATOM,)),
        "reshape": Template("{0}.reshape({shape})", ATOM, (ATOM,)),
        "vec": Template("{0}.T.reshape(-1)", ATOM, (ATOM,)),
        "unvec": Template("{0}.reshape({p1}, {p0}).T", ATOM, (ATOM,)),
    }


def calls(library: str, names: Mapping[str, str], count: int = 1) -> dict[str, Template]:
    """Operations that are a call of a function of the library."""
    slots = ", ".join(f"{{{k}}}" for k in range(count))
    return {operation: Template(f"{library}.{name}({slots})") for operation, name in names.items()}


def maps(np: str, typed: str, triangle: str) -> dict[str, Template]:
    """Constant arrays of 0 and 1; `triangle` are the places of an upper triangle."""
    apart = f"{np}.arange({{p0}})[:, None] - {np}.arange({{p0}})"
    sums = f"{np}.arange({{p0}})[:, None] + {np}.arange({{p1}})"
    return {
        "eye": Template(f"{np}.eye({{p0}}{typed})"),
        "unit": Template(f"{np}.eye({{p0}}{typed})[{{p1}} - 1]"),
        "cols": Template(f"{np}.eye({{p0}}{typed})[:, {{p1}} - 1 : {{p2}}]"),
        "toeplitz_map": Template(f"{np}.eye({{p0}}{typed})[:, {np}.abs({apart})]"),
        "full_map": Template(f"{np}.eye({{p0}} + {{p1}} - 1{typed})[:, {sums}]"),
        "window_map": Template(
            f"{np}.eye({{p0}}{typed})[{np}.arange(0, {{p0}} - {{p3}} * ({{p1}} - 1), {{p2}})"
            f"[:, None] + {{p3}} * {np}.arange({{p1}})]"
        ),
        "sort": Template(f"{{0}}[{np}.argsort({{0}})]", ATOM, (ATOM,)),
        "sort_map": Template(f"{np}.eye(len({{0}}){typed})[{np}.argsort({{0}})]"),
        "arange": Template(f"{np}.arange({{p0}}{typed})"),
        "middle": Template(
            f"(sum({np}.eye({{p0}}{typed})[k // 2] for k in ({{p0}} - 1, {{p0}})) / 2)"
        ),
        "exchange": Template(f"{np}.flip({np}.eye({{p0}}{typed}), (0,))"),
        "shift": Template(f"{np}.roll({np}.eye({{p0}}{typed}), {{p1}}, 0)"),
        "vech_map": Template(
            f"{np}.eye({{p0}} * {{p0}}{typed}).reshape({{p0}}, {{p0}}, {{p0}}, {{p0}})"
            f".swapaxes(0, 1)[{triangle}]"
        ),
    }


def decompositions(np: str, expm: str) -> dict[str, Template]:
    """What the definitions give in every library, `expm` being the name of the exponential."""
    maps = {
        "expm": f"along({expm}, {{0}}, {{1}})",
        "sinm": f"along({expm}, 1j * {{0}}, 1j * {{1}}).imag",
        "cosm": f"along({expm}, 1j * {{0}}, 1j * {{1}}).real",
        "logm": f"frechet({np}.log, lambda z: 1 / z, {{0}}, {{1}})",
        "sqrtm": f"frechet({np}.sqrt, lambda z: 0.5 / {np}.sqrt(z), {{0}}, {{1}})",
        "power": "frechet(lambda z: z**{2}, lambda z: {2} * z ** ({2} - 1), {0}, {1})",
    }
    whole = {name: text.format("A", "E", "{1}") for name, text in maps.items()}
    arrays = {
        f"{name}_jacobian": Template(f"jacobian(lambda A, E: {text}, {{0}})", ATOM, (COMPARE, ATOM))
        for name, text in whole.items()
    }
    return {
        **{f"d{f}": Template(text, ATOM, (SIGN, SIGN, ATOM)) for f, text in maps.items()},
        **arrays,
        "logm": Template(f"of_matrix({np}.log, {{0}})"),
        "sqrtm": Template(f"of_matrix({np}.sqrt, {{0}})"),
        "sinm": Template(f"{expm}(1j * {{0}}).imag", ATOM, (SIGN,)),
        "cosm": Template(f"{expm}(1j * {{0}}).real", ATOM, (SIGN,)),
        "eigvalsh": Template("eigh({0})[0]"),
        "eigvecsh": Template("eigh({0})[1]"),
        "lambda_max": Template("eigh({0})[0][-1]"),
        "lambda_min": Template("eigh({0})[0][0]"),
        "eigvec_max": Template("eigh({0})[1][:, -1]"),
        "eigvec_min": Template("eigh({0})[1][:, 0]"),
        "eiggaps": Template("gaps({0})"),
        **{name: Template(f"eig({{0}})[{k}]") for k, name in enumerate(("eigvals", "eigvecs"))},
        **{name: Template(f"svd({{0}})[{k}]") for k, name in ((0, "svd_u"), (2, "svd_v"))},
        "svec_left": Template("svd({0})[0][:, 0]"),
        "svec_right": Template("svd({0})[2][:, 0]"),
        "norm_p": Template(
            f"{np}.sum({np}.abs({{0}}) ** {{1}}) ** (1 / {{1}})", POWER, (COMPARE, ATOM)
        ),
        **{name: Template(f"lu({{0}})[{k}]") for k, name in enumerate(("lu_l", "lu_u"))},
        "lyap": Template("lyap({0}, {1})"),
        **{name: Template(f"{name}({{0}})") for name in ("toeplitz", "vech")},
    }


def moves(np: str) -> dict[str, Special]:
    """Entries in another order along an axis."""

    def moved(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        count = int(line.operation == "roll")
        axis = max(0, int((*line.params[count:], 1)[0]) - 1)
        how = f"{line.params[0]}, {axis}" if count else f"({axis},)"
        return Code(f"{np}.{line.operation}({arguments[0].text}, {how})")

    return dict.fromkeys(("flip", "roll"), moved)


class Words(NamedTuple):
    """How a library with NumPy's names says what others say otherwise, `np` being its own name.

    `typed` is the argument that gives new arrays their type; `axis` and `keep` are those of
    reductions, some of which have `other` names. `optimize` orders a long einsum.
    """

    np: str
    typed: str = ""
    axis: str = "axis"
    keep: str = "keepdims"
    other: Mapping[str, str] = {}
    permute: str = "transpose"
    optimize: str = ", optimize=True"
    spread: str = "{np}.broadcast_to({x.text}, {shape})"

    def special(self) -> dict[str, Special]:
        """The spellings that depend on more than the arguments."""
        rules = {"einsum": self.einsum, "permute": self.permuted, "reshape": self.reshape}
        rules |= dict.fromkeys(("sum", "mean", "max", "min", "prod"), self.along)
        return {**rules, "broadcast": self.broadcast, **moves(self.np)}

    def along(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """A reduction of everything or along an axis; a number is its own."""
        (axis, keep), x = line.params, arguments[0]
        how = "" if axis is None else f"{self.axis}={axis}" + f", {self.keep}=True" * keep
        name = self.other.get(line.operation, line.operation)
        return x if x.number else Code(f"{x.at(ATOM)}.{name}({how})")

    def einsum(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """A sum of products of entries."""
        operands = ", ".join(a.text for a in arguments)
        how = self.optimize if len(arguments) > 2 else ""
        return Code(f'{self.np}.einsum("{line.params[0]}", {operands}{how})')

    def permuted(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """The axes in another order."""
        order = ", ".join(map(str, line.params))
        return Code(f"{self.np}.{self.permute}({arguments[0].text}, ({order}))")

    def broadcast(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """The same number, or the same array, in every place."""
        x, shape = arguments[0], names.shape(line.shape)
        if x.text == "1":
            return Code(f"{self.np}.ones({shape}{self.typed})")
        if x.number:
            return Code(f"{self.np}.full({shape}, float({x.text}){self.typed})")
        return Code(self.spread.format(np=self.np, x=x, whole=x.at(ATOM), shape=shape))

    def reshape(self, line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        """Another shape; of a plain number, an array of that shape."""
        if arguments[0].number:
            return self.broadcast(line, arguments, names)
        return Code(f"{arguments[0].at(ATOM)}.reshape({names.shape(line.shape)})")


def pi(module: str) -> Special:
    """The number, from a module."""
    return lambda line, arguments, names: Code(f"{module}.pi", number=True)


def correlations(
    spelled: Callable[[str, str, str, Sequence[int]], str], plain: Mapping[str, Template]
) -> dict[str, Special]:
    """conv1d and conv2d: plain ones by a template, others by `spelled`.

    `spelled` takes the function, x with examples and channels, w, and the steps.
    """

    def correlated(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        x, w = (a.at(ATOM) for a in arguments)
        axes = int(line.operation[4])
        steps = [*map(int, line.params), *(1, 0, 1, 1)[len(line.params) :]]
        rank = len(line.shape)
        if rank == axes and not line.params:
            return plain[line.operation].filled(arguments)
        before = axes + 2 - rank
        x += f"[{', '.join(['None'] * before)}]" if before else ""
        w += "[None, None]" if rank == axes else ""
        after = f"[{', '.join('0' * before)}]" if before else ""
        return Code(spelled(line.operation, x, w, steps) + after)

    return dict.fromkeys(("conv1d", "conv2d"), correlated)


def diagonals(np: str, typed: str) -> dict[str, Special]:
    """What is added where indices are equal, with identities: for arrays that never change."""

    def diagonal(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        _, spec, count, *sizes = line.params
        eyes = ", ".join(f"{np}.eye({names.size(s).text}, {typed})" for s in sizes[:count])
        part = f'{np}.einsum("{spec}", {arguments[-1].text}, {eyes})'
        if arguments[-1].number:  # no array: a multiple of the identities
            part = f'{arguments[-1].at(PRODUCT)} * {np}.einsum("{spec.lstrip(",")}", {eyes})'
        whole = "" if line.operation == "on_diagonal" else f"{arguments[0].at(SUM)} + "
        return Code(f"{whole}{part}", SUM if whole else PRODUCT)

    return dict.fromkeys(("add_diagonal", "on_diagonal"), diagonal)
