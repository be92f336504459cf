"""The rules that steps name, all in one place.

A step names a rule of calculus, which stands in `calculus_rules` or `writing_rules`, or a function,
whose record in `functions/` says the rest.
"""

from matderiv.expr import REGISTRY
from matderiv.functions.record import Function
from matderiv.views.reasons import STEP_NAMES
from matderiv.views.rules.calculus import CALCULUS
from matderiv.views.rules.rule import Rule
from matderiv.views.rules.writing import WRITING

RULES = (*CALCULUS, *WRITING)
BY_NAME: dict[str, Rule] = {r.name: r for r in RULES}


def catalogued(name: str) -> Rule | Function | None:
    """What stands behind the name of a rule in a step; None for a name that no step has.

    >>> found = catalogued("relu")
    >>> isinstance(found, Function), catalogued("vec") is BY_NAME["vec"], catalogued("foo")
    (True, True, None)
    """
    if name in BY_NAME:
        return BY_NAME[name]
    return next((f for f in REGISTRY.values() if name in (f.label, STEP_NAMES.get(f.name))), None)
