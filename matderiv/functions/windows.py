"""Convolutions and windows: linear maps by arrays of 0 and 1."""

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply
from matderiv.functions.arrange import joined
from matderiv.functions.record import Named, constant, shorthand, structural
from matderiv.lazy import np
from matderiv.shapes import Dim, Shape, Size, Unify, plus, shape_text, times

# Convolutions ------------------------------------------------------------------------------------


def _full(n: Size, k: Size) -> Size:
    return plus(n, k, -1)


def _valid(name: str, n: Size, k: Size, stride: int = 1, dilation: int = 1) -> Size:
    """(n - d (k - 1) - 1)/s + 1, where it is a number or a plain size."""
    if isinstance(n, int) and isinstance(k, int):
        left = n - dilation * (k - 1)
        if left < 1:
            raise ShapeError(f"{name} needs a kernel that fits: {k} is more than {n}")
        return (left - 1) // stride + 1
    reach = plus(n, times(-1, k), 1)
    if (stride, dilation) != (1, 1) or (isinstance(reach, Dim) and reach.coefficient < 1):
        raise ShapeError(f"{name} needs sizes that are numbers, these are {n} and {k}")
    return reach


def _full_map(n: int, k: int) -> Any:
    t, i, j = np.indices((n + k - 1, n, k))
    return (t == i + j) * 1.0


def _window_map(n: int, k: int, stride: int, dilation: int) -> Any:
    starts = np.arange(0, n - dilation * (k - 1), stride)
    return np.eye(n)[starts[:, None] + dilation * np.arange(k)]


constant(
    "full_map",
    lambda p: (_full(p[0], p[1]), p[0], p[1]),
    _full_map,
    "The array with 1 where t = i + j - 1; behind convolutions.",
    ones=lambda n, k, t, i, j: (t, plus(i, j, -1)),
    example="full_map(3, 4)",
)
constant(
    "window_map",
    lambda p: (_valid("window_map", *p), p[1], p[0]),
    _window_map,
    "The array with 1 where entry i is entry j of window t; behind windows.",
    ones=lambda n, k, s, d, t, j, i: (i, plus(times(s, t), times(d, j), 1 - s - d)),
    example="window_map(7, 3, 2, 1)",
)


def _convolved(x: Any, w: Any) -> Any:
    """The full convolution along every axis."""
    maps = [_full_map(n, k) for n, k in zip(np.shape(x), np.shape(w), strict=True)]
    if np.ndim(x) == 1:
        return np.einsum("tij,i,j->t", *maps, x, w)
    return np.einsum("tij,ukl,ik,jl->tu", *maps, x, w)


def _correlated(
    axes: int, x: Any, w: Any, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> Any:
    """The cross-correlation along the last axes; the others are examples and channels."""
    whole = x[(None,) * (axes + 2 - np.ndim(x))]
    kernels = w[(None,) * (axes + 2 - np.ndim(w))]
    whole = np.pad(whole, [(0, 0)] * 2 + [(padding, padding)] * axes)
    reach = tuple(dilation * (k - 1) + 1 for k in kernels.shape[2:])
    at = np.lib.stride_tricks.sliding_window_view(whole, reach, axis=tuple(range(2, axes + 2)))
    at = at[(..., *[slice(None, None, stride)] * axes, *[slice(None, None, dilation)] * axes)]
    at = at.reshape(len(at), groups, -1, *at.shape[2:])
    kernels = kernels.reshape(groups, -1, *kernels.shape[1:])
    found = np.einsum({1: "ngcti,goci->ngot", 2: "ngctuij,gocij->ngotu"}[axes], at, kernels)
    found = found.reshape(len(found), -1, *found.shape[3:])
    return found[(0,) * (axes + 2 - np.ndim(x))]


def _along(y: Expr, k: int, e: Expr) -> Expr:
    changed = (e if j == k else a for j, a in enumerate(y.args))
    return apply(y.function.name, *changed, params=y.params)


def _check(name: str, axes: int, x: Shape, w: Shape, channels: bool = False) -> None:
    """ShapeError for what is no pair of plain arrays, or of arrays with channels."""
    plain = len(x) == len(w) == axes
    if not plain and not (channels and len(w) == axes + 2 and axes < len(x) <= axes + 2):
        raise ShapeError(
            f"{name} needs arrays of {axes} axes, these are {shape_text(x)} and {shape_text(w)}"
        )
    if plain and 1 in (*x, *w):
        raise ShapeError(
            f"{name} is a product here, for {shape_text(x)} and {shape_text(w)}",
            hint="dot(x, w) or x*w",
        )


def _full_convolution(name: str, axes: int, adjoint: Named, says: str, example: str) -> None:
    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        x, w = shapes
        _check(name, axes, x, w)
        return tuple(_full(n, k) for n, k in zip(*shapes, strict=True))

    def pattern(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
        x, w = node.args
        at = [fresh(n) for n in x.shape], [fresh(k) for k in w.shape]
        extra = [
            (apply("full_map", params=(n, k)), (t, i, j))
            for t, i, j, n, k in zip(out, *at, x.shape, w.shape, strict=True)
        ]
        return [tuple(at[0]), tuple(at[1])], extra

    facts = {"numpy": _convolved, "adjoint": adjoint, "says": says, "example": example}
    structural(name, rule, pattern, along=_along, source=GUIDE, **facts)


GUIDE = "Dumoulin & Visin 2016, A guide to convolution arithmetic"
STEPS = (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))


def _steps(params: Params) -> Any:
    return (*params, *(default for _, default in STEPS[len(params) :]))


def _part(size: Size, count: int) -> Any:
    """How many of a size are in each of some parts; 0 where they are not alike."""
    if count == 1:
        return size
    return size // count if isinstance(size, int) and size % count == 0 else 0


def _correlation_rule(name: str, axes: int) -> Any:
    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        x, w = shapes
        stride, padding, dilation, groups = _steps(params)
        _check(name, axes, x, w, channels=True)
        wide = (plus(n, 2 * padding) if padding else n for n in x[-axes:])
        found = tuple(
            _valid(name, n, k, stride, dilation) for n, k in zip(wide, w[-axes:], strict=True)
        )
        if len(w) == axes:
            if groups > 1:
                raise ShapeError(f"{name} parts channels, and {shape_text(x)} has none")
            if 1 in found:
                _check(name, axes, (1,) * axes, w)
            return found
        channels = x[-axes - 1]
        if not _part(channels, groups) or not _part(w[0], groups):
            raise ShapeError(f"{name} cannot part {channels} and {w[0]} channels into {groups}")
        unify(_part(channels, groups), w[1])
        return (*x[: -axes - 1], w[0], *found)

    return rule


def _correlation_axes(axes: int) -> Any:
    def pattern(node: Expr, out: tuple[Any, ...], fresh: Any) -> Any:
        x, w = (a.shape for a in node.args)
        stride, padding, dilation, groups = _steps(node.params)
        inside, kernel = [fresh(n) for n in x[-axes:]], [fresh(k) for k in w[-axes:]]
        sizes = zip(node.shape[-axes:], x[-axes:], w[-axes:], strict=True)
        extra: list[Any] = []
        for t, i, j, (m, n, k) in zip(out[len(out) - axes :], inside, kernel, sizes, strict=True):
            if (stride, padding, dilation) == (1, 0, 1):
                extra.append((apply("full_map", params=(m, k)), (i, t, j)))
                continue
            if padding:
                within, n = i, plus(n, 2 * padding)
                i = fresh(n)
                places = apply("cols", params=(n, padding + 1, plus(n, -padding)))
                extra.append((places, (i, within)))
            extra.append((apply("window_map", params=(n, k, stride, dilation)), (t, j, i)))
        if len(w) == axes:
            return [tuple(inside), tuple(kernel)], extra
        *examples, o = out[: len(out) - axes]
        c = share = fresh(x[-axes - 1])
        if groups > 1:
            group, share, filters = fresh(groups), fresh(w[1]), fresh(w[0] // groups)
            extra += joined(c, group, share, (groups, w[1]))
            extra += joined(o, group, filters, (groups, w[0] // groups))
        return [(*examples, c, *inside), (o, share, *kernel)], extra

    return pattern


def _correlation(name: str, axes: int, adjoint: Named, says: str, example: str) -> None:
    """A record of x and w: plain arrays, or (C,..), (N,C,..) and (O,C/groups,..) as in PyTorch."""
    structural(
        name,
        _correlation_rule(name, axes),
        _correlation_axes(axes),
        numpy=lambda x, w, *steps: _correlated(axes, x, w, *steps),
        call="numbers",
        numbers=STEPS,
        along=_along,
        adjoint=lambda y, k, seed: (
            None if y.params or len(y.args[1].shape) > axes else adjoint(y, k, seed)
        ),
        says=says,
        source=GUIDE,
        example=example,
    )


_full_convolution(
    "conv",
    1,
    lambda y, k, seed: apply("conv1d", seed, y.args[1 - k]),
    "The convolution: entry t is the sum of all x_i w_j with i + j = t + 1, as numpy.convolve.",
    "conv(x, y)",
)
_correlation(
    "conv1d",
    1,
    lambda y, k, seed: apply("conv1d", y.args[0], seed) if k else apply("conv", seed, y.args[1]),
    "The cross-correlation where the kernel fits, Σ_j x_(t+j-1) w_j, as in PyTorch; with stride s, "
    "padding p and dilation d Σ_j x_(s(t-1)+d(j-1)+1-p) w_j, and summed over channels.",
    "conv1d(conv(x, y), y)",
)
_full_convolution(
    "conv2d_full",
    2,
    lambda y, k, seed: apply("conv2d", seed, y.args[1 - k]),
    "The convolution of matrices: Σ X_ij W_kl over i + k = t + 1 and j + l = u + 1.",
    "conv2d_full(X, W)",
)
_correlation(
    "conv2d",
    2,
    lambda y, k, seed: (
        apply("conv2d", y.args[0], seed) if k else apply("conv2d_full", seed, y.args[1])
    ),
    "The cross-correlation of matrices where the kernel fits, as in PyTorch: "
    "conv2d(X, W, stride, padding, dilation, groups), summed over channels where there are any.",
    "conv2d(conv2d_full(X, W), W)",
)


# Windows -----------------------------------------------------------------------------------------


def _window_rule(axes: int) -> Any:
    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        (s,), (size, *stride) = shapes, params
        if not axes <= len(s) <= axes + 2 or not all(isinstance(n, int) for n in s[-axes:]):
            raise ShapeError(
                f"windows of {size} need axes whose sizes are numbers, not {shape_text(s)}"
            )
        step = (*stride, size)[0]
        return (*s[:-axes], *(_valid("a window", n, size, step) for n in s[-axes:]))

    return rule


def _of_windows(how: str, axes: int, x: Expr, size: int, stride: int = 0) -> Expr:
    """The largest or the mean of each window: of the columns of a matrix, or by maps."""
    n, step = x.shape[-1], stride or size
    if len(x.shape) == 1 and step == size and isinstance(n, int) and n % size == 0:
        found = apply(how, apply("unvec", x, params=(size, n // size)), params=(1,))
        return found.T if n > size else apply("vec", found)
    before, i, j, t = "efgh"[: len(x.shape) - axes], "ab"[:axes], "cd"[:axes], "tu"[:axes]
    maps = [apply("window_map", params=(n, size, step, 1)) for n in x.shape[-axes:]]
    after = before + t + (j if how == "max" else "")
    letters = ",".join([before + i, *map("".join, zip(t, j, i, strict=True))])
    found = apply("einsum", x, *maps, params=(f"{letters}->{after}",))
    if how == "mean":
        return apply("div", found, size**axes)
    for axis in range(len(after), len(after) - axes, -1):
        found = apply("max", found, params=(axis,))
    return found


for _name, _how, _axes in (
    ("maxpool", "max", 1),
    ("avgpool", "mean", 1),
    ("maxpool2d", "max", 2),
    ("avgpool2d", "mean", 2),
):
    shorthand(
        _name,
        _window_rule(_axes),
        lambda x, size, stride=0, _how=_how, _axes=_axes: _of_windows(_how, _axes, x, size, stride),
        call="numbers",
        numbers=(("size", None), ("stride", 0)),
        says=f"The {_how} of each window of {'k × k' if _axes > 1 else 'k'} entries of x, "
        "one every k entries, or every stride.",
        example=f"{_name}({'skew(x), 2' if _axes > 1 else 'cross(x, y), 3'})",
    )
