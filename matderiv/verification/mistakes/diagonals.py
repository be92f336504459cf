"""diag of a matrix, which is a vector here, where an answer means the diagonal matrix."""

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, fold, is_, rebuild
from matderiv.language.printer import text
from matderiv.shapes import long_axes
from matderiv.verification.claims import Asked, claims, conventional
from matderiv.verification.judging import judged
from matderiv.verification.mistakes.diagnosis import Diagnosis, short


def diagonals(asked: Asked, e: Expr, seed: int) -> Diagnosis | None:
    """An answer that is right with diag(diag(M)) for diag(M).

    >>> asked = ask("logdet(X)", "X", assume={"X": "symmetric"})
    >>> found = diagonals(asked, read_answer(asked, "2*inv(X) - diag(inv(X))"), 0)
    >>> found.suggestion
    '2*inv(X) - diag(diag(inv(X)))'
    """
    meant: list[Expr] = []

    def written(node: Expr, args: tuple[Expr, ...]) -> Expr:
        if not is_(node, "diag") or len(long_axes(node.args[0].shape)) != 2:
            return rebuild(node, args)
        meant.append(apply("diag", *args))
        return apply("diag", meant[-1])

    try:
        whole = fold(e, written)
        found = [c for c in claims(asked, whole, "") if conventional(asked, c.layout)]
    except MatderivError:
        return None
    structures = [asked.structure] if asked.structure else ["projected", "independent"]
    if not meant or not found:
        return None
    if not any(judged(found[0], s, seed=seed, points=4).right for s in structures):
        return None
    was, right = text(meant[0]), text(whole)
    said = (
        f"{short(was)} is a vector here, the diagonal of a matrix; the diagonal matrix is "
        f"diag({short(was)}). With it the answer is right: {short(right)}."
    )
    return Diagnosis("diagonal", said, right, corrected=whole)
