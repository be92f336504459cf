"""Why the derivative of a function is what its record says, in two lines."""

from __future__ import annotations

from matderiv.functions.record import Function
from matderiv.views.reasons import STEP_NAMES
from matderiv.views.rules.catalogue import BY_NAME

_OF_FUNCTIONS = {
    "power": (
        "x^k is a product of k factors x; changing each in turn gives k*x^(k-1)*dx.",
        "For any exponent x^k = exp(k*log(x)) gives the same; matrices keep their order.",
    ),
    "softmax": (
        "Entry i is s_i = exp(x_i)/S with S = sum(exp(x)), so ds_i = s_i*(dx_i - dS/S).",
        "dS/S = Σ_j exp(x_j)*dx_j/S = s'*dx: the sum is the same for every entry.",
    ),
    "logsumexp": (
        "With S = sum(exp(x)), d(log(S)) = dS/S and dS = Σ_i exp(x_i)*dx_i.",
        "exp(x_i)/S is entry i of softmax(x).",
    ),
    "log_softmax": (
        "log(exp(x_i)/S) = x_i - log(S) with S = sum(exp(x)).",
        "d(log(S)) = softmax(x)'*dx, the same number for every entry.",
    ),
    "max": (
        "Near a point without ties the largest entry stays the largest: f is that entry.",
        "So only its own change counts, dx_k where x_k is the maximum.",
    ),
    "min": (
        "Near a point without ties the smallest entry stays the smallest: f is that entry.",
        "So only its own change counts, dx_k where x_k is the minimum.",
    ),
    "norm2": (
        "norm2(x)^2 = x'*x, so 2*norm2(x)*d(norm2(x)) = 2*x'*dx.",
        "Divide by 2*norm2(x), which is not 0.",
    ),
    "prod": (
        "Changing each factor in turn gives Σ_i dx_i times the product of the others.",
        "The product of the others is prod(x)/x_i where no entry is 0.",
    ),
    "pinv": (
        "Differentiate the four equations of Moore and Penrose and solve for the change.",
        "While the rank stays, the projections on its ranges change smoothly with dX.",
    ),
}
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

    >>> from matderiv.expr import REGISTRY
    >>> proof_of(REGISTRY["inv"]) is BY_NAME["inverse"].proof, proof_of(REGISTRY["cholesky"])
    (True, ())
    """
    rule = BY_NAME.get(STEP_NAMES.get(function.name, ""))
    if rule is not None:
        return rule.proof
    return _OF_FUNCTIONS.get(function.name, _OF_KINDS.get(function.kind, ()))
