"""The record that holds every answer about one function, and the makers of its kinds.

A kind says where the derivative comes from:
  structural   linear in each argument, given by index patterns ("i k, k j -> i j");
  elementwise  one partial derivative per argument, written in the language;
  primitive    a differential per argument: dX -> dY, written in the language;
  shorthand    an expression in simpler functions;
  constant     zero derivative; `refused` functions raise NoRule.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from matderiv.errors import ShapeError
from matderiv.expr import REGISTRY, Expr, Params
from matderiv.shapes import Shape, Size, Unify, broadcast, is_scalar, same, shape_text

ShapeRule = Callable[[tuple[Shape, ...], Params, Unify], Shape]
Differential = Callable[[Expr, int, Expr], Expr]
Named = Callable[[Expr, int, Expr], Expr | None]

_ALONG = ("axis", "keyword-axis")
UNSAID = (-1, -1)  # as many arguments as the formula takes, or the value


@dataclass(frozen=True, eq=False, kw_only=True)
class Function:
    """Everything there is to know about one function.

    `rule` gives the shape (with a unifier, so that it also infers sizes), `numpy` the value (called
    with the argument values and then the parameters; safe for complex steps), `call` how it is
    written: plain arguments, an axis, sizes, an einsum pattern, whole numbers after the arguments,
    whose names and defaults are in `numbers` (None where one must be said; those at the end that
    are as by default are left out of the parameters). `arity` is (least, most) arguments, those of
    `expand` or `numpy` where nothing is said; the last has a `default` where it may be left out.
    `kink` vanishes where there is no derivative, `border` where one formula is joined smoothly to
    another. `attained` counts the entries that attain an extreme value.
    `expand` is what it means in simpler functions: a shorthand is derived by it, and for any other
    function the exact test and printed code read it.
    `proof` says in a few sentences, about an argument x, why its derivative is what it is.
    `ones` says where a constant of zeros and ones is 1: where two numbers made of its sizes and the
    indices of an entry, counted from 1, are equal.
    `example` is a call, f(x) unless more is said; of several arguments by the names in `expand`.
    `bends` says "convex" or "concave", and how it goes with its arguments: "increasing",
    "decreasing", or "even", which is up on either side of 0.
    `note` is what a result says of it, {} being its argument: where its derivative exists.
    `analytic` is False where `numpy` does not take complex numbers along.
    `slope` is f'(X) of a function of a matrix: d tr f(X) = tr(f'(X) dX). `along` and `adjoint` name
    the differential as a linear map: what argument k adds to dY for a change dX, and the share of
    argument k in an adjoint Ybar, both (Y, k, dX or Ybar) -> expression or None where they say
    nothing; they are used where the result is one array.
    """

    name: str
    kind: str
    rule: ShapeRule
    numpy: Callable[..., Any] | None = None
    arity: tuple[int, int] = UNSAID
    default: Fraction | None = None
    call: str = "plain"
    numbers: tuple[tuple[str, int | None], ...] = ()
    axes: Callable[..., Any] | None = None
    partials: tuple[Callable[..., Expr | int], ...] = ()
    differential: Differential | None = None
    expand: Callable[..., Expr] | None = None
    prints: str = ""
    aliases: tuple[str, ...] = ()
    symbols: int | None = None
    domain: tuple[str, ...] = ()
    kink: Callable[..., Expr] | None = None
    border: Callable[..., Expr] | None = None
    attained: Callable[[Expr], Expr] | None = None
    analytic: bool = True
    bends: str = ""
    slope: Callable[[Expr], Expr | None] | None = None
    along: Named | None = None
    adjoint: Named | None = None
    latex: str = ""
    note: str = ""
    says: str = ""
    proof: tuple[str, ...] = ()
    source: str = ""
    example: str = ""
    leaf: bool = False
    ones: Callable[..., tuple[Size, Size]] | None = None

    def shape(self, shapes: tuple[Shape, ...], params: Params, unify: Unify = same) -> Shape:
        """The shape of the result; ShapeError when the arguments do not fit."""
        return self.rule(shapes, params, unify)

    def tokens(self, params: Params, count: int) -> int:
        """Symbols this node adds when printed, its arguments apart."""
        if self.symbols is not None:
            return self.symbols if self.symbols >= 0 else max(1, count - 1)
        return 1 + sum([p is not None for p in params])

    @property
    def label(self) -> str:
        """The name it is printed under."""
        return self.prints or self.name


def register(function: Function) -> Function:
    """Enter a record under its name; refuse a second record or one without an answer."""
    if function.name in REGISTRY:
        raise ValueError(f"{function.name} has a record already")
    wanted = {
        "structural": function.axes,
        "elementwise": function.partials,
        "primitive": function.differential,
        "shorthand": function.expand,
    }
    if function.kind in wanted and not wanted[function.kind]:
        raise ValueError(
            f"{function.name} is {function.kind} and says nothing about its derivative"
        )
    if function.kind not in ("leaf", "shorthand") and function.numpy is None:
        raise ValueError(f"{function.name} cannot be evaluated")
    given = _given(function)
    arity = (len(given),) * 2 if function.arity == UNSAID else function.arity
    example = function.example or _simplest_call(function, arity, given)
    for field, value in (("arity", arity), ("example", example)):
        object.__setattr__(function, field, value)  # before anybody has seen the record
    REGISTRY[function.name] = function
    return function


def _given(function: Function) -> list[str]:
    """The names of the arguments, as the formula or the value calls them."""
    made = function.expand or function.numpy
    if made is None:
        return []
    names, defaults = made.__code__.co_varnames, made.__defaults__ or ()
    found = list(names[: made.__code__.co_argcount - len(defaults)])
    beside = sum(default is None for _, default in function.numbers) + (function.call in _ALONG)
    return found[: len(found) - beside]


def _simplest_call(function: Function, arity: tuple[int, int], given: list[str]) -> str:
    """f(x), or f(X) where f takes no vector; nothing where a call has to say more."""
    if function.leaf or function.call not in ("plain", *_ALONG):
        return ""
    if arity != (1, 1):
        return f"{function.label}({', '.join(given)})"
    try:
        function.shape(((3,),), (None,) if function.call in _ALONG else ())
    except ShapeError:
        return f"{function.name}(X)"
    return f"{function.name}(x)"


def elementwise(
    name: str, numpy: Callable[..., Any], *partials: Callable[..., Expr | int], **facts: Any
) -> Function:
    """A function of corresponding entries, with broadcasting.

    `partials[k](*args, Y)` is the partial derivative by argument k, an expression of Y's shape (or
    one that broadcasts to it); the number 0 says that it vanishes almost everywhere.
    """
    facts.setdefault("arity", (len(partials), len(partials)))
    facts.setdefault("rule", broadcast_rule)
    return register(
        Function(name=name, kind="elementwise", numpy=numpy, partials=partials, **facts)
    )


def structural(name: str, rule: ShapeRule, axes: Callable[..., Any], **facts: Any) -> Function:
    """A function linear in each argument; `axes` gives its index pattern (see `tensor.lower`)."""
    return register(Function(name=name, kind="structural", rule=rule, axes=axes, **facts))


def primitive(
    name: str, rule: ShapeRule, differential: Differential, numpy: Callable[..., Any], **facts: Any
) -> Function:
    """A function with a differential of its own: `differential(Y, k, dX)` is the part of dY that
    comes from the change dX of argument k, linear in dX."""
    return register(
        Function(
            name=name, kind="primitive", rule=rule, differential=differential, numpy=numpy, **facts
        )
    )


def shorthand(name: str, rule: ShapeRule, expand: Callable[..., Expr], **facts: Any) -> Function:
    """A name for an expression in simpler functions; `expand(*args, *params)` writes it out."""
    return register(Function(name=name, kind="shorthand", rule=rule, expand=expand, **facts))


def refused(name: str, rule: ShapeRule, numpy: Callable[..., Any], **facts: Any) -> Function:
    """A function that can be evaluated and whose derivative raises NoRule by name."""
    return register(Function(name=name, kind="refused", rule=rule, numpy=numpy, **facts))


def constant(
    name: str,
    shape: Callable[[Params], Shape],
    numpy: Callable[..., Any] | None,
    says: str,
    **facts: Any,
) -> Function:
    """An array that sizes and numbers say; `shape(params)` is its shape."""

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        return shape(params)

    facts = {"kind": "constant", "call": "sizes", **facts}
    return register(Function(name=name, rule=rule, numpy=numpy, says=says, **facts))


# Shape rules shared by several families -------------------------------------------------------


SQUARE = "a square matrix is needed"


def shaped(pattern: str, *needs: str) -> ShapeRule:
    """The rule of a function whose axes fit a pattern: "m n, n -> m", with numbers as they are.

    Equal letters are equal sizes; where nothing stands a scalar is wanted. `needs` says in messages
    what is needed, for each argument or for all.

    >>> shaped("m n -> n m", "a matrix is needed")(((2, 3),), (), same)
    (3, 2)
    >>> shaped("n n -> n", SQUARE)(((2, 3),), (), same)
    Traceback (most recent call last):
    ...
    matderiv.errors.ShapeError: a square matrix is needed, this is 2 × 3
    """
    left, _, right = pattern.partition("->")
    operands, result = [part.split() for part in left.split(",")], right.split()
    numbers = {digits: int(digits) for digits in re.findall(r"\d+", pattern)}

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        sizes: dict[str, Size] = dict(numbers)
        for k, (axes, s) in enumerate(zip(operands, shapes, strict=False)):
            misfit = ShapeError(f"{needs[min(k, len(needs) - 1)]}, this is {shape_text(s)}")
            if len(axes) != len(s) and (axes or not is_scalar(s)):
                raise misfit
            for place, (axis, size) in enumerate(zip(axes, s, strict=False)):
                both = (size, numbers[axis]) if axis in numbers else (sizes.get(axis, size), size)
                try:
                    sizes[axis] = unify(*both)
                except ShapeError as error:
                    if axis in axes[:place] and axis not in numbers:
                        raise misfit from error
                    raise
        return tuple(sizes[axis] for axis in result)

    return rule


def matrix_rule(result: str) -> ShapeRule:
    """The rule of a function of a square matrix giving "scalar", "matrix" or "vector"."""
    return shaped(f"n n -> {dict(scalar='', matrix='n n', vector='n')[result]}", SQUARE)


def square_rule(result: str) -> ShapeRule:
    """The same for a function that numbers have too."""
    of_matrix = matrix_rule(result)

    def rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
        if is_scalar(shapes[0]):
            return () if result == "scalar" else shapes[0]
        return of_matrix(shapes, params, unify)

    return rule


def broadcast_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """The rule of a function of corresponding entries."""
    return broadcast(shapes, unify)


def scalar_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """The rule of a function of everything in its arguments."""
    broadcast(shapes, unify)
    return ()


def first_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """The rule of a function that keeps the shape of its first argument."""
    return shapes[0]


def axis_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """A reduction: of everything, or along an axis (1: a row of column results, 2: a column)."""
    (s,), (axis,) = shapes, params
    if axis is None:
        return ()
    check_axis(s, axis)
    if len(s) == 1:
        return ()
    if len(s) == 2:
        return (1, s[1]) if axis == 1 else (s[0],)
    return s[: axis - 1] + s[axis:]


def keep_axis_rule(shapes: tuple[Shape, ...], params: Params, unify: Unify) -> Shape:
    """A normalisation along an axis: the shape stays."""
    (s,), (axis,) = shapes, params
    if axis is None:
        if len(s) > 1 and not is_scalar(s):
            raise ShapeError(
                f"a matrix needs an axis here, this is {shape_text(s)}", hint="add axis=2 for rows"
            )
        return s
    check_axis(s, axis)
    return s


def check_axis(s: Shape, axis: int) -> None:
    """Refuse an axis that the shape does not have."""
    if not 1 <= axis <= max(len(s), 1):
        raise ShapeError(f"there is no axis {axis} in {shape_text(s)}")
