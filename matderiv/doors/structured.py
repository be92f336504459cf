"""A Hessian as a function whose values are matrices in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from matderiv.choosing.polish import polished
from matderiv.choosing.sums import raise_tensor
from matderiv.errors import MatderivError
from matderiv.expr import is_, variables, walk
from matderiv.lazy import np
from matderiv.numeric.evaluate import bind, size_number, sizes_in
from matderiv.numeric.kronecker import Block, Product, StructuredMatrix
from matderiv.numeric.subgradients import ties_shared
from matderiv.output.code.derivative import inputs_of
from matderiv.programs.building import program
from matderiv.programs.compiled import Compiled
from matderiv.programs.program import Program
from matderiv.programs.separate import PartValues, product_of
from matderiv.shapes import Size, size_names

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation

Arrays = Mapping[str, Any]
Sizes = tuple[int, ...]


class AtSizes(NamedTuple):
    """What a matrix is made of at some sizes, and what computes its arrays."""

    sizes: Sizes
    entries: Sizes
    terms: list[Product]
    compiled: Compiled


class StructuredHessian:
    """The Hessian of a derivation as a function, whose values are never built as a whole.

    >>> from matderiv import derive
    >>> H = derive("norm2(T - U*V')^2", "U", kind="hessian", shapes={"V": "n,k"}).structured()
    >>> print(H)
    ∂²f/∂U_ij ∂U_lp = 2 δ_il (V'*V)_jp
    >>> H(U=[[1], [1]], V=[[1], [2]]).solve([[10], [20]])
    array([[1.],
           [2.]])
    """

    def __init__(self, d: Derivation) -> None:
        if d.kind != "hessian" or d.order != 2 or d.whole is not None:
            raise MatderivError(f"a {d.kind} has no such form", hint="kind='hessian'")
        self.d, self._variables = d, variables(d.f, d.wrt)
        exprs = [d.wrt, *(f.expr for t in d.derivative.tensor.terms for f in t.factors)]
        self._names = [v.name for v in variables(*exprs)]
        self._sizes = sorted(
            sizes_in(d.f, d.wrt) - size_names([v.shape for v in variables(*exprs)])
        )
        self._may_fail = d.numeric.may_fail or any(is_(n, "where") for n in walk(d.expr))
        self._plans: dict[tuple[Any, ...], AtSizes] = {}
        self._compiled: dict[tuple[Product, ...], tuple[list[Product], Compiled]] = {}

    def __str__(self) -> str:
        return self.d.index

    def __call__(
        self, values: Mapping[str, Any] | None = None, /, **named: Any
    ) -> StructuredMatrix:
        """The matrix at some values; raises what `evaluate` raises."""
        given = {**(values or {}), **named} if named or values is None else values
        loose = [given.get(n) for n in self._sizes]
        try:
            key = (*loose, *[given[n].shape for n in self._names])
        except (KeyError, AttributeError):  # what is no array yet, or not there
            key = (*loose, *[np.shape(given[n]) if n in given else None for n in self._names])
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._plan(given)
        found = plan.compiled(given)
        if self._may_fail and not all(np.isfinite(a).all() for a in found):
            return self._whole(given, plan)
        return StructuredMatrix(plan.sizes, plan.entries, plan.terms, found)

    def _whole(self, given: Arrays, plan: AtSizes) -> StructuredMatrix:
        """The matrix in one part, as `evaluate` has it where the parts have no values."""
        dense = self.d.function()(given).reshape(prod(plan.sizes), -1)
        every = tuple(range(len(plan.sizes)))
        one = Product(1.0, (Block((), every, every, (dense,)),))
        return StructuredMatrix(plan.sizes, plan.entries, [one])

    def _plan(self, given: Arrays) -> AtSizes:
        """How the terms are cut at such sizes, and what computes their parts."""
        d, tensor = self.d, self.d.derivative.tensor
        names = sizes_in(d.f, d.wrt)
        needed = {*given, *self._names} - {d.wrt.name} | ({d.wrt.name} & given.keys())
        shown = [v for v in self._variables if v.name in needed]
        _, known = bind(shown, given, {n: given[n] for n in names if n in given})

        def size(s: Size) -> int:
            return size_number(s, known)

        terms = tuple(product_of(t, tensor.axes, size) for t in tensor.terms)
        if terms not in self._compiled:
            self._compiled[terms] = self._program(terms)
        sizes = tuple(size(i.size) for i in tensor.axes[: len(tensor.axes) // 2])
        return AtSizes(sizes, tuple(map(size, d.wrt.shape)), *self._compiled[terms])

    def _program(self, terms: Sequence[Product]) -> tuple[list[Product], Compiled]:
        """The terms with the places of their arrays, and the program of these arrays."""
        d, wanted, typed = self.d, list[PartValues](), set(walk(self.d.f))

        def place(v: PartValues) -> int:
            wanted.append(v)
            return len(wanted) - 1

        placed = [t.mapped(place) for t in terms]
        raised = (polished(raise_tensor(v.tensor, False), typed) for v in wanted)
        exprs = [ties_shared(e, d.numeric.subject) for e in raised]
        shapes, inputs = [v.shape for v in wanted], inputs_of(d, exprs)

        def made(sizes: Mapping[str, int]) -> Program:
            return program(exprs, shapes=shapes, inputs=inputs, parameters=(d.wrt,), sizes=sizes)

        also = {v.name for v in self._variables} | sizes_in(d.f, d.wrt)
        return placed, Compiled(made, sorted(also))
