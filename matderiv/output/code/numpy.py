"""Programs spelled in NumPy, double and single precision, and in JAX, whose names are the same."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from matderiv.output.code.dialect import (
    ATOM,
    COMPARE,
    PRODUCT,
    Code,
    CodeNames,
    Dialect,
    Special,
    Template,
    Words,
    calls,
    correlations,
    decompositions,
    maps,
    of_known_order,
    operators,
    pi,
)
from matderiv.programs.program import Instruction

UNARY = (
    *("exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "sinh", "cosh", "tanh", "tril", "triu", "diag", "trace", "diagonal"),
    *("floor", "sinc"),
)
"""The first 16 are functions of entries that Python's `math` has too."""
INVERSE = {"asinh": "arcsinh", "atanh": "arctanh"}
BINARY = ("maximum", "minimum", "vdot", "kron", "cross", "outer")
MATRIX = ("inv", "det", "slogdet", "pinv", "cholesky")


def definitions(file: str) -> dict[str, tuple[str, ...]]:
    """The definitions in a file of this folder, with an empty line between them, by their names."""
    code = Path(__file__).with_name(file).read_text(encoding="utf-8")
    blocks = [tuple(block.split("\n")) for block in code.strip().split("\n\n")]
    name = r"(?m)^(?:def )?(\w+)(?:\(| =)"
    return {re.findall(name, "\n".join(lines))[0]: lines for lines in blocks}


LIBRARY = definitions("definitions_numpy.txt")
"""What NumPy lacks."""


def templates(np: str, typed: str = "") -> dict[str, Template]:
    """The spellings with NumPy's names, the library being called `np`.

    `typed` is the argument that gives new arrays their type.
    """
    side = "{p0} * {p1}"
    return {
        **operators(),
        **calls(np, {name: name for name in UNARY}),
        **calls(np, INVERSE),
        **calls(np, {**{name: name for name in BINARY}, "atan2": "arctan2"}, 2),
        **calls(np, {"where": "where"}, 3),
        **calls(f"{np}.linalg", {name: name for name in MATRIX}),
        **calls(f"{np}.linalg", {"solve": "solve"}, 2),
        "svdvals": Template(f"{np}.linalg.svd({{0}}, compute_uv=False)"),
        "skew": Template(f"{np}.cross({{0}}, {np}.eye(3{typed})).T"),
        **maps(np, typed, f"{np}.triu_indices({{p0}})"),
        "onehot": Template(
            f"({np}.rint({np}.clip({{0}}, 1, {{p0}}))[..., None] == {np}.arange({{p0}}) + 1) * 1.0",
            PRODUCT,
        ),
        "norm2": Template(f"{np}.linalg.norm({{0}})"),
        "adj": Template("adjugate({0})"),
        "rowdot": Template(f"{np}.sum({{0}} * {{1}}, axis=1)", ATOM, (3, 3)),
        "coldot": Template(f"{np}.sum({{0}} * {{1}}, axis=0)", ATOM, (3, 3)),
        "logdet": Template(f"{np}.where({{0}} > 0, {{1}}, {np}.nan)"),
        "matrix_power": Template(f"{np}.linalg.matrix_power({{0}}, {{p0}})"),
        "power_of": Template("matrix_power({0}, {1})"),
        "norm_nuc": Template(f'{np}.linalg.norm({{0}}, "nuc")'),
        "norm_spec": Template(f"{np}.linalg.norm({{0}}, 2)"),
        "real": Template("{0} * 1.0", PRODUCT, (PRODUCT,)),
        "levicivita": Template(
            f"{np}.cross({np}.eye(3{typed})[:, None], {np}.eye(3{typed})[None, :])"
        ),
        "fuse": Template(f"{np}.eye({side}{typed}).reshape({side}, {{p0}}, {{p1}})"),
        "duplication": Template(f"duplication({{p0}}{typed})"),
        "commutation": Template(
            f"{np}.eye({side}{typed})[{np}.arange({side}).reshape({{p1}}, {{p0}}).T.reshape(-1)]"
        ),
    }


MATH = {"arcsin": "math.asin", "arccos": "math.acos", "arctan": "math.atan", "abs": "abs"}


def of_numbers(templates: Mapping[str, Template]) -> dict[str, Special]:
    """Functions of plain numbers with `math`, whose results are plain numbers."""

    def spelled(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        if arguments[0].number:
            name = MATH.get(line.operation, f"math.{line.operation}")
            return Code(f"{name}({arguments[0].text})", number=True)
        return templates[line.operation].filled(arguments)

    return dict.fromkeys((name for name in (*UNARY[:16], "erf") if name != "sign"), spelled)


def on_diagonals(typed: str = "") -> dict[str, Special]:
    """A part that is added, or stands in zeros, where letters are equal."""

    def spelled(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
        zeros = f"np.zeros({names.shape(line.shape)}{typed})"
        whole = zeros if line.operation == "on_diagonal" else arguments[0].text
        return Code(f'add_diagonal("{line.params[0]}", {whole}, {arguments[-1].text})')

    return dict.fromkeys(("add_diagonal", "on_diagonal"), spelled)


PLAIN = {
    "conv1d": Template('np.correlate({0}, {1}, "valid")'),
    "conv2d": Template("conv2d({0}, {1})"),
}


def _correlated(name: str, x: str, w: str, steps: Sequence[int]) -> str:
    return f"correlate({x}, {w}, {', '.join(map(str, steps))})"


NUMPY = Dialect(
    "numpy",
    ("import numpy as np",),
    {
        **templates("np"),
        "copy": Template("{0}.copy()", ATOM, (ATOM,)),
        "logdet": Template("{1} if {0} > 0 else np.nan", COMPARE),
        "rowdot": Template('np.einsum("ij,ij->i", {0}, {1})'),
        "coldot": Template('np.einsum("ij,ij->j", {0}, {1})'),
        **decompositions("np", "expm"),
        **{name: Template(f"{name}({{0}})") for name in ("erf", "lgamma", "digamma", "probit")},
        "bessel_i0": Template("np.i0({0})"),
        "bessel_i1": Template("bessel_i1({0})"),
        "conv": Template("np.convolve({0}, {1})"),
        "conv2d_full": Template("conv2d_full({0}, {1})"),
        "expm": Template("expm({0})"),
    },
    Words("np").special()
    | {"pi": pi("np")}
    | correlations(_correlated, PLAIN)
    | on_diagonals()
    | {"polygamma": of_known_order("polygamma")},
    LIBRARY,
    ("np", "math", "statistics"),
    copy="{0}.copy()",
)


# Single precision ---------------------------------------------------------------------------------

SINGLE = ", dtype=np.float32"


def _in_single(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition whose new arrays are in single precision."""
    typed = (text.replace("[float]", "[np.float32]") for text in lines)
    made = (text.replace("np.eye(len(A))", f"np.eye(len(A){SINGLE})") for text in typed)
    made = (text.replace("arange(64)", f"arange(64{SINGLE})") for text in made)
    made = (text.replace("np.nan, 1.0)", "np.nan, np.float32(1))") for text in made)
    return tuple(text.replace("// 2)[place", f"// 2{SINGLE})[place") for text in made)


def _of_one(template: Template) -> Template:
    return template._replace(text=template.text.replace("1.0", "np.float32(1)"))


_TEMPLATES = {
    **NUMPY.templates,
    **{k: v for k, v in templates("np", SINGLE).items() if v != templates("np").get(k)},
    **{k: _of_one(NUMPY.templates[k]) for k in ("real", "onehot")},
    "duplication": NUMPY.templates["duplication"],
}
NUMPY_SINGLE = replace(
    NUMPY,
    imports=("import math", *NUMPY.imports),
    templates=_TEMPLATES,
    special={
        **NUMPY.special,
        **Words("np", SINGLE).special(),
        **on_diagonals(SINGLE),
        **of_numbers(_TEMPLATES),
    },
    extras={name: _in_single(lines) for name, lines in NUMPY.extras.items()},
    single="np.float32({0})",
    dtype="np.float32",
)
