"""verify_steps: a derivation checked line by line, and where it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matderiv.arguments import given
from matderiv.bridge.sizes import by_name
from matderiv.errors import MatderivError, ShapeError
from matderiv.expr import variables
from matderiv.input.from_sympy.objects import from_sympy
from matderiv.language.declare import declared_shapes
from matderiv.language.printer import text
from matderiv.lazy import sp
from matderiv.shapes import Shape, shape_text
from matderiv.verification.derivations.findings import StepsVerdict
from matderiv.verification.derivations.problems import Conventions, Problem
from matderiv.verification.documents.declarations import Declared
from matderiv.verification.documents.exercises import whole
from matderiv.verification.judging import POINTS


def verify_steps(
    lines: str | Sequence[Any],
    f: Any = None,
    wrt: Any = None,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    layout: str = "gradient",
    structure: str | None = None,
    seed: int = 0,
    points: int = POINTS,
    diagnosis: bool = True,
) -> StepsVerdict:
    """A derivation checked line by line: each line against the truth and the one before it.

    `lines` is a text or a list of lines. Lines define names (`z = A*x - b`), say differentials
    (`df = 2*z'*dz`), derivatives (`∇f = ...`, `∂f/∂x = ...`, `f'(x) = ...`), go on (`= ...`), or
    say that two formulas are equal. In a list, a line may be an equation of SymPy, a pair of its
    two sides, or an expression: the derivative, spelled once more. The function is `f`, or what the
    lines define; the variable is `wrt`, or what the lines differentiate by. A line that cannot be
    read is said and passed over. Raises what reading the function raises.

    >>> found = verify_steps('''f = norm2(z)^2
    ... z = A*x - b
    ... df = 2*z'*dz = 2*z'*A*dx
    ... ∇f = 2*A*z''', shapes={"A": "m,n", "b": "m"})
    >>> found.correct, found.first_wrong.number, found.first_wrong.diagnosis
    (False, 4, 'transpose')
    """
    document, shapes = (lines, shapes) if isinstance(lines, str) else _listed(lines, f, wrt, shapes)
    document = document.removeprefix("\ufeff").replace("\r\n", "\n")
    found = whole(document)
    declared = found.declared.joined(Declared.of(shapes, assume))
    problem = Problem(document, found.passages, declared.shapes, declared.assume)
    problem.facts, problem.stationary = found.declared.assume, found.stationary
    problem.unnamed, problem.strict = found.declared.unnamed, True
    return problem.verdict(f, wrt, Conventions(layout, structure, seed, points, diagnosis))


def _listed(
    lines: Any, f: Any, wrt: Any, shapes: Mapping[str, Any] | None
) -> tuple[str, Mapping[str, Any] | None]:
    """A derivation that is given as a list, as a text; and the shapes of its symbols.

    An expression alone goes on where a derivative was claimed, and claims one elsewhere; the first
    one is f where nothing else says what f is.

    >>> x, y = sp.MatrixSymbol("x", 3, 1), sp.MatrixSymbol("y", 3, 1)
    >>> _listed([x.T*x, x + x, 2*x], None, None, None)[0].splitlines()
    ["f = x'*x", '∂f/∂x = 2*x', '= 2*x']

    MatderivError for what is no list of lines, ShapeError for a symbol of two shapes.
    """
    if not isinstance(lines, list | tuple):
        raise MatderivError(
            f"a derivation is a text, or a list of lines, not {given(lines)}",
            hint='["f = x\'*A*x", "df = ..."]',
        )
    known = dict(declared_shapes(by_name(shapes)))
    written: list[str] = []
    claimed = False
    for line in lines:
        if isinstance(line, str):
            written.append(line)
            claimed = True
            continue
        sides = _sides_of(line)
        told = list(_sides(sides, f, known))
        if len(told) == 1 and f is None and not written:
            told.insert(0, "f")
        elif len(told) == 1:
            told.insert(0, "" if claimed else f"∂f/∂{_named(wrt, known)}")
            claimed = True
        claimed = claimed or any(isinstance(side, sp.Derivative) for side in sides)
        written.append(" = ".join(told).strip())
    return "\n".join(written), known if known or shapes else shapes


def _named(wrt: Any, known: Mapping[str, Shape]) -> str:
    """The name of the variable; the only one there is where nobody says it."""
    if wrt is None and len(known) != 1:
        raise MatderivError("nothing says what the derivative is by", hint="wrt=x")
    return next(iter(known)) if wrt is None else str(getattr(wrt, "name", wrt))


def _sides_of(line: Any) -> Sequence[Any]:
    """The sides of an equation; an expression alone is one side."""
    if isinstance(line, list | tuple):
        return line
    if line in (True, False):
        raise MatderivError(
            f"a line is {line}: SymPy decided this equation when it was written",
            hint="the two sides as a pair, (left, right), or Eq(left, right, evaluate=False)",
        )
    return line.args if isinstance(line, sp.Eq) else [line]


def _sides(sides: Sequence[Any], f: Any, known: dict[str, Shape]) -> Iterator[str]:
    """The sides in the text language; the shapes of their symbols become known."""
    for side in sides:
        if isinstance(side, sp.Derivative):
            yield _quotient(side, f)
            continue
        e = from_sympy(side)
        for v in variables(e):
            if known.setdefault(v.name, v.shape) != v.shape:
                raise ShapeError(
                    f"{v.name} is {shape_text(v.shape)} here and {shape_text(known[v.name])} before"
                )
        yield text(e)


def _quotient(d: Any, f: Any) -> str:
    """∂z/∂x of SymPy's Derivative of a symbol, of a function f(x), or of the given f."""
    of = sp.Symbol("f") if d.expr == f else d.expr
    name = of.func.__name__ if isinstance(of, sp.Function) else getattr(of, "name", "")
    by = [getattr(v, "name", "") for v in d.variables]
    if not name or len(by) != 1 or not by[0]:
        raise MatderivError(
            f"{d} is no derivative of a name by a name",
            hint="Derivative(f(x), x) for f itself, or first a line that names what is derived",
        )
    return f"∂{name}/∂{by[0]}"
