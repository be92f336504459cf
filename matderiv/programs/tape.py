"""Programs run by NumPy: bound to sizes once, then a tape of calls.

An operation entry by entry writes over an argument that nobody needs any more, and arrays are
given back after their last use.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

from matderiv.errors import DomainError, LimitError
from matderiv.lazy import np
from matderiv.numeric.evaluate import MAX_ENTRIES, size_number
from matderiv.programs.operations import UFUNCS, function
from matderiv.programs.program import (
    IN_PLACE,
    LEAVES,
    REPEATING,
    VIEWS,
    Instruction,
    Program,
    shares_memory,
)
from matderiv.shapes import Dim, shape_text
from matderiv.work import unbounded

Array = Any
Call = tuple[Any, int, int, int, int]
BIG = 2**14  # entries of an array that is given back as soon as nobody needs it


@dataclass(frozen=True)
class Tape:
    """A program at given sizes: slots for its inputs, then `start` with its constants.

    `operations` has the name of each slot.

    A call is a function, its arguments (a tuple where there are more than two), the array to write
    over and the slot of the result; -1 stands for none. Without a function it empties the slot.
    `single` is the type of the results, where that is no double precision.
    """

    start: tuple[Array, ...]
    calls: tuple[Call, ...]
    outputs: tuple[int, ...]
    copied: tuple[int, ...]
    operations: tuple[str, ...]
    single: Any = None

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """The results for some inputs; infinities are returned, NumPy warns of nothing.

        Raises DomainError where an operation has no value, as the inverse of a singular matrix.
        """
        slots = [*arrays, *self.start]
        quiet = getattr(_quiet, "run", None) or _made_quiet()
        quiet(self._play, slots)
        found = [slots[k] for k in self.outputs]
        for place in self.copied:
            found[place] = np.array(found[place])
        if self.single is not None:  # some functions of matrices compute in double precision
            return [a if a.dtype is self.single else a.astype(self.single) for a in found]
        return found

    def _play(self, slots: list[Array]) -> None:
        k = 0
        try:
            for compute, i, j, over, k in self.calls:
                if over < 0:
                    if j >= 0:
                        slots[k] = compute(slots[i], slots[j])
                    elif i >= 0:
                        slots[k] = compute(slots[i])
                    else:
                        slots[k] = compute(slots) if compute is not None else None
                elif j >= 0:
                    slots[k] = compute(slots[i], slots[j], slots[over])
                else:
                    slots[k] = compute(slots[i], slots[over])
        except (np.linalg.LinAlgError, OverflowError, ZeroDivisionError, ValueError) as error:
            raise DomainError(f"{self.operations[k]} has no value here: {error}") from error


_quiet = threading.local()


def _made_quiet() -> Callable[..., None]:
    """What calls a function while NumPy warns of nothing; kept for each thread.

    NumPy 2 keeps its error state in a context variable, so a context in which it is silent can be
    entered again and again, ten times faster than `np.errstate`. Elsewhere that serves.
    """
    if int(np.__version__.split(".")[0]) >= 2:
        context = copy_context()
        context.run(unbounded)  # it outlives the verb that made it
        context.run(np.seterr, all="ignore")
        _quiet.run = context.run
    else:
        _quiet.run = _silenced
    found: Callable[..., None] = _quiet.run
    return found


def _silenced(function: Callable[..., None], *given: Any) -> None:
    with np.errstate(all="ignore"):
        function(*given)


def bound(program: Program, sizes: Mapping[str, int], dtype: Any = float) -> Tape:
    """The tape of a program at given sizes, for arrays of a type.

    Raises UnknownName for a size that nothing binds, LimitError for an array that is too large.

    >>> from matderiv.programs.building import program
    >>> import numpy
    >>> x = variable("x", (Dim(("n",)),))
    >>> bound(program((x.T @ x,)), {"n": 2}).run([numpy.array([3.0, 4.0])])
    [np.float64(25.0)]
    """
    lines = [_at(line, sizes) for line in program.instructions]
    names = [v.name for v in program.inputs]
    work = _Binding(lines, _ends(lines, program.outputs), [None] * len(lines), np.dtype(dtype))
    assert names == [line.params[0] for line in lines[: len(names)]]
    with np.errstate(all="ignore"):
        for k, line in enumerate(lines[len(names) :], len(names)):
            work.enter(k, line)
    constants = {k for k, value in enumerate(work.start) if value is not None}
    constants.update(range(len(names)))
    copied = lent(lines, program.outputs, constants)
    operations = tuple(line.operation for line in lines)
    start = tuple(work.start[len(names) :])
    return Tape(start, tuple(work.calls), program.outputs, copied, operations, work.single)


@dataclass
class _Binding:
    """A tape in the making: constants in `start`, beside them as arrays for arrays to meet."""

    lines: list[Instruction]
    ends: dict[int, list[int]]
    start: list[Array]
    dtype: Any
    calls: list[Call] = field(default_factory=list)
    beside: dict[int, int] = field(default_factory=dict)

    @property
    def single(self) -> Any:
        """The type of the arrays, where that is no double precision."""
        return None if self.dtype == float else self.dtype

    def enter(self, k: int, line: Instruction) -> None:
        """Compute a constant now, anything else when the tape runs."""
        scalar = not any(self.lines[a].shape for a in line.arguments)
        first: Any = self.lines[line.arguments[0]].shape if line.arguments else ()
        compute = function(line.operation, line.params, first, self.dtype, scalar=scalar)
        if line.operation == "real" and self.single is not None:
            compute = partial(np.multiply, self.dtype.type(1))
        known = all(self.start[a] is not None for a in line.arguments)
        if known and (not line.arguments or not line.shape):
            value = compute(*(self.start[a] for a in line.arguments))
            self.start[k] = value if line.mask else np.asarray(value, self.dtype)[()]
            return
        over = self._written_over(k, line)
        arguments = list(line.arguments if scalar else map(self._array, line.arguments))
        if len(arguments) > 2:
            self.calls.append(
                (lambda slots: compute(*[slots[a] for a in arguments]), -1, -1, -1, k)
            )
        else:
            i, j = (*arguments, -1)[:2]
            self.calls.append((compute, i, j, over, k))
        for a in self.ends.get(k, ()):
            mine = self.start[a] is None and self.lines[a].operation != "input" and a != over
            if mine and prod(s for s in self.lines[a].shape if isinstance(s, int)) >= BIG:
                self.calls.append((None, -1, -1, -1, a))

    def _array(self, a: int) -> int:
        """The slot of a constant number as an array without axes, which NumPy takes faster."""
        if self.start[a] is None or self.lines[a].shape:
            return a
        if a not in self.beside:
            self.beside[a] = len(self.start)
            self.start.append(np.asarray(self.start[a]))
        return self.beside[a]

    def _written_over(self, k: int, line: Instruction) -> int:
        """An argument of the same shape that nobody needs any more, to hold the result; or -1."""
        if line.operation not in UFUNCS or not line.shape:
            return -1
        for a in line.arguments:
            other = self.lines[a]
            fresh = other.operation not in LEAVES and not shares_memory(other)
            fresh &= self.start[a] is None
            if fresh and a in self.ends.get(k, ()) and other.shape == line.shape:
                if not other.mask:
                    return a
        return -1


def _at(line: Instruction, sizes: Mapping[str, int]) -> Instruction:
    shape = tuple(size_number(s, sizes) for s in line.shape)
    if prod(shape) > MAX_ENTRIES and line.operation != "broadcast":
        raise LimitError(
            f"{line.operation} of {shape_text(shape)} has {prod(shape)} entries, "
            f"the limit is {MAX_ENTRIES}"
        )
    params = tuple(size_number(p, sizes) if isinstance(p, Dim) else p for p in line.params)
    return Instruction(line.operation, line.arguments, params, shape, line.mask)


def _owners(lines: Sequence[Instruction]) -> list[int]:
    """Whose memory each result is in: its own, or that of what it is a view of."""
    owner = list(range(len(lines)))
    for k, line in enumerate(lines):
        if line.operation in IN_PLACE or shares_memory(line):
            owner[k] = owner[line.arguments[0]]
    return owner


def _ends(lines: Sequence[Instruction], outputs: Sequence[int]) -> dict[int, list[int]]:
    """The results whose memory nobody needs after a line."""
    owner = _owners(lines)
    last: dict[int, int] = {}
    for k, line in enumerate(lines):
        for a in (*line.arguments, k):
            last[owner[a]] = k
    kept = {owner[k] for k in outputs}
    ends: dict[int, list[int]] = {}
    for a, k in last.items():
        if a not in kept and a != k:
            ends.setdefault(k, []).append(a)
    return ends


def lent(
    lines: Sequence[Instruction], outputs: Sequence[int], constants: Collection[int]
) -> tuple[int, ...]:
    """Which outputs must be copied: what belongs to the caller, and memory given twice.

    So must what shares entries, or cannot be written to.
    """
    owner = _owners(lines)
    places = []
    for place, k in enumerate(outputs):
        twice = owner[k] in [owner[other] for other in outputs[:place]]
        at = k
        while lines[at].operation in VIEWS and lines[at].operation not in REPEATING:
            at = lines[at].arguments[0]
        if owner[k] in constants or twice or lines[at].operation in REPEATING:
            places.append(place)
    return tuple(places)
