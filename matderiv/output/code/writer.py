"""How a program is written down: its sizes read off the arrays, its results named, in Python."""

import keyword
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard
from unicodedata import normalize

from matderiv.expr import Expr, is_
from matderiv.output.code.dialect import ATOM, Code, CodeNames, Dialect, number_text
from matderiv.programs.program import Instruction, Program
from matderiv.programs.tape import lent
from matderiv.shapes import Dim, size_names
from matderiv.views.intermediates import BETWEEN, PRODUCTS, gradient_name, unused_letter

INLINE = 40  # characters of a result that is written where it is used
WIDE = 96  # columns of a line
ALWAYS = ("number", "size", "pi", "input", "transpose", "column", "row")
"""Operations that are written where they are used, however often."""
BUILTINS = ("float", "int", "len", "max", "min", "abs", "range", "bool", "complex", "__debug__")
"""Names of Python that printed code may use."""
BASES = {
    **dict.fromkeys(("maximum", "minimum", "tanh", "where"), "h"),
    **dict.fromkeys(("sum", "dot", "vdot", "trace", "det"), "s"),
    **{"exp": "e", "gt": "mask", "max": "top", "inv": "inverse"},
}


@dataclass(frozen=True)
class Heading:
    """The name of a function, what it says about itself, and how it names and returns results.

    `results` are the names of the outputs; `grouped` returns all but the first as a tuple.
    `values` are the names that the steps of the derivation give to values on the way.
    """

    name: str
    says: tuple[str, ...]
    results: tuple[str, ...]
    grouped: bool = False
    values: Mapping[Expr, str] = field(default_factory=dict)


@dataclass
class Writer:
    """The names in use, and what each result is called or written as."""

    program: Program
    dialect: Dialect
    heading: Heading
    names: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    written: list[Code] = field(default_factory=list)
    pairs: dict[int, tuple[Code, Code]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        taken = (*self.dialect.reserved, *self.dialect.extras, *BUILTINS)
        self.taken |= {*taken, *self.heading.results}
        for v in self.program.inputs:
            self.names[v.name] = self.fresh(v.name)
        sizes = {n for line in self.program.instructions for n in line.size_names()}
        shown = size_names(v.shape for v in self.program.inputs)
        told = self.heading.values
        self.letter = unused_letter(BETWEEN if told else PRODUCTS, self.program.inputs)
        self.sizes = CodeNames({n: self.fresh(n) for n in sorted(sizes | shown)})

    def fresh(self, name: str) -> str:
        """A name that Python takes and nothing has yet."""
        name = self.plain(normalize("NFKC", name).replace("∇", "grad_"))  # as Python reads it
        base = name + "_" if keyword.iskeyword(name) else name
        found, k = base, 1
        while found in self.taken:
            k += 1
            found = f"{base}_{k}" if base[-1].isdigit() else f"{base}{k}"
        self.taken.add(found)
        return found

    def plain(self, name: str) -> str:
        """A name in the letters that the language takes."""
        return name

    def extra_sizes(self) -> list[str]:
        """Sizes that no array shows are arguments."""
        return [self.sizes.sizes[n] for n in self.program.sizes]

    # Shapes ---------------------------------------------------------------------------------------

    def shapes(self) -> list[str]:
        """The lines that read the sizes off the arrays and check the rest."""
        known = set(self.program.sizes)
        lines = self._arrays()
        checked = []
        for v in sorted(self.program.inputs, key=lambda v: -sum(map(single, v.shape))):
            before = len(lines)
            name, fresh = self.names[v.name], [s for s in v.shape if single(s)]
            plain = len(set(fresh)) == len(v.shape) and not known & {s.names[0] for s in fresh}
            if v.shape and plain:
                targets = ", ".join(self.sizes.size(s).text for s in v.shape)
                lines.append(self._axes(v))
                lines.append(f"{targets if len(v.shape) > 1 else f'({targets},)'} = {name}.shape")
                known |= {s.names[0] for s in fresh}
                continue
            for axis, s in enumerate(v.shape):
                names = getattr(s, "names", ())
                unknown = [n for n in names if n not in known and "(" not in n]
                if isinstance(s, Dim) and len(unknown) == 1:
                    rest = Dim(tuple(n for n in s.names if n != unknown[0]), s.coefficient)
                    divisor = "" if single(s) else f" // ({self.sizes.size(rest).text})"
                    own = self.sizes.sizes[unknown[0]]
                    lines.append(f"{own} = {name}.shape[{axis}]{divisor}")
                    known.add(unknown[0])
            if len(lines) > before:
                lines.insert(before, self._axes(v))
            if v.shape or self.dialect.name != "torch":
                checked.append((name, self.sizes.shape(v.shape)))
        asserts = [
            f'assert {n}.shape == {s}, f"{n} has the shape {{{n}.shape}}, expected {{{s}}}"'
            for n, s in checked
        ]
        return lines + asserts

    def _axes(self, v: Expr) -> str:
        """The line that checks how many axes an array has, before its sizes are read."""
        name, said = self.names[v.name], self.sizes.shape(v.shape)
        message = f"{name} has the shape {{{name}.shape}}, expected {said}"
        return f'assert {name}.ndim == {len(v.shape)}, f"{message}"'

    def _arrays(self) -> list[str]:
        """The lines that make arrays of what is given."""
        names = [self.names[v.name] for v in self.program.inputs]
        shaped = [self.names[v.name] for v in self.program.inputs if v.shape]
        if self.dialect.name == "torch":
            return _tensors(shaped, [name for name in names if name not in shaped])
        scalars = [name for name in names if name not in shaped]
        if self.dialect.name == "jax":
            made = "1.0 * jnp.asarray({})"
            lines = [f"dtype = {(*shaped, *names, 'jnp.zeros(())')[0]}.dtype"]
            if shaped:  # plain numbers have the type of the arrays
                lines += [f"{name} = jnp.asarray({name}, dtype=dtype)" for name in scalars]
        else:  # numbers of NumPy's are faster than arrays without axes
            made = f"np.asarray({{}}, dtype={self.dialect.dtype})"
            number = "np.float64" if self.dialect.dtype == "float" else self.dialect.dtype
            lines = [f"{name} = {number}({name})" for name in scalars]
        if shaped or self.dialect.name != "jax":
            names = shaped
        return [*(f"{name} = {made.format(name)}" for name in names), *lines]

    # Results --------------------------------------------------------------------------------------

    def body(self) -> list[str]:
        """The lines that compute, and the return."""
        lines: list[str] = []
        names = self._chosen()
        copied = self._copied()
        for k, line in enumerate(self.program.instructions):
            spelled = self._spelled(line)
            kept = k in names and line.operation not in ALWAYS[:4]
            if kept and names[k] in copied and not self._full(line):
                spelled = self._copy(spelled)
            if line.operation == "slogdet":
                self.pairs[k] = (Code(self.fresh("sign")), Code(self.fresh("logdet")))
                sign, logdet = (part.text for part in self.pairs[k])
                lines += self.pair(sign, logdet, spelled, self.written[line.arguments[0]])
            elif kept:
                lines += self.assigned(names[k], spelled.text)
                spelled = Code(names[k], number=spelled.number)
            self.written.append(spelled)
        results, lines_of = [], self.program.instructions
        for k, name in zip(self.program.outputs, self.heading.results, strict=True):
            found = self.written[k]
            if name in copied and found.text != name and not self._full(lines_of[k]):
                found = self._copy(found)
            if found.number and not lines_of[k].shape:
                found = self.dialect.scalar(found)
            if found.text != name and (len(self.heading.results) > 1 or self.dialect.columns):
                lines += self.assigned(name, found.text)
                results.append(name)
            else:
                results.append(found.text)
        return [*lines, *self.returned(results)]

    def assigned(self, name: str, text: str) -> list[str]:
        """`name = text`, over several lines where it is too wide."""
        line = f"{name} = {text}"
        if len(line) + 4 <= WIDE or " + " not in text:
            return [line]
        return [f"{name} = (", f"    {text}", ")"]

    def pair(self, sign: str, logdet: str, spelled: Code, matrix: Code) -> list[str]:
        """The line for the sign and the logarithm of a determinant."""
        return [f"{sign}, {logdet} = {spelled.text}"]

    def returned(self, results: Sequence[str]) -> list[str]:
        """The last line."""
        if self.heading.grouped:
            rest = ", ".join(results[1:]) + ("," if len(results) == 2 else "")
            return [f"return {results[0]}, ({rest})"]
        return [f"return {', '.join(results)}"]

    def _copied(self) -> set[str]:
        """The names of the results whose memory would be the caller's, or another result's."""
        lines, outputs = self.program.instructions, self.program.outputs
        given = [k for k, line in enumerate(lines) if line.operation == "input"]
        places = lent(lines, outputs, given)
        return {self.heading.results[p] for p in places}

    def _full(self, line: Instruction) -> bool:
        """An array filled with a number is a new one."""
        return line.operation == "broadcast" and self.written[line.arguments[0]].number

    def _copy(self, spelled: Code) -> Code:
        return Code(self.dialect.copy.format(spelled.at(ATOM)))

    def _spelled(self, line: Instruction) -> Code:
        if line.operation == "number":
            return number_text(line.params[0])
        if line.operation == "size":
            return self.sizes.size(line.params[0])
        if line.operation == "input":
            return Code(self.names[line.params[0]])
        if line.operation == "logdet":
            return self.dialect.spelled(line, self.pairs[line.arguments[0]], self.sizes)
        lines = self.program.instructions
        arguments = [self.written[a]._replace(axes=len(lines[a].shape)) for a in line.arguments]
        for pattern in (_outer, _mean):
            found = pattern(self.program, line, self.written)
            if found is not None:
                operation, params, texts = found
                part = Instruction(operation, line.arguments, params, line.shape)
                return self.dialect.spelled(part, texts, self.sizes)
        if line.operation == "mul" and line.arguments[0] == line.arguments[1]:
            square = Instruction("power", line.arguments, (), line.shape)
            return self.dialect.spelled(square, [arguments[0], number_text(2)], self.sizes)
        return self.dialect.spelled(line, arguments, self.sizes)

    def _chosen(self) -> dict[int, str]:
        """The results that get a name of their own, and the names."""
        program, lines = self.program, self.program.instructions
        uses = program.uses()
        lengths = self._lengths(uses)
        named = dict(zip(program.outputs[::-1], self.heading.results[::-1], strict=True))
        wanted = []
        for k, line in enumerate(lines):
            if k in named or line.operation in ALWAYS:
                continue
            if line.operation == "slogdet":
                continue
            several = uses[k] > 1
            adjoint = k in program.adjoint_of or k in program.adjoint_of.values()
            if several or adjoint or lengths[k] > INLINE:
                wanted.append(k)
        bases = {k: self._base(lines[k], program.origin.get(k)) for k in wanted}
        told = {k: self.fresh(n) for k in wanted if (n := self._told(program.origin.get(k)))}
        counts = Counter(bases[k] for k in wanted if k not in program.adjoint_of and k not in told)
        numbers: Counter[str] = Counter()
        for k in wanted:
            forward = program.adjoint_of.get(k)
            if k in told:
                named[k] = told[k]
            elif forward is not None and forward in named and forward not in program.outputs:
                named[k] = self.fresh(gradient_name("delta", named[forward]))
            else:
                numbers[bases[k]] += 1
                number = numbers[bases[k]] if counts[bases[k]] > 1 else ""
                named[k] = self.fresh(f"{bases[k]}{number}")
        return named

    def _told(self, origin: Expr | None) -> str:
        return "" if origin is None else self.heading.values.get(origin, "")

    def _lengths(self, uses: Sequence[int]) -> list[int]:
        """About how long each result would be, written out; a named one is short."""
        lengths: list[int] = []
        for k, line in enumerate(self.program.instructions):
            inner = sum(
                lengths[a] if uses[a] == 1 and lengths[a] <= INLINE else 3 for a in line.arguments
            )
            own = 2 if line.operation in ALWAYS else 4 if line.operation in SHORT else 10
            lengths.append(own + inner if k not in self.program.adjoint_of else 3)
        return lengths

    def _base(self, line: Instruction, origin: Expr | None) -> str:
        """A letter for what the steps do not name: s for scalars, r for rests, a for others."""
        if origin is not None and origin.function.name == "softmax":
            return "p" if len(line.shape) == 1 else "P"
        if not line.shape:
            return "s"
        residual = line.operation == "sub" and origin is not None and is_(origin, "add")
        base = "r" if residual else BASES.get(line.operation, self.letter)
        return base.upper() if len(line.shape) == 2 and len(base) == 1 else base


def _tensors(shaped: Sequence[str], scalars: Sequence[str]) -> list[str]:
    """The lines that find the type and the device, and make tensors of plain numbers."""
    first = next(iter((*shaped, *scalars)), None)
    options = "{'dtype': torch.float64, 'device': None}"
    if first is not None:
        own = f"{{'dtype': {first}.dtype, 'device': {first}.device}}"
        options = own if shaped else f"{own} if torch.is_tensor({first}) else {options}"
    made = (f"{s} = torch.as_tensor({s}, **options)" for s in scalars)
    return ["options = " + options.replace("'", '"'), *made]


SHORT = ("add", "sub", "mul", "div", "matmul", "dot", "neg", "power", "gt", "lt", "ge", "le", "ne")


Pattern = tuple[str, tuple[object, ...], list[Code]]


def _outer(program: Program, line: Instruction, written: Sequence[Code]) -> Pattern | None:
    """A column times a vector, entry by entry, is their outer product."""
    if line.operation != "mul" or len(line.shape) != 2:
        return None
    for a, b in (line.arguments, line.arguments[::-1]):
        column, row = program.instructions[a], program.instructions[b]
        if column.operation == "column" and len(row.shape) == 1:
            return "outer", (), [written[column.arguments[0]], written[b]]
    return None


def _mean(program: Program, line: Instruction, written: Sequence[Code]) -> Pattern | None:
    """A sum that is written here, divided by the length of what was summed, is a mean."""
    if line.operation != "div":
        return None
    total, below = (program.instructions[a] for a in line.arguments)
    text = written[line.arguments[0]].text
    if total.operation != "sum" or below.operation not in ("size", "number") or "(" not in text:
        return None
    axis = total.params[0]
    of = program.instructions[total.arguments[0]]
    if axis is None and len(of.shape) != 1:
        return None
    if of.shape[axis or 0] != below.params[0]:
        return None
    return "mean", total.params, [written[total.arguments[0]]]


def single(s: object) -> TypeGuard[Dim]:
    """True for a size that is one name."""
    if not isinstance(s, Dim) or s.coefficient != 1 or len(s.names) != 1:
        return False
    return (*size_names([(s,)]),) == s.names
