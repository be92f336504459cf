"""Arrays with an axis for every index of a left side, whatever their own entries hang on."""

from collections.abc import Mapping, Sequence

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply
from matderiv.shapes import Size

SPARE = "zyxwvutsrqponml"  # letters of axes that have none


def along(
    e: Expr, present: Sequence[str], letters: Sequence[str], sizes: Mapping[str, Size]
) -> Expr:
    """An array with an axis for every index: the same along those that it does not have.

    Axes without an index come last. Raises MatderivError where nothing says how far one runs.

    >>> x, n = variable("x", (3,)), {"i": 3, "j": 2}
    >>> [along(x, "i", order, n).shape for order in ("ij", "ji")], along(x, "i", "i", n) is x
    ([(3, 2), (2, 3)], True)
    """
    missing = [c for c in letters if c not in present]
    if any(c not in sizes for c in missing):
        raise MatderivError(f"nothing says how far the index {missing[0]} runs")
    if not missing and [*present] == [*letters]:
        return e
    spread = apply("ones", params=tuple(sizes[c] for c in missing)) if missing else None
    if not e.shape:
        return e * spread if spread is not None else e
    if len(letters) == len(e.shape) == 2 and not missing:
        return e.T
    if len(letters) == 2 and len(e.shape) == 1 and spread is not None:
        return e @ spread.T if letters[0] in present else spread @ e.T
    spare = (c for c in SPARE if c not in letters)
    inner = "".join(c for c, _ in zip(spare, e.shape[len(present) :], strict=False))
    operands = [e] if spread is None else [e, spread]
    names = ["".join(present) + inner, "".join(missing)]
    pattern = f"{','.join(names[: len(operands)])}->{''.join(letters)}{inner}"
    return apply("einsum", *operands, params=(pattern,))
