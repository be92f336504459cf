"""Texts that would be read as something else than was meant, and are refused instead.

A name that nobody declared is a new constant, which is wrong where it is made of names of the same
text (`Ax` beside x is A*x), or an entry of an array that is there whole (`z_1` beside z).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import chain

from matderiv.errors import MatderivError, ParseError
from matderiv.input.glued import is_weight
from matderiv.language.declare import SPELLED
from matderiv.language.shaping import Shaping
from matderiv.language.sizes import is_open
from matderiv.language.source import Call, Name, Node, Operation, Source, changed, unsigned
from matderiv.language.tokens import GREEK_NAMES
from matderiv.shapes import Shape, long_axes

_ENTRY = re.compile(r"(?P<whole>[^\W\d_]+)_(?P<at>[a-z]{1,2}|[1-9]{1,2})")
_RUN = re.compile(r"[A-Za-z]+ read as [A-Za-z*]+")
_SIDE_BY_SIDE = re.compile(r"(?:['ᵀ⊤)]|\^T)\s*[A-Za-z]")
WORDS = frozenset(
    "an and are at by derivative for from given grad gradient hessian is jacobian let of on or "
    "over respect subject that the then times to with wrt plus minus divided squared half "
    "twice".split()
)
_SHORT = 4  # letters of the longest name that is taken for a product without signs


def check_meant(shaping: Shaping, asked: Collection[str] = ()) -> None:
    """ParseError for a guessed name that is a product or an entry, and for exp of a square matrix.

    Names that are `asked` about, and those of Python, are no products.

    >>> try:
    ...     read("norm2(alx - b)^2 + l*norm2(x)^2")
    ... except ParseError as error:
    ...     print(error.message)
    alx is no name here: l, x are
    >>> sorted(read("norm2(Ax - b)^2 + norm2(x)^2", shapes={"Ax": "m"}).variables)
    ['Ax', 'b', 'x']
    """
    if not shaping.context.guess:
        return
    source = shaping.source
    runs = source.spelling == "text" and bool(_SIDE_BY_SIDE.search(source.text))
    runs = runs or any(_RUN.fullmatch(remark) for remark in source.remarks)
    for name, node in shaping.guessed.items():
        atomic = source.spelling == "python" or name in asked
        error = None if atomic else _word(name) or _glued(name, shaping.variables, runs)
        error = error or _entry(name, shaping) or (None if atomic else _sign(name, node, shaping))
        if error is not None:
            error.source, error.span = source.text, node.span
            raise error
    for call in source.doubtful:
        _check_matrix_function(call, shaping)


OF_A_MATRIX = {"exp": "expm", "log": "logm", "ln": "logm", "sqrt": "sqrtm"}


def of_matrices(shaping: Shaping) -> Source | None:
    """The source with the functions of matrices that `\\log X` and its kin mean in LaTeX.

    None where all functions work entry by entry: their operands are no square matrices.
    """
    meant = [c for c in shaping.source.doubtful if isinstance(c, Call) and c.name in OF_A_MATRIX]
    spans = {c.span for c in meant if _is_square(c.operands[0], shaping)}
    if not spans:
        return None

    def named(node: Node) -> Node:
        if isinstance(node, Call) and node.span in spans and node.name in OF_A_MATRIX:
            return replace(node, name=OF_A_MATRIX[node.name])
        return node

    return changed(shaping.source, named)


def _is_square(node: Node, shaping: Shaping) -> bool:
    shape = shaping.sizes.shape(shaping.shapes.get(node, ()))
    return len(long_axes(shape)) == 2 and shape[0] == shape[1]


def _word(name: str) -> MatderivError | None:
    """The error for a word of a sentence, which is no factor."""
    if name.lower() not in WORDS:
        return None
    said = f"{name} is a word here, and only a formula is read"
    return ParseError(said, hint=f"the formula alone, or a declaration: {name}: sizes")


def _glued(name: str, names: Mapping[str, Shape], runs: bool) -> MatderivError | None:
    """The error for `Ax` beside x: all its letters but one are names, or it mixes cases.

    With other `runs` of names in the text, a short word is no name either.
    """
    if not name.isalpha() or not 2 <= len(name) <= _SHORT or name.lower() in GREEK_NAMES:
        return None
    if is_weight(name) or name in SPELLED:
        return None
    if name[0] == "d" and name[1:] in names:
        return None  # a change
    if len(name) <= 3 and (name.isupper() or runs):
        said = f"{name} can be one name or a product"
        return ParseError(said, hint=f"{'*'.join(name)}, or a declaration: {name}: sizes")
    known = [letter for letter in dict.fromkeys(name) if letter in names]
    unknown = [letter for letter in dict.fromkeys(name) if letter not in names]
    if not known or len(unknown) > 1:
        return None
    are = f"{', '.join(known)} {'is one' if len(known) == 1 else 'are'}"
    return ParseError(
        f"{name} is no name here: {are}", hint=f"{'*'.join(name)}, or a declaration: {name}: sizes"
    )


def _entry(name: str, shaping: Shaping) -> MatderivError | None:
    """The error for `z_1` beside an array z, unless one is added to or taken from the other."""
    found = _ENTRY.fullmatch(name)
    whole = found["whole"] if found else ""
    if not long_axes(shaping.variables.get(whole, ())) or _added(name, whole, shaping):
        return None
    said = f"{name} can be an entry of {whole}, and only whole arrays are read here"
    return ParseError(said, hint=f"a declaration where it is an array of its own: {name}: sizes")


def _sign(name: str, node: Node, shaping: Shaping) -> MatderivError | None:
    r"""The error for `A o X`, an entrywise product, and for `\overline{x}` beside x."""
    text, (start, end) = shaping.source.text, node.span
    before, after = re.search(r"[\w)}]\s+$", text[:start]), re.match(r"\s+[\w(\\]", text[end:])
    if name in ("const", "constant") and before:
        return ParseError(f"{name} is a word here and no factor", hint=f"+ {name}")
    if name == "o" and before and after:
        said = "o can be the sign of an entrywise product or a name"
        return ParseError(said, hint=r"A .* X, A \odot X")
    base, bar = name[: -len("_bar")], text.startswith(r"\overline", start)
    if bar and name.endswith("_bar") and base in shaping.variables:
        said = f"{text[start:end]} can be a mean, a conjugate or a name of its own"
        return ParseError(said, hint=r"\bar x for a name")
    return None


def _added(name: str, whole: str, shaping: Shaping) -> bool:
    """True where `x - x_k`, or `Ax - x_g` in LaTeX, says that it has the shape of an array."""
    for node in chain.from_iterable(nodes for _, nodes in shaping.sections):
        if isinstance(node, Operation) and node.function == "add":
            terms = {n.name for n in map(unsigned, node.operands) if isinstance(n, Name)}
            others = [o for o in node.operands if not isinstance(unsigned(o), Name)]
            arrays = any(long_axes(shaping.sizes.shape(shaping.shapes[o])) for o in others)
            if name in terms and (
                whole in terms or (arrays and shaping.source.spelling == "latex")
            ):
                return True
    return False


def _check_matrix_function(node: Node, shaping: Shaping) -> None:
    """ParseError for `\\log X` of a square X in LaTeX: of the matrix, or entry by entry?"""
    assert isinstance(node, Call)
    if node.name in OF_A_MATRIX.values():
        return
    operand = node.operands[0]
    shape = shaping.sizes.shape(shaping.shapes.get(operand, ()))
    guessed = isinstance(operand, Name) and operand.name in shaping.guessed
    calls = (n for _, nodes in shaping.sections for n in nodes if isinstance(n, Call))
    summed = any(n.name in ("vector", "ones", "sum", "mean") for n in calls)
    unsure = guessed and not summed and all(is_open(s) for s in shape)
    if len(long_axes(shape)) != 2 or (shape[0] != shape[1] and not unsure):
        return
    raise ParseError(
        f"{node.name} of a square matrix can mean two things",
        source=shaping.source.text,
        span=node.span,
        hint=f"{node.name}(X) in the text language, which works entry by entry",
    )
