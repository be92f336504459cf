"""Programs spelled in NumPy, and in JAX, whose names are the same."""

from __future__ import annotations

from collections.abc import Sequence

from matderiv.output.code.dialect import (
    ATOM,
    PRODUCT,
    Dialect,
    Names,
    Special,
    Spelled,
    Template,
    calls,
    operators,
)
from matderiv.programs.program import Instruction

UNARY = (
    *("exp", "log", "log1p", "expm1", "sqrt", "abs", "sign", "sin", "cos", "tan", "arcsin"),
    *("arccos", "arctan", "sinh", "cosh", "tanh", "tril", "triu", "diag", "trace", "diagonal"),
)
BINARY = ("maximum", "minimum", "vdot", "kron", "cross", "outer")
MATRIX = ("inv", "det", "slogdet", "pinv", "cholesky")
ERF = ("import math", "erf = np.vectorize(math.erf, otypes=[float])")
EXPM = (
    "def expm(A):",
    '    """The matrix exponential: scaling and squaring with a Taylor series."""',
    "    k = max(0, int(np.ceil(np.log2(np.abs(A).sum() + 1))) + 4)",
    "    term = result = np.eye(len(A))",
    "    for j in range(1, 20):",
    "        term = term @ A / (j * 2**k)",
    "        result = result + term",
    "    return np.linalg.matrix_power(result, 2**k)",
)
SPECTRAL = (
    "def of_matrix(f, A):",
    '    """f of a square matrix, by its eigenvalues."""',
    "    w, V = np.linalg.eig(A)",
    "    return ((V * f(w + 0j)) @ np.linalg.inv(V)).real",
    "",
    "",
    "def matrix_power(A, k):",
    '    """A to any power."""',
    "    if float(k).is_integer():",
    "        return np.linalg.matrix_power(A, int(k))",
    "    return of_matrix(lambda w: w**k, A)",
)
ADJ = (
    "def adjugate(A):",
    '    """det(A)*inv(A), also for a singular A: from products of singular values."""',
    "    U, s, V = np.linalg.svd(A)",
    "    others = np.prod(np.where(np.eye(len(s), dtype=bool), 1, s), axis=1)",
    "    return np.linalg.det(U) * np.linalg.det(V) * (V.T * others) @ U.T",
)
DUPLICATION = (
    "def duplication(n):",
    '    """D with D vech(S) = vec(S) for a symmetric S."""',
    "    i = np.arange(n)",
    "    first, last = np.minimum(i[:, None], i), np.maximum(i[:, None], i)",
    "    place = first * n - first * (first + 1) // 2 + last",
    "    return np.eye(n * (n + 1) // 2)[place.reshape(-1)]",
)
DIAGONAL = (
    "def add_diagonal(spec, whole, part):",
    '    """`whole`, to which `part` is added where indices in `spec` are equal."""',
    "    np.einsum(spec, whole)[...] += part",
    "    return whole",
)


def templates(np: str, typed: str = "") -> dict[str, Template]:
    """The spellings with NumPy's names, the library being called `np`.

    `typed` is the argument that gives new arrays their type.
    """
    side = "{p0} * {p1}"
    return {
        **operators(),
        **calls(np, {name: name for name in UNARY}),
        **calls(np, {name: name for name in BINARY}, 2),
        **calls(np, {"where": "where"}, 3),
        **calls(f"{np}.linalg", {name: name for name in MATRIX}),
        **calls(f"{np}.linalg", {"solve": "solve"}, 2),
        "norm2": Template(f"{np}.linalg.norm({{0}})"),
        "adj": Template("adjugate({0})"),
        "rowdot": Template(f"{np}.sum({{0}} * {{1}}, axis=1)", ATOM, (3, 3)),
        "logdet": Template(f"{np}.where({{0}} > 0, {{1}}, {np}.nan)"),
        "matrix_power": Template(f"{np}.linalg.matrix_power({{0}}, {{p0}})"),
        "power_of": Template("matrix_power({0}, {1})"),
        "norm_nuc": Template(f'{np}.linalg.norm({{0}}, "nuc")'),
        "norm_spec": Template(f"{np}.linalg.norm({{0}}, 2)"),
        "real": Template("{0} * 1.0", PRODUCT, (PRODUCT,)),
        "eye": Template(f"{np}.eye({{p0}}{typed})"),
        "unit": Template(f"{np}.eye({{p0}}{typed})[{{p1}} - 1]"),
        "cols": Template(f"{np}.eye({{p0}}{typed})[:, {{p1}} - 1 : {{p2}}]"),
        "levicivita": Template(
            f"{np}.cross({np}.eye(3{typed})[:, None], {np}.eye(3{typed})[None, :])"
        ),
        "fuse": Template(f"{np}.eye({side}{typed}).reshape({side}, {{p0}}, {{p1}})"),
        "duplication": Template(f"duplication({{p0}}{typed})"),
        "commutation": Template(
            f"{np}.eye({side}{typed})[{np}.arange({side}).reshape({{p1}}, {{p0}}).T.reshape(-1)]"
        ),
    }


def special(np: str, typed: str = "") -> dict[str, Special]:
    """The spellings that depend on more than the arguments; `typed` as for `templates`."""

    def along(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        axis, keep = line.params
        how = "" if axis is None else f", axis={axis}" + (", keepdims=True" if keep else "")
        return Spelled(f"{np}.{line.operation}({arguments[0].text}{how})")

    def einsum(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        operands = ", ".join(a.text for a in arguments)
        how = ", optimize=True" if len(arguments) > 2 else ""
        return Spelled(f'{np}.einsum("{line.params[0]}", {operands}{how})')

    def permute(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        order = ", ".join(map(str, line.params))
        return Spelled(f"{np}.transpose({arguments[0].text}, ({order}))")

    def broadcast(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        shape = names.shape(line.shape)
        if arguments[0].text == "1":
            return Spelled(f"{np}.ones({shape}{typed})")
        if arguments[0].number:
            return Spelled(f"{np}.full({shape}, float({arguments[0].text}){typed})")
        return Spelled(f"{np}.broadcast_to({arguments[0].text}, {shape})")

    def reshape(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        if arguments[0].number:
            return broadcast(line, arguments, names)
        return Spelled(f"{arguments[0].at(ATOM)}.reshape({names.shape(line.shape)})")

    def pi(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
        return Spelled(f"{np}.pi", number=True)

    rules: dict[str, Special] = {"einsum": einsum, "permute": permute, "broadcast": broadcast}
    rules |= {"reshape": reshape, "pi": pi}
    return rules | dict.fromkeys(("sum", "mean", "max", "min", "prod"), along)


def functions_of_matrices(np: str) -> dict[str, Template]:
    """The logarithm and the root of a matrix, by the helper `of_matrix`."""
    of = {"logm": f"{np}.log", "sqrtm": f"{np}.sqrt"}
    return {name: Template(f"of_matrix({f}, {{0}})") for name, f in of.items()}


def _on_diagonal(line: Instruction, arguments: Sequence[Spelled], names: Names) -> Spelled:
    shape = f"np.zeros({names.shape(line.shape)})"
    whole = shape if line.operation == "on_diagonal" else arguments[0].text
    return Spelled(f'add_diagonal("{line.params[0]}", {whole}, {arguments[-1].text})')


NUMPY = Dialect(
    "numpy",
    ("import numpy as np",),
    {
        **templates("np"),
        "copy": Template("{0}.copy()", ATOM, (ATOM,)),
        **functions_of_matrices("np"),
        "erf": Template("erf({0})"),
        "expm": Template("expm({0})"),
    },
    special("np") | dict.fromkeys(("add_diagonal", "on_diagonal"), _on_diagonal),
    {
        **{"erf": ERF, "expm": EXPM, "adj": ADJ, "duplication": DUPLICATION},
        **dict.fromkeys(("add_diagonal", "on_diagonal"), DIAGONAL),
        **dict.fromkeys(("logm", "sqrtm", "power_of"), SPECTRAL),
    },
    (
        "np",
        "math",
        "erf",
        "expm",
        "of_matrix",
        "matrix_power",
        "adjugate",
        "duplication",
        "add_diagonal",
    ),
    copy="{0}.copy()",
)
