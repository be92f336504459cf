"""Programs spelled in Julia, with its LinearAlgebra and Statistics."""

from matderiv.output.code.columns import Shaped, operators, words
from matderiv.output.code.dialect import ATOM, COMPARE, PRODUCT, SUM, Columns, Dialect, Template

WHOLE = {"trace": "tr", "diag": "diagm", "diagonal": "diag", "expm": "exp", "logm": "log"}
ALONG = {"sum": "sum", "mean": "mean", "max": "maximum", "min": "minimum", "prod": "prod"}
TEMPLATES = {
    **operators("{0}'", "."),
    **{name: Template(f"{own}({{0}})") for name, own in WHOLE.items()},
    **{f: Template(f"{own}({{0}})") for f, own in ALONG.items()},
    **{f"{f}_all": Template(f"{own}({{0}})") for f, own in ALONG.items()},
    **{f"{f}_along": Template(f"{own}({{0}}, dims={{1}})") for f, own in ALONG.items()},
    "atan2": Template("atan.({0}, {1})"),
    "ne": Template("{0} .!= {1}", COMPARE, (SUM, SUM)),
    "inner": Template("dot({0}, {1})"),
    "vdot": Template("dot({0}, {1})"),
    "rowdot": Template("vec(sum({0} .* {1}, dims=2))", ATOM, (PRODUCT, 3)),
    "coldot": Template("vec(sum({0} .* {1}, dims=1))", ATOM, (PRODUCT, 3)),
    "vec": Template("vec({0})"),
    "norm2": Template("norm({0})"),
    "where": Template("ifelse.({0}, {1}, {2})"),
    "logdet": Template("{0} > 0 ? {1} : NaN", COMPARE),
    "real": Template("1.0 .* {0}", PRODUCT, (PRODUCT,)),
    "eye": Template("Matrix{{Float64}}(I, {p0}, {p0})"),
    "cols": Template("Matrix{{Float64}}(I, {p0}, {p0})[:, {p1}:{p2}]"),
    "ones_vector": Template("ones({0})"),
    "only": Template("only({0})"),
}
LOOK = Columns(
    "function {name}({arguments})",
    "#",
    "size({0}, {1})",
    '@assert size({0}) == ({1}) "{0} is not {2}"',
    ("    return {results}", "end"),
    pair=("{1}, {0} = logabsdet({2})",),
)
RESERVED = (
    "baremodule begin break catch const continue do else elseif end export false finally for "
    "function global if import let local macro module quote return struct true try using while "
    "logabsdet size"
).split()
JULIA = Dialect(
    "julia",
    ("using LinearAlgebra, Statistics", ""),
    TEMPLATES,
    Shaped(TEMPLATES, "{0}'", "vec({0})").rules(),
    reserved=(*words(TEMPLATES), *RESERVED),
    columns=LOOK,
)
