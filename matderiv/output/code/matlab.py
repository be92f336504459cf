"""Programs spelled in MATLAB and Octave."""

from matderiv.output.code.columns import Shaped, operators, words
from matderiv.output.code.dialect import ATOM, COMPARE, PRODUCT, SUM, Columns, Dialect, Template

SAME = ("erf", "trace", "diag", "expm", "logm", "sqrtm")
OWN = {**{"lgamma": "gammaln", "digamma": "psi", "diagonal": "diag", "real": "double"}}
WHERE = (
    "function z = where(c, x, y)",
    "    one = ones(size(c | isnan(x) | isnan(y)));",
    "    c = logical(c .* one); x = x .* one; z = y .* one;",
    "    z(c) = x(c);",
    "end",
)
TEMPLATES = {
    **operators("{0}.'"),
    **{name: Template(f"{name}({{0}})") for name in SAME},
    **{name: Template(f"{own}({{0}})") for name, own in OWN.items()},
    **{f: Template(f"{f}({{0}})") for f in ("sum", "mean", "max", "min", "prod")},
    **{f"{f}_all": Template(f"{f}({f}({{0}}))") for f in ("sum", "mean", "max", "min", "prod")},
    **{f"{f}_along": Template(f"{f}({{0}}, {{1}})") for f in ("sum", "mean", "prod")},
    **{f"{f}_along": Template(f"{f}({{0}}, [], {{1}})") for f in ("max", "min")},
    "atan2": Template("atan2({0}, {1})"),
    "ne": Template("{0} ~= {1}", COMPARE, (SUM, SUM)),
    "inner": Template("{0}.' * {1}", PRODUCT, (ATOM, ATOM)),
    "vdot": Template("sum(sum({0} .* {1}))", ATOM, (PRODUCT, 3)),
    "rowdot": Template("sum({0} .* {1}, 2)", ATOM, (PRODUCT, 3)),
    "coldot": Template("sum({0} .* {1}, 1).'", ATOM, (PRODUCT, 3)),
    "vec": Template("reshape({0}, [], 1)"),
    "norm2": Template("norm({0}, 'fro')"),
    "where": Template("where({0}, {1}, {2})"),
    "logdet": Template("where({0} > 0, {1}, NaN)"),
    "eye": Template("full(eye({p0}))"),
    "ones_vector": Template("ones({0}, 1)"),
}
LOOK = Columns(
    "function [{results}] = {name}({arguments})",
    "%",
    "size({0}, {1})",
    "assert(isequal(size({0}), [{1}]), '{0} is not {2}')",
    ("end",),
    end=";",
    pair=("{0} = sign(det({2}))", "[~, upper] = lu({2})", "{1} = sum(log(abs(diag(upper))))"),
    vector="({0}, 1)",
    ascii=True,
)
RESERVED = (
    "end function if elseif else for parfor spmd while switch case otherwise break continue return "
    "try catch classdef global persistent upper lu isequal assert NaN size"
).split()
MATLAB = Dialect(
    "matlab",
    (),
    TEMPLATES,
    Shaped(TEMPLATES, "{0}.'", "reshape({0}, [], 1)").rules(),
    {"where": WHERE},
    (*words(TEMPLATES), *RESERVED),
    columns=LOOK,
)
