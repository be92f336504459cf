"""Programs: expressions as a list of simple instructions, in which nothing is computed twice.

Each instruction applies one operation of a closed set (`operations`) to earlier results. Equal
instructions are one; results that nobody needs are left out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

from matderiv.errors import DomainError
from matderiv.expr import Expr
from matderiv.shapes import Dim, Shape, size_names

Params = tuple[Any, ...]
LEAVES = ("input", "number", "size", "pi")
VIEWS = ("transpose", "column", "row", "reshape", "permute", "diagonal", "broadcast")
"""Operations whose result shares the memory of the argument."""


ALIASES = tuple("vec unvec flip diag tril triu max min power_of matrix_power".split())
"""Operations whose result may share the memory of the argument, for some orders or exponents."""


REPEATING = ("broadcast", "diagonal")
"""Views that NumPy does not let anybody write to."""
IN_PLACE = ("add_diagonal",)
"""Operations that change their first argument, which nothing else uses, and give it back."""


class Instruction(NamedTuple):
    """One operation on earlier results, and the shape of what it gives.

    A `mask` holds truth values and stands for 0 and 1.
    """

    operation: str
    arguments: tuple[int, ...] = ()
    params: Params = ()
    shape: Shape = ()
    mask: bool = False

    def size_names(self) -> set[str]:
        """The sizes in its shape and among its params."""
        return size_names([self.shape, tuple(p for p in self.params if isinstance(p, Dim))])


@dataclass(frozen=True)
class Program:
    """Instructions in order; the results `outputs`, of `shapes`, are what was asked for.

    `inputs` are the variables in their order as arguments, `sizes` the named sizes that no input
    shows. `origin` says which expression an instruction computes, `adjoint_of` of which node an
    instruction is the adjoint; both are for names only.
    """

    instructions: tuple[Instruction, ...]
    outputs: tuple[int, ...]
    shapes: tuple[Shape, ...]
    inputs: tuple[Expr, ...]
    sizes: tuple[str, ...]
    origin: dict[int, Expr] = field(default_factory=dict, repr=False)
    adjoint_of: dict[int, int] = field(default_factory=dict, repr=False)

    def uses(self) -> list[int]:
        """How often each result is an argument or an output."""
        counts = [0] * len(self.instructions)
        for line in self.instructions:
            for a in line.arguments:
                counts[a] += 1
        for k in self.outputs:
            counts[k] += 1
        return counts


def shares_memory(line: Instruction) -> bool:
    """True where the result may be in the memory of the first argument."""
    whole = line.operation == "einsum" and len(line.arguments) == 1
    return whole or line.operation in (*VIEWS, *ALIASES)


class ProgramBuilder:
    """Collects instructions; equal ones get one number. Views of views are undone here.

    `symmetric` are the results that are their own transposes.
    """

    def __init__(self) -> None:
        self.lines: list[Instruction] = []
        self.symmetric: set[int] = set()
        self._known: dict[Instruction, int] = {}

    def add(
        self,
        operation: str,
        *arguments: int,
        params: Params = (),
        shape: Shape = (),
        mask: bool = False,
    ) -> int:
        """The number of the result of an instruction."""
        line = Instruction(operation, arguments, params, shape, mask)
        if line not in self._known:
            self._known[line] = len(self.lines)
            self.lines.append(line)
        return self._known[line]

    def knows(self, operation: str, *arguments: int, shape: Shape) -> bool:
        """True where that result is there already."""
        return Instruction(operation, arguments, (), shape) in self._known

    def shape(self, k: int) -> Shape:
        """The shape of a result."""
        return self.lines[k].shape

    def number(self, value: Fraction | int | float) -> int:
        """A constant; DomainError for one that no float holds."""
        try:
            float(value)
        except OverflowError as error:
            raise DomainError("a number here is too large for a float") from error
        return self.add("number", params=(value,))

    def number_at(self, k: int) -> Any:
        """The value of a constant; None for anything else."""
        line = self.lines[k]
        return line.params[0] if line.operation == "number" else None

    def entrywise(self, operation: str, *arguments: int, mask: bool = False) -> int:
        """An operation entry by entry, with NumPy's broadcasting; truth values become numbers.

        Products with arrays of numbers and choices take truth values as they are.
        """
        keep = {"mul": len(arguments), "where": 1}.get(operation, 0)
        if operation == "mul" and all(self.lines[a].mask or not self.shape(a) for a in arguments):
            keep = 0
        known = tuple(a if k < keep else self.real(a) for k, a in enumerate(arguments))
        if operation == "abs" and self.lines[known[0]].operation == "neg":
            known = self.lines[known[0]].arguments
        if self._turned(known):
            plain = (self.transposed(a) for a in known)
            return self.transposed(self.entrywise(operation, *plain, mask=mask))
        if self._rows(known):
            flat = (self.flat(a) if self.shape(a) else a for a in known)
            return self.turned_up(self.entrywise(operation, *flat, mask=mask), "row")
        shape = broadcast_shape(self.shape(a) for a in known)
        known = self._without_rows(known, len(shape))
        return self.add(operation, *known, shape=shape, mask=mask)

    def known_product(self, x: int, y: int) -> int | None:
        """The product of two results entry by entry, if it was computed before."""
        for pair in ((x, y), (y, x)):
            line = Instruction("mul", pair, (), self.shape(x))
            if self.shape(y) == self.shape(x) and line in self._known:
                return self._known[line]
        return None

    def uneven(self, k: int) -> tuple[int | None, int]:
        """A vector and the matrix whose rows or columns it scales, for such a product."""
        line = self.lines[k]
        if line.operation == "mul":
            for x, y in (line.arguments, line.arguments[::-1]):
                if () != self.shape(x) != line.shape == self.shape(y):
                    return x, y
        return None, k

    def _rows(self, arguments: tuple[int, ...]) -> bool:
        """True where every array is a vector laid down as a row."""
        arrays = [self.lines[a] for a in arguments if self.shape(a)]
        return bool(arrays) and all(line.operation == "row" for line in arrays)

    def _turned(self, arguments: tuple[int, ...]) -> bool:
        """True where every matrix is a transpose."""
        arrays = [self.lines[a] for a in arguments if len(self.shape(a)) == 2]
        others = {len(self.shape(a)) for a in arguments} - {0, 2}
        turned = {"transpose", "column"}
        return not others and turned >= {line.operation for line in arrays} >= {"transpose"}

    def _without_rows(self, arguments: tuple[int, ...], rank: int) -> tuple[int, ...]:
        """Rows as plain vectors, where another argument has two axes: NumPy broadcasts the same."""
        lines = [self.lines[a] for a in arguments]
        if not any(len(line.shape) == rank and line.operation != "row" for line in lines):
            return arguments
        return tuple(
            line.arguments[0] if line.operation == "row" else a
            for a, line in zip(arguments, lines, strict=True)
        )

    def real(self, k: int) -> int:
        """A result as numbers, where it is truth values."""
        if not self.lines[k].mask:
            return k
        return self.add("real", k, shape=self.shape(k))

    def transposed(self, k: int) -> int:
        """The transpose of a matrix."""
        line = self.lines[k]
        if len(line.shape) < 2 or k in self.symmetric:
            return k
        if line.operation == "transpose":
            return line.arguments[0]
        if line.operation in ("column", "row"):
            other = "row" if line.operation == "column" else "column"
            return self.turned_up(line.arguments[0], other)
        return self.add("transpose", k, shape=line.shape[::-1], mask=line.mask)

    def dotted(self, operation: str, x: int, y: int) -> int:
        """The sum of x.*y: "vdot" of all entries, "rowdot" along rows, "coldot" along columns.

        What scales the rows, or the columns, that are summed stands in front of the sums.
        """
        for scaled, other in ((x, y), (y, x)) if operation != "vdot" else ():
            factor, plain = self.uneven(scaled)
            line = self.lines[scaled if factor is None else factor]
            fits = line.operation == "column" if operation == "rowdot" else len(line.shape) == 1
            if factor is not None and fits and not self.lines[plain].mask:
                sums = self.dotted(operation, plain, other)
                return self.entrywise("mul", self.flat(factor), sums)
        lines = [self.lines[k] for k in (x, y)]
        if all(line.operation == "transpose" for line in lines):
            turned = {"rowdot": "coldot", "coldot": "rowdot"}.get(operation, operation)
            return self.dotted(turned, *(line.arguments[0] for line in lines))
        axis = {"rowdot": 0, "coldot": 1}.get(operation)
        shape = () if axis is None else (self.shape(x)[axis],)
        return self.add(operation, x, y, shape=shape)

    def turned_up(self, k: int, how: str) -> int:
        """A vector as a "column" or "row" with two axes."""
        line = self.lines[k]
        if len(line.shape) != 1:
            return k
        shape: Shape = (line.shape[0], 1) if how == "column" else (1, line.shape[0])
        return self.add(how, k, shape=shape, mask=line.mask)

    def flat(self, k: int) -> int:
        """A matrix with one column or one row as a vector."""
        line = self.lines[k]
        if len(line.shape) != 2:
            return k
        if line.operation in ("column", "row"):
            return line.arguments[0]
        long = line.shape[0] if line.shape[1] == 1 else line.shape[1]
        return self.add("reshape", k, params=(long,), shape=(long,), mask=line.mask)

    def scalar(self, k: int) -> int:
        """The one entry of a result."""
        line = self.lines[k]
        if line.shape == ():
            return k
        return self.add("reshape", k, params=(), shape=(), mask=line.mask)

    def whole(self, k: int, shape: Shape) -> int:
        """The result spread out to its full shape."""
        k = self.real(k)
        if self.shape(k) == shape:
            return k
        plain = self.lines[k].operation in ("number", "size", "pi")
        if not plain and all(s == 1 for s in self.shape(k)) and all(s == 1 for s in shape):
            return self.add("reshape", k, params=shape, shape=shape)
        if len(self.shape(k)) == 1 and len(shape) == 2:
            k = self.turned_up(k, "column")
            if self.shape(k) == shape:
                return k
        return self.add("broadcast", k, params=shape, shape=shape)


def broadcast_shape(shapes: Iterable[Shape]) -> Shape:
    """NumPy's broadcasting for shapes that fit.

    >>> broadcast_shape([(3, 1), (2,), ()])
    (3, 2)
    """
    known = list(shapes)
    rank = max(map(len, known), default=0)
    axes = zip(*((1,) * (rank - len(shape)) + tuple(shape) for shape in known), strict=True)
    return tuple(next((s for s in axis if s != 1), 1) for axis in axes)
