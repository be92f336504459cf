"""Programs as functions of their variables: compiled at first use, again only for other sizes."""

from collections.abc import Callable, Collection, Mapping
from math import isfinite, log
from typing import Any

from matderiv.arguments import one_of, require_values, require_word
from matderiv.bridge.sizes import by_name
from matderiv.errors import DomainError, UnknownName
from matderiv.lazy import np
from matderiv.numeric.evaluate import bind
from matderiv.programs.program import Program
from matderiv.programs.tape import Tape, bound

DTYPES = ("float64", "float32")
MOST = 64  # tapes kept, each for arrays of other shapes

Array = Any
Make = Callable[[Mapping[str, int]], Program]
"""The program for sizes to expect."""
Results = Callable[..., list[Any]]


def or_careful(quick: Results, careful: Results, *given: Any) -> list[Array]:
    """What the quick way gives for what is given, or the careful one where that is not finite.

    Raises what the quick way raises where the careful way has no value either.
    """
    try:
        found = quick(*given)
    except DomainError as error:
        try:
            return careful(*given)
        except DomainError:
            raise error from None
    if _finite(found):
        return found
    try:
        return careful(*given)
    except DomainError:
        return found


def _finite(found: list[Array]) -> bool:
    """True where all entries are finite: a finite sum of squares says so at once."""
    for a in found:
        if isinstance(a, float):
            if not isfinite(a):
                return False
            continue
        entries = a.ravel("K")  # in the order of memory, so that a transpose is not copied
        if not isfinite(np.vdot(entries, entries)) and not np.isfinite(a).all():
            return False
    return True


class Compiled:
    """A program that is called with its variables, by name, and gives the list of its results.

    Sizes are read off the arrays. The order of products follows the sizes of the first call with
    such sizes, up to a factor of four. `also` are names that may be given and are not needed.
    `careful` makes the program that runs where a result of the first one is not finite, and `last`
    gives the results where those are not finite either. All is computed in `dtype`, one of DTYPES.
    """

    def __init__(
        self,
        make: Make,
        also: Collection[str] = (),
        careful: Make | None = None,
        dtype: str = "float64",
        last: Callable[[Mapping[str, Any]], list[Array]] | None = None,
    ) -> None:
        self._make, self._also, self._careful, self._last = make, tuple(also), careful, last
        self._fallback: Compiled | None = None
        self.program = make({})
        self.names = tuple(v.name for v in self.program.inputs)
        self._real = np.dtype(require_word(dtype, "dtype", DTYPES))
        self._programs: dict[tuple[int, ...], Program] = {}
        self._tapes: dict[tuple[Any, ...], Tape] = {}

    def __call__(
        self, values: Mapping[str, Any] | None, named: Mapping[str, Any] | None = None
    ) -> list[Array]:
        """The results for values given in a mapping and as keywords.

        Other names are ignored in the mapping and refused among the keywords. Raises UnknownName,
        ShapeError, DomainError, LimitError as `evaluate` does.
        """
        if named:
            self._refuse_unknown(named)
            values = named if values is None else {**by_name(require_values(values)), **named}
        elif values is None:
            values = {}
        if self._careful is None:
            return self._run(values)
        return or_careful(self._run, self._run_carefully, values)

    def _run(self, values: Mapping[str, Any]) -> list[Array]:
        arrays: list[Array] = []
        shapes: list[tuple[int, ...]] = []
        try:
            for name in self.names:
                a = values[name]
                a = self._real.type(a) if type(a) is float else a
                arrays.append(a)
                if a.dtype is self._real:
                    shapes.append(a.shape)
            tape = self._tapes[tuple(shapes)]
        except (KeyError, AttributeError, TypeError, IndexError):
            return self._first(values)  # what is read with care
        return tape.run(arrays)

    def _run_carefully(self, values: Mapping[str, Any]) -> list[Array]:
        if self._fallback is None:
            assert self._careful is not None
            self._fallback = Compiled(self._careful, dtype=self._real.name)
        if self._last is None:
            return self._fallback._run(values)
        return or_careful(self._fallback._run, self._last, values)

    def _refuse_unknown(self, named: Mapping[str, Any]) -> None:
        known = dict.fromkeys((*self.names, *self.program.sizes, *self._also))
        for name in named:
            if name not in known:
                raise UnknownName(f"there is no {name} here", hint=one_of(known))

    def _first(self, values: Mapping[str, Any]) -> list[Array]:
        """A call with arrays of new shapes, or with what is no array yet."""
        values = by_name(require_values(values))
        sizes = {n: values[n] for n in self.program.sizes if n in values}
        fitted, known = bind(self.program.inputs, values, sizes)
        missing = [n for n in self.program.sizes if n not in known]
        if missing:
            raise UnknownName(
                f"no value binds the size {missing[0]}", hint=f"give {missing[0]} as a value"
            )
        arrays = [fitted[name].astype(self._real, copy=False) for name in self.names]
        key = (*(a.shape for a in arrays), *sorted(sizes.items()))
        tape = self._tapes.get(key)
        if tape is None:
            if len(self._tapes) >= MOST:
                self._tapes.pop(next(iter(self._tapes)))
            tape = self._tapes[key] = bound(self._program(known), known, self._real)
        return tape.run(arrays)

    def _program(self, sizes: Mapping[str, int]) -> Program:
        """The program for sizes of about this size."""
        about = tuple(round(log(max(s, 1), 4)) for _, s in sorted(sizes.items()))
        if about not in self._programs:
            self._programs[about] = self._make(sizes)
        return self._programs[about]
