"""Programs spelled in PyTorch. Plain numbers stay with Python's `math`."""

from collections.abc import Sequence

from matderiv.output.code.dialect import (
    ATOM,
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
    diagonals,
    maps,
    of_known_order,
    pi,
)
from matderiv.output.code.numpy import LIBRARY, definitions, of_numbers, templates
from matderiv.programs.program import Instruction

OPTIONS = "**options"  # the dtype and device of the first array
SINGLE = f"torch.tensor(float({{0}}), {OPTIONS})"
OWN = definitions("definitions_torch.txt")
SPECIAL = {
    **{"lgamma": "lgamma", "digamma": "digamma", "sinc": "sinc", "asinh": "asinh"},
    **{"atanh": "atanh", "atan2": "atan2", "floor": "floor", "probit": "special.ndtri"},
    **{"bessel_i0": "special.i0", "bessel_i1": "special.i1"},
}
"""Functions of entries that take tensors only."""


def _in_torch(lines: tuple[str, ...]) -> tuple[str, ...]:
    """A definition in NumPy with PyTorch's names."""
    own = (text.replace("dtype=A.dtype", "dtype=A.dtype, device=A.device") for text in lines)
    return tuple(text.replace("np.", "torch.") for text in own)


CONVOLUTIONS = ("conv", "conv1d", "conv2d", "conv2d_full")


TEMPLATES = {
    **templates("torch", f", {OPTIONS}"),
    **calls("torch", {"erf": "erf", **SPECIAL}),
    **calls("torch.linalg", {"expm": "matrix_exp", "svdvals": "svdvals"}),
    **calls("torch.linalg", {"cross": "cross"}, 2),
    "kron": Template("torch.kron({0}.contiguous(), {1}.contiguous())", ATOM, (ATOM, ATOM)),
    "vdot": Template("torch.sum({0} * {1})", ATOM, (3, 3)),
    "rowdot": Template("torch.sum({0} * {1}, dim=1)", ATOM, (3, 3)),
    "coldot": Template("torch.sum({0} * {1}, dim=0)", ATOM, (3, 3)),
    "logdet": Template('torch.where({0} > 0, {1}, float("nan"))'),
    "norm2": Template("torch.linalg.vector_norm({0})"),
    **decompositions("torch", "torch.linalg.matrix_exp"),
    **{name: Template(f"{name}({{0}}, {{1}})") for name in CONVOLUTIONS},
    "atan2": Template("torch.atan2({0}, {1})"),
    "skew": Template(f"torch.linalg.cross({{0}}[None, :], torch.eye(3, {OPTIONS})).T"),
    **maps("torch", f", {OPTIONS}", "tuple(torch.triu_indices({p0}, {p0}))"),
    "norm_nuc": Template('torch.linalg.matrix_norm({0}, "nuc")'),
    "norm_spec": Template("torch.linalg.matrix_norm({0}, 2)"),
    "levicivita": Template(
        f"torch.linalg.cross(torch.eye(3, {OPTIONS})[:, None], torch.eye(3, {OPTIONS})[None, :])"
    ),
    "duplication": Template("duplication({p0}, options)"),
    "commutation": Template(
        f"torch.eye({{p0}} * {{p1}}, {OPTIONS})"
        "[torch.arange({p0} * {p1}, device=options['device'])"
        ".reshape({p1}, {p0}).T.reshape(-1)]"
    ),
}


def _correlated(name: str, x: str, w: str, steps: Sequence[int]) -> str:
    """PyTorch's own: stride, padding, dilation and groups follow the bias."""
    return f"torch.nn.functional.{name}({x}, {w}, None, {', '.join(map(str, steps))})"


def _bounded(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    """max(x, 0) as a clamp: torch.maximum takes no numbers."""
    side = "min" if line.operation == "maximum" else "max"
    for x, bound in (arguments, arguments[::-1]):
        if x.number and bound.number:
            return Code(f"{line.operation[:3]}({x.text}, {bound.text})", number=True)
        if bound.number:
            return Code(f"torch.clamp({x.text}, {side}={bound.text})")
    return Code(f"torch.{line.operation}({arguments[0].text}, {arguments[1].text})")


def _of_tensors(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    """A function that takes no plain numbers."""
    made = [Code(SINGLE.format(a.text)) if a.number else a for a in arguments]
    return TEMPLATES[line.operation].filled(made)


def _real(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    if arguments[0].number:
        return Code(f"float({arguments[0].text})", number=True)
    return Code(f'{arguments[0].at(ATOM)}.to(options["dtype"])')


def _onehot(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    """1 where a label is the number of the column."""
    (y,), n = arguments, names.size(line.params[0]).at(PRODUCT)
    labels = f"torch.clip({SINGLE.format(y.text) if y.number else y.text}, 1, {n})"
    places = f"torch.arange(1, {n} + 1, {OPTIONS})"
    return Code(f'(torch.abs({labels}[..., None] - {places}) < 0.5).to(options["dtype"])')


def _where(line: Instruction, arguments: Sequence[Code], names: CodeNames) -> Code:
    """A choice between two numbers has the precision of the arrays."""
    test, first, second = (a.text for a in arguments)
    test = f"torch.tensor({test})" if arguments[0].number else test
    if arguments[1].number and arguments[2].number:
        first = f"torch.tensor(float({first}), {OPTIONS})"
    return Code(f"torch.where({test}, {first}, {second})")


_SPECIAL: dict[str, Special] = {
    **Words(
        "torch",
        f", {OPTIONS}",
        axis="dim",
        keep="keepdim",
        other={"max": "amax", "min": "amin"},
        permute="permute",
        optimize="",
        spread="{whole}.expand({shape})",
    ).special(),
    **diagonals("torch", OPTIONS),
    **correlations(_correlated, TEMPLATES),
    "pi": pi("math"),
    "real": _real,
    "where": _where,
    "onehot": _onehot,
    **dict.fromkeys(("maximum", "minimum"), _bounded),
    **dict.fromkeys((*SPECIAL, "norm_p", "sign"), _of_tensors),
    "polygamma": of_known_order("torch.polygamma", SINGLE),
    **of_numbers(TEMPLATES),
}
TORCH = Dialect(
    "torch",
    ("import math", "import torch"),
    TEMPLATES,
    _SPECIAL,
    {**{name: _in_torch(lines) for name, lines in LIBRARY.items()}, **OWN},
    ("torch", "math", "options"),
    copy="{0}.clone()",
    single=SINGLE,
)
