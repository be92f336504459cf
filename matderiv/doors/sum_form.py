r"""The derivative of a sum over data in the notation of the question: \sum_i (w'x_i - y_i) x_i.

The body of the sum is derived with x_i as an ordinary vector, and the sum is written around it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matderiv.calculus.derivative import differentiate
from matderiv.doors.check import require_same_numbers
from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, is_, number, number_value, variable, variables
from matderiv.input.builder import Scope
from matderiv.input.latex.reader import parse_latex
from matderiv.input.meaning.kinds import meant
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import Reading, build
from matderiv.input.text import parse
from matderiv.language.printer import text
from matderiv.language.shaping import Context, Shaping
from matderiv.language.source import Bind, Name, Node, Operation, Source, postorder
from matderiv.lazy import later
from matderiv.solving.affine import number_apart

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation
    from matderiv.output.latex import formula
else:
    (formula,) = later("output.latex.formula")


@dataclass(frozen=True)
class SumTerm:
    """A term of a sum form: a number times a sum over an index, or without an index the body."""

    factor: Expr
    body: Expr
    index: str = ""
    size: str = ""

    def text(self) -> str:
        """The term in the text language."""
        if not self.index:
            return text(apply("mul", self.factor, self.body) if self.scaled else self.body)
        summed = f"sum_{self.index} {_bracketed(self.body)}"
        return f"{_bracketed(self.factor)}*{summed}" if self.scaled else summed

    def latex(self) -> str:
        """The term in LaTeX."""
        body = formula.latex(self.body)
        if not self.index:
            return formula.latex(apply("mul", self.factor, self.body) if self.scaled else self.body)
        body = rf"\left({body}\right)" if is_(self.body, "add", "neg") else body
        above = f"^{{{self.size}}}" if self.size else ""
        first = f"_{{{self.index}=1}}" if self.size else f"_{{{self.index}}}"
        return rf"{self.before()}\sum{first}{above} {body}"

    def before(self) -> str:
        """The factor in LaTeX, nothing for 1."""
        negative = number_value(self.factor) == -1
        return "-" if negative else formula.latex(self.factor) if self.scaled else ""

    @property
    def scaled(self) -> bool:
        """True unless the factor is 1."""
        return number_value(self.factor) != 1


@dataclass(frozen=True)
class SumForm:
    """A derivative as a sum over the data of the question.

    >>> from matderiv import derive
    >>> D = derive(r"\\frac{1}{n}\\sum_{i=1}^n (w^\\top x_i - y_i)^2", "w")
    >>> print(D.sum_form)
    2/n*sum_i (w'*x_i - y_i)*x_i
    """

    terms: tuple[SumTerm, ...]

    def __str__(self) -> str:
        return " + ".join(term.text() for term in self.terms)

    def latex(self) -> str:
        """The same in LaTeX."""
        return " + ".join(term.latex() for term in self.terms)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def sum_form(d: Derivation) -> SumForm | None:
    """The derivative term by term of the question's sums; None where it has no sum over data."""
    reading = d.reading
    if reading is None or d.kind != "gradient" or d.order != 1 or d.whole is not None:
        return None
    if reading.free or reading.parts or not is_(d.wrt, "variable") or reading.spelling == "python":
        return None
    try:
        about = Scope(about=(d.wrt.name,))
        latex = reading.spelling == "latex"
        typed = reading.source
        source = parse_latex(typed, about) if latex else parse(typed, (), about.about)
        if not any(_split(node)[1] for _, node in _addends(source.main)):
            return None
        terms = tuple(_terms(source, reading, d.wrt))
        form = SumForm(terms)
        shown = reading.read_more(str(form), "the sum form", expected=d.displayed.shape)
    except MatderivError:
        return None
    if not any(t.index for t in terms) or shown.shape != d.displayed.shape:
        return None
    require_same_numbers(d, shown, range(len(d.shape)), "the sum form")
    return form


def _terms(source: Source, reading: Reading, wrt: Expr) -> Iterator[SumTerm]:
    for sign, node in _addends(source.main):
        factors, bind = _split(node)
        entries = _entries(bind, reading, wrt) if bind is not None else {}
        size = bind.size if bind is not None and bind.size.isalpha() else ""
        body = _read(bind.body if bind is not None else node, source, reading, entries)
        scale = _read(_product(factors), source, reading, entries) if factors else number(1)
        if wrt in variables(scale):
            raise MatderivError("a factor that depends on the variable")
        if wrt not in variables(body):
            continue
        derived = differentiate(body, wrt, "gradient").expr
        if derived.shape != wrt.shape:
            raise MatderivError("a body that is no number")
        coefficient, rest = number_apart(derived)
        yield SumTerm(_tidy(coefficient * sign, scale), rest, bind.indices[0] if bind else "", size)


def _tidy(number_before: Expr, scale: Expr) -> Expr:
    """The product of two factors, as a derivative has it."""
    t = variable("t#", ())
    product = apply("mul", number_before, scale, t)
    return differentiate(product, t, "gradient").expr


def _addends(node: Node, sign: int = 1) -> Iterator[tuple[int, Node]]:
    if isinstance(node, Operation) and node.function == "add":
        for operand in node.operands:
            yield from _addends(operand, sign)
    elif isinstance(node, Operation) and node.function == "neg":
        yield from _addends(node.operands[0], -sign)
    else:
        yield sign, node


def _split(node: Node) -> tuple[list[Node], Bind | None]:
    """The factors beside the one sum of a term; MatderivError for sums of another form."""
    chain = isinstance(node, Operation) and node.function in ("mul", "?slash")
    factors = list(node.operands) if chain and isinstance(node, Operation) else [node]
    binds = [f for f in factors if isinstance(f, Bind)]
    inside = sum(isinstance(n, Bind) for n in postorder(node))
    if not inside:
        return [], None
    bind = binds[0] if len(binds) == 1 and inside == 1 else None
    whole = bind is not None and bind.function == "sum" and len(bind.indices) == 1
    if bind is None or not whole or bind.relations or (bind.low, bind.cut) != (1, 0):
        raise MatderivError("no plain sum over data")
    return [f for f in factors if f is not bind], bind


def _entries(bind: Bind, reading: Reading, wrt: Expr) -> dict[str, Expr]:
    """The variables x_i, y_i and the like below a sum."""
    found: dict[str, Expr] = {}
    for node in postorder(bind.body):
        if not isinstance(node, Name):
            if bind.indices[0] in getattr(node, "at", ()):
                raise MatderivError("an entry of a formula")
            continue
        base, label = split_label(node.name)
        if bind.indices[0] not in label or node.name in reading.variables:
            continue
        array = reading.rows.get(base, base)
        if label != bind.indices[0] or array not in reading.variables or array == wrt.name:
            raise MatderivError("an entry that moves with the variable")
        found[node.name] = variable(node.name, reading.variables[array].shape[1:])
    return found


def _read(node: Node, source: Source, reading: Reading, entries: Mapping[str, Expr]) -> Expr:
    """A part of the question, with x_i as a name of its own."""
    known = {**reading.variables, **entries}
    shapes = {name: e.shape for name, e in known.items()}
    part = Source(source.text, node, spelling=source.spelling)
    part = meant(part, Scope(shapes, reading.sizes, guess=False, rows=reading.rows))
    return build(Shaping(part, Context(known, size_names=reading.sizes, guess=False))).expr


def _product(factors: list[Node]) -> Node:
    span = (factors[0].span[0], factors[-1].span[1])
    return factors[0] if len(factors) == 1 else Operation(span, "mul", tuple(factors))


def _bracketed(e: Expr) -> str:
    return f"({text(e)})" if is_(e, "add", "neg") else text(e)
