"""The rules that steps name, all in one place.

A step names a rule of calculus, which stands in `calculus_rules` or `writing_rules`, or a function,
whose record in `functions/` says the rest; each with two lines that say why it is true.
"""

from matderiv.functions.record import Function
from matderiv.views.reasons import STEP_NAMES
from matderiv.views.rules.calculus import CALCULUS
from matderiv.views.rules.rule import Rule
from matderiv.views.rules.writing import WRITING

RULES = (*CALCULUS, *WRITING)
BY_NAME: dict[str, Rule] = {r.name: r for r in RULES}

_OF_KINDS = {
    "elementwise": (
        "Each entry of the value depends on the same entry of the argument alone,",
        "so it changes by its slope times its own change, and the Jacobian is diagonal.",
    ),
    "structural": (
        "It is linear in each argument: put the argument plus its change in, and subtract.",
        "What is left is the same function of the change.",
    ),
    "primitive": (
        "The change follows from the equation that defines the function.",
        "It is linear in dX; what stands beside dX is the derivative.",
    ),
    "sum": BY_NAME["sum"].proof,
    "shorthand": BY_NAME["definition"].proof,
    "constant": BY_NAME["constant"].proof,
}


def proof_of(function: Function) -> tuple[str, ...]:
    """Two lines of proof; none for a function whose derivative is refused.

    >>> proof_of(REGISTRY["inv"]) is BY_NAME["inverse"].proof, proof_of(REGISTRY["svd_u"])
    (True, ())
    """
    rule = BY_NAME.get(STEP_NAMES.get(function.name, ""))
    if rule is not None:
        return rule.proof
    return function.proof or _OF_KINDS.get(function.kind, ())
