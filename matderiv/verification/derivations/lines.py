"""verify_steps: a derivation checked line by line, and where it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matderiv.arguments import given
from matderiv.errors import MatderivError
from matderiv.verification.derivations.findings import StepsVerdict
from matderiv.verification.derivations.problems import Conventions, Problem
from matderiv.verification.documents.declared import Declared
from matderiv.verification.documents.exercises import whole
from matderiv.verification.judging import POINTS


def verify_steps(
    lines: str | Sequence[str],
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
    say that two formulas are equal. The function is `f`, or what the lines define; the variable is
    `wrt`, or what the lines differentiate by. A line that cannot be read is said and passed over.
    Raises what reading the function raises.

    >>> found = verify_steps('''f = norm2(z)^2
    ... z = A*x - b
    ... df = 2*z'*dz = 2*z'*A*dx
    ... ∇f = 2*A*z''', shapes={"A": "m,n", "b": "m"})
    >>> found.correct, found.first_wrong.number, found.first_wrong.diagnosis
    (False, 4, 'transpose')
    """
    document = lines if isinstance(lines, str) else "\n".join(_listed(lines))
    document = document.removeprefix("\ufeff").replace("\r\n", "\n")
    found = whole(document)
    declared = found.declared.joined(Declared(dict(shapes or {}), dict(assume or {})))
    problem = Problem(document, found.passages, declared.shapes, declared.assume)
    problem.facts, problem.stationary = found.declared.assume, found.stationary
    problem.unnamed, problem.strict = found.declared.unnamed, True
    return problem.verdict(f, wrt, Conventions(layout, structure, seed, points, diagnosis))


def _listed(lines: Any) -> list[str]:
    """The lines of a derivation that is given as a list; MatderivError for anything else."""
    if not isinstance(lines, list | tuple) or not all(isinstance(s, str) for s in lines):
        raise MatderivError(
            f"a derivation is a text, or a list of lines, not {given(lines)}",
            hint='["f = x\'*A*x", "df = ..."]',
        )
    return list(lines)
