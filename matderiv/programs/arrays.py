"""How functions of whole arrays are computed: index patterns, reshapes, linear algebra."""

from matderiv.expr import Expr, is_
from matderiv.programs.contractions import contracted, with_axes
from matderiv.programs.lowering import Lowering, rule
from matderiv.programs.scaled import Scaled
from matderiv.shapes import is_scalar


@rule("einsum")
def _einsum(work: Lowering, node: Expr) -> Scaled:
    """By products of matrices, where it is one."""
    planned = contracted(work, node)
    if planned is not None:
        return planned
    slots = [work.whole(a) for a in node.args]
    return Scaled(work.b.add("einsum", *slots, params=node.params[:1], shape=node.shape))


@rule("permute")
@with_axes
def _permute(work: Lowering, node: Expr) -> Scaled:
    order = tuple(k - 1 for k in node.params)
    return Scaled(work.b.add("permute", work.whole(node.args[0]), params=order, shape=node.shape))


@rule("vec", "unvec", "kron", "cross", "tril", "triu", "pinv")
def _plain(work: Lowering, node: Expr) -> Scaled:
    """One operation on whole arrays, called like the function; a scalar is its own."""
    if is_scalar(node.args[0].shape) and is_(node, "vec", "unvec", "tril", "triu"):
        return work.scaled(node.args[0])
    slots = [work.whole(a) for a in node.args]
    if is_(node, "kron"):
        if len(node.shape) == 2:
            slots = [work.b.turned_up(k, "column") for k in slots]
        if any(is_scalar(a.shape) for a in node.args):
            return Scaled(_scaled_side(work, node, slots))
    elif is_(node, "vec") and len(node.args[0].shape) < 2:
        return Scaled(slots[0])
    return Scaled(work.b.add(node.function.name, *slots, params=node.params, shape=node.shape))


def _scaled_side(work: Lowering, node: Expr, slots: list[int]) -> int:
    product = work.b.entrywise(
        "mul",
        *(
            work.b.scalar(k) if is_scalar(a.shape) else k
            for k, a in zip(slots, node.args, strict=True)
        ),
    )
    return work.b.whole(product, node.shape)


OF_ONE_ENTRY = {
    **{"cholesky": "sqrt", "expm": "exp", "logm": "log", "sqrtm": "sqrt"},
    **{"sinm": "sin", "cosm": "cos"},
}


@rule("cholesky", "expm", "logm", "sqrtm", "sinm", "cosm", "norm_nuc", "norm_spec")
def _decomposed(work: Lowering, node: Expr) -> Scaled:
    (x,) = node.args
    slot = work.whole(x)
    if is_scalar(x.shape):
        how = OF_ONE_ENTRY.get(node.function.name, "abs")
        return Scaled(work.b.entrywise(how, work.b.scalar(slot)))
    if len(x.shape) == 1:
        return Scaled(work.b.entrywise("sqrt", work.b.add("vdot", slot, slot)))
    return Scaled(work.b.add(node.function.name, slot, shape=node.shape))


@rule("adj")
def _adjugate(work: Lowering, node: Expr) -> Scaled:
    if is_scalar(node.shape):
        return Scaled(work.b.number(1))
    return Scaled(work.b.add("adj", work.whole(node.args[0]), shape=node.shape))


@rule("det", "logdet")
def _determinant(work: Lowering, node: Expr) -> Scaled:
    (x,) = node.args
    if is_scalar(x.shape):
        s = work.b.scalar(work.slot(x))
        return Scaled(s if is_(node, "det") else work.b.entrywise("log", s))
    if is_(node, "det"):
        return Scaled(work.b.add("det", work.whole(x)))
    return Scaled(work.b.add("logdet", work.b.add("slogdet", work.whole(x))))
