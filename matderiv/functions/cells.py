"""Steps of recurrent networks, dropout with a given mask and rotary positions, written out.

A state is a vector, or a matrix with a row for each example. The gates of a step stand below each
other in its weights, in the order of PyTorch.
"""

from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import Expr, Params, apply
from matderiv.functions.record import broadcast_rule, shaped, shorthand
from matderiv.shapes import Shape, Size, Unify, plus, shape_text, times


def _cell_rule(gates: int, states: int) -> Any:
    """The shape of the next state: weights have a block of rows for each gate."""

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        x, h = shapes[:2]
        rows = "k " if len(x) == 2 else ""
        known = ", ".join([f"{rows}n", *[f"{rows}m"] * states, "g n", "g m", "g", "g"])
        needs = "a step needs x, a state, weights of both and perhaps biases"
        found = shaped(f"{known} -> {rows}m", needs)(shapes, params, unify)
        height = times(gates, found[-1])
        try:
            unify(shapes[states + 1][0], height)
        except ShapeError as error:
            weights = shape_text(shapes[states + 1])
            said = f"the state {shape_text(h)} needs weights of {height} rows, these are {weights}"
            raise ShapeError(said) from error
        return found

    return rule


def _affine(*parts: tuple[Expr, Expr], bias: tuple[Expr, ...] = ()) -> Expr:
    """W x + U h + b of vectors, X W' + H U' + b' of rows; each pair is an array and its weights."""
    rows = len(parts[0][0].shape) == 2
    terms = [x @ w.T if rows else w @ x for x, w in parts]
    terms += [b.T if rows else b for b in bias]
    return apply("add", *terms)


def _part(x: Expr, k: int, size: Size) -> Expr:
    """The k-th part of some entries, all of one size, or of the columns of a matrix."""
    whole, start = x.shape[-1], times(k, size)
    part = apply("cols", params=(whole, plus(start, 1), plus(start, size)))
    return x @ part if len(x.shape) == 2 else part.T @ x


def _gates(x: Expr, h: Expr, W: Expr, U: Expr, *bias: Expr) -> list[Expr]:
    """The gates i, f, g, o of an LSTM."""
    whole = _affine((x, W), (h, U), bias=bias)
    names = enumerate(("sigmoid", "sigmoid", "tanh", "sigmoid"))
    return [apply(name, _part(whole, k, h.shape[-1])) for k, name in names]


def _memory(x: Expr, h: Expr, c: Expr, *weights: Expr) -> Expr:
    taken, kept, new, _ = _gates(x, h, *weights)
    return kept * c + taken * new


def _lstm(x: Expr, h: Expr, c: Expr, *weights: Expr) -> Expr:
    return _gates(x, h, *weights)[-1] * apply("tanh", _memory(x, h, c, *weights))


def _gru(x: Expr, h: Expr, W: Expr, U: Expr, *bias: Expr) -> Expr:
    a, u, m = _affine((x, W), bias=bias[:1]), _affine((h, U), bias=bias[1:]), h.shape[-1]
    reset, kept = (apply("sigmoid", _part(a + u, k, m)) for k in (0, 1))
    new = apply("tanh", _part(a, 2, m) + reset * _part(u, 2, m))
    return (1 - kept) * new + kept * h


CELLS = {
    "rnn_cell": (
        1,
        1,
        lambda x, h, W, U, *bias: apply("tanh", _affine((x, W), (h, U), bias=bias)),
        "The next state, `tanh(W*x + U*h + b)`, row by row of a matrix.",
        "Elman 1990, Finding structure in time",
    ),
    "lstm_cell": (
        4,
        2,
        _lstm,
        "The next state `o.*tanh(m)`, where `m = f.*c + i.*g` is the next memory; with "
        "`a = W*x + U*h + b`, the gates i, f, o are sigmoid of the parts 1, 2, 4 of a, and g is "
        "tanh of part 3.",
        "Hochreiter & Schmidhuber 1997, Long short-term memory",
    ),
    "lstm_memory": (
        4,
        2,
        _memory,
        "The next memory `f.*c + i.*g`, with the gates of lstm_cell.",
        "Hochreiter & Schmidhuber 1997, Long short-term memory",
    ),
    "gru_cell": (
        3,
        1,
        _gru,
        "The next state `(1 - z).*n + z.*h`; with `a = W*x + b` and `u = U*h + e`, r and z are "
        "sigmoid of parts 1 and 2 of `a + u`, and n is tanh of part 3 of a plus r times that of u.",
        "Cho et al. 2014, Learning phrase representations using RNN encoder-decoder",
    ),
}
for _name, (_gate_count, _states, _step, _says, _source) in CELLS.items():
    shorthand(
        _name,
        _cell_rule(_gate_count, _states),
        _step,
        arity=(_states + 3, _states + 5),
        says=_says,
        source=_source,
        example=f"{_name}(x, h, {'c, ' * (_states > 1)}W, U, b)",
    )
shorthand(
    "dropout",
    broadcast_rule,
    lambda x, m, p: x * m / (1 - p),
    domain=("", "", "unit interval"),
    says="`dropout(x, m, p) = x.*m/(1 - p)`: the entries where the mask m is 1, scaled up.",
    source="Srivastava et al. 2014, Dropout",
    example="dropout(x, y, 0.5)",
)


def _rope_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    pattern = "k d, k t -> k d" if len(shapes[0]) == 2 else "d, t -> d"
    found = shaped(pattern, "rope needs entries and an angle for each pair")(shapes, params, unify)
    try:
        unify(found[-1], times(2, shapes[1][-1]))
    except ShapeError as error:
        given = " and ".join(map(shape_text, shapes))
        said = f"rope needs an angle for each pair of entries, not {given}"
        raise ShapeError(said, hint="sizes such as 2*k and k") from error
    return found


def _rope(x: Expr, t: Expr) -> Expr:
    first, second = (_part(x, k, t.shape[-1]) for k in (0, 1))
    cos, sin = apply("cos", t), apply("sin", t)
    turned = first * cos - second * sin, first * sin + second * cos
    return apply("blocks", *turned, params=(len(x.shape),))


shorthand(
    "rope",
    _rope_rule,
    _rope,
    says="Each pair of entries i and i + k of x turned by the angle t_i: "
    "`[a.*cos(t) - b.*sin(t); a.*sin(t) + b.*cos(t)]` of the halves a and b, row by row.",
    source="Su et al. 2021, RoFormer: enhanced transformer with rotary position embedding",
    example="rope(x, t)",
)
