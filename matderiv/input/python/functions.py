"""Functions of NumPy, SciPy and PyTorch by their names, as functions of the text language."""

from collections.abc import Callable, Mapping, Sequence

from matderiv.arguments import pairs
from matderiv.errors import Span
from matderiv.expr import REGISTRY
from matderiv.input.python.arguments import TORCH, PythonCall
from matderiv.input.python.arrays import Arrays
from matderiv.input.python.definitions import DEFINITIONS, nll_loss, of_labels
from matderiv.input.python.forms import FORMS
from matderiv.input.python.layers import LAYERS
from matderiv.input.python.operands import Array, Items, Value, Word
from matderiv.input.python.products import PRODUCTS
from matderiv.input.python.reductions import REDUCTIONS
from matderiv.language.calls import function_names
from matderiv.language.source import Number

PARAMETERS = {
    "relu": ("a", "inplace"),
    "silu": ("a", "inplace"),
    "leaky_relu": ("a", "negative_slope", "inplace"),
    "gelu": ("a", "approximate"),
}
"""The parameters of functions that have more than one."""

PAIRS = {
    **pairs("""
    maximum maximum    minimum minimum    fmax maximum       fmin minimum
    greater gt         less lt            greater_equal ge   less_equal le
"""),
    **{n: n for n in ("gt", "lt", "ge", "le")},
}
RENAMED = pairs("""
    inverse inv     matrix_exp expm         asin arcsin             acos arccos    atan arctan
    absolute abs    fabs abs    sgn sign    log_sigmoid logsigmoid  log_expit logsigmoid
    range arange
""")
CLASSES = {
    **pairs("""
    MSELoss mse_loss        L1Loss l1_loss          SmoothL1Loss smooth_l1_loss
    NLLLoss nll_loss        KLDivLoss kl_div        BCELoss binary_cross_entropy
    HuberLoss huber_loss    BCEWithLogitsLoss binary_cross_entropy_with_logits
    PoissonNLLLoss poisson_nll_loss                 GaussianNLLLoss gaussian_nll_loss
    HingeEmbeddingLoss hinge_embedding_loss         MarginRankingLoss margin_ranking_loss
    SoftMarginLoss soft_margin_loss                 CrossEntropyLoss cross_entropy
    LeakyReLU leaky_relu    LogSoftmax log_softmax  SiLU silu
"""),
    **{name: name.lower() for name in ("ReLU", "Sigmoid", "Tanh", "Softmax", "Softplus", "GELU")},
}
"""Layers and losses of torch.nn that are made and applied at once."""

UNLIKE = {
    "huber": "huber(x, d) here is special.huber(d, x) in SciPy",
    "adj": "is read in the text language",
    "lu": "exchanges rows in SciPy and PyTorch, lu_l(A) and lu_u(A) do not",
    "vander": "begins with the highest power in NumPy, with 1 in the text language",
}
UNLIKE_TORCH = {
    "sort": "gives the sorted entries and their places",
    "median": "of an even number of entries is the lower of two in PyTorch",
}
"""Names that the text language has, and NumPy or PyTorch in another sense."""


class Library(Arrays):
    """What a call means, by the last part of its name: np.linalg.inv is inv.

    `expand` gives the value of a function that is defined in Python.
    """

    expand: Callable[[PythonCall], Value]

    def applied(
        self,
        name: str,
        values: Sequence[Value],
        keywords: Mapping[str, Value],
        span: Span,
        place: Span,
        *,
        module: str = "",
        method: bool = False,
    ) -> Value:
        """The value of a call; ParseError for arguments that are not read, UnknownFunction."""
        call = PythonCall(self, name, values, keywords, span, place, module=module, method=method)
        special = _SPECIAL.get(name)
        definition = DEFINITIONS.get(name)
        more = len(values) + len(keywords) > 1
        plain = special is not None or name in function_names()
        if definition and (not plain or (more and definition.fits(call))):
            return self.expand(call)
        if special is not None:
            return special(self, call)
        if is_entrywise(name):
            return self._entrywise_call(call)
        if name in PAIRS:
            a, b = call.arrays(2)
            return self.entrywise(PAIRS[name], (a, b), span)
        unlike = {**UNLIKE, **(UNLIKE_TORCH if method or call.dialect == TORCH else {})}
        if (module or method) and name in unlike:
            raise call.error(unlike[name])
        name = RENAMED.get(name, name)
        known = name in function_names()
        nodes = [a.node for a in call.arrays(len(values))] if known else []
        return self.array(self.build.call(name, nodes, span, place))

    def _entrywise_call(self, call: PythonCall) -> Array:
        found = call.bind(*PARAMETERS.get(call.name, ("a",)))
        a = call.first(found)
        nodes = [a.node]
        if "negative_slope" in found:
            nodes.append(call.array_of(found["negative_slope"]).node)
        approximate = found.get("approximate")
        how = approximate.text if isinstance(approximate, Word) else ""
        if how in ("tanh", "True") or (call.module == "jax" and call.name == "gelu" and not how):
            call.name, call.values, call.keywords = "gelu_tanh", [a], {}
            return call.array_of(self.expand(call))
        name = RENAMED.get(call.name, call.name)
        made = self.build.call(name, nodes, call.span, call.place)
        return Array(made, a.shape)


# What needs more than a name ----------------------------------------------------------------------


def _arithmetic(lib: Arrays, call: PythonCall) -> Array:
    a, b = call.arrays(2)
    if call.name in ("multiply", "mul"):
        return lib.product(a, b, call.span)
    if call.name in ("divide", "true_divide", "div"):
        return lib.quotient(a, b, call.span)
    if call.name in ("power", "pow", "float_power"):
        return lib.power(a, b, call.span)
    if call.name in ("subtract", "sub"):
        b = lib.negative(b, b.span)
    return lib.sum_of([a, b], call.span)


def _where(lib: Arrays, call: PythonCall) -> Array:
    test, a, b = call.arrays(3)
    if not test.mask:
        raise call.error("starts with a comparison", "np.where(z > 0, a, b)")
    return lib.entrywise("where", (test, a, b), call.span)


def _heaviside(lib: Arrays, call: PythonCall) -> Array:
    a, b = call.arrays(2)
    if call.whole(b) != 0:
        raise call.error("is read with the value 0 at 0 only", "np.heaviside(z, 0)")
    return Array(lib.build.call("step", (a.node,), call.span, call.place), a.shape)


def _clip(lib: Arrays, call: PythonCall) -> Array:
    given = call.bind("a", "min", "max")
    found, bounded = call.first(given), False
    for name, function in (("min", "maximum"), ("max", "minimum")):
        bound = given.get(name)
        if bound is not None and not (isinstance(bound, Word) and bound.text == "None"):
            found = lib.entrywise(function, (found, call.array_of(bound)), call.span)
            bounded = True
    if not bounded:
        raise call.error("needs a bound", "np.clip(x, 0, 1)")
    return found


def _slogdet(lib: Arrays, call: PythonCall) -> Items:
    (a,) = call.arrays(1)
    if a.rank != 2:
        raise call.error("takes a matrix")
    inside = lib.build.call("det", (a.node,), call.span)
    sign = Array(lib.build.call("sign", (inside,), call.span), ())
    both = (sign, call.made("logdet", (a.node,)))
    return Items(both, call.span, ("sign", "logabsdet"))


def _logaddexp(lib: Arrays, call: PythonCall) -> Array:
    a, b = call.arrays(2)
    for zero, other in ((a, b), (b, a)):
        if isinstance(zero.node, Number) and zero.node.value == 0:
            return Array(lib.build.call("softplus", (other.node,), call.span), other.shape)
    powers = [Array(lib.build.call("exp", (v.node,), v.span), v.shape) for v in (a, b)]
    total = lib.sum_of(powers, call.span)
    return Array(lib.build.call("log", (total.node,), call.span), total.shape)


def _cross(lib: Arrays, call: PythonCall) -> Array:
    a, b = (lib.axes_at_least(v, 1) for v in call.arrays(2))
    if (a.rank, b.rank) != (1, 1):
        raise call.error("is read for two vectors", "np.cross(a, b)")
    return call.made("cross", (a.node, b.node))


def _cross_entropy(lib: Arrays, call: PythonCall) -> Array:
    """PyTorch's, which is the mean over rows: of probabilities, or of labels."""
    if call.dialect == TORCH and (by_labels := of_labels(lib, call)) is not None:
        return by_labels
    a, b = call.arrays(2)
    if call.dialect == TORCH and (a.rank, b.rank) not in ((1, 1), (2, 2)):
        raise call.error("is read for probabilities, one row per example, or labels of rows")
    return call.made("cross_entropy", (a.node, b.node))


_SPECIAL: dict[str, Callable[[Arrays, PythonCall], Value]] = {
    **PRODUCTS,
    **FORMS,
    **REDUCTIONS,
    "nll_loss": nll_loss,
    **LAYERS,
    **dict.fromkeys(
        "multiply mul divide true_divide div power pow float_power".split(), _arithmetic
    ),
    **dict.fromkeys(("add", "subtract", "sub"), _arithmetic),
    "where": _where,
    "heaviside": _heaviside,
    **dict.fromkeys(("clip", "clamp"), _clip),
    "slogdet": _slogdet,
    "logaddexp": _logaddexp,
    "cross": _cross,
    "cross_entropy": _cross_entropy,
}


def is_entrywise(name: str) -> bool:
    """True for a function of each entry of one array, perhaps with settings."""
    records = function_names().get(RENAMED.get(name, name), ())
    each = (REGISTRY[r].kind == "elementwise" and REGISTRY[r].arity == (1, 1) for r in records)
    return name in PARAMETERS or any(each)


def is_function(name: str) -> bool:
    """True for a name that a call may have without a module before it."""
    known = (_SPECIAL, PAIRS, RENAMED, DEFINITIONS)
    return any(name in table for table in known) or name in function_names()
