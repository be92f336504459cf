"""What an answer says about kinds that were guessed by their letter.

In `x'*c` by x with the answer c nothing is wrong but the guess. So where an answer does not fit and
would fit if scalars by their letter were vectors, it is not judged.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, combinations, permutations, product

from matderiv.errors import MatderivError
from matderiv.expr import Expr, apply, is_, substitute, variables, walk
from matderiv.input.answers import answer_source
from matderiv.input.asking import numbers_meant, read_question
from matderiv.input.entries import about_entry, entry_asked, tied
from matderiv.input.latex.summation import sums_in
from matderiv.input.latex.tokens import tokenize_latex
from matderiv.input.meaning.evidence import OF_MATRICES
from matderiv.input.tree import COUNTS
from matderiv.language.declare import guessed_axes
from matderiv.language.operands import OF_ARRAYS, OF_VECTORS
from matderiv.language.source import Name, children, postorder, unsigned
from matderiv.shapes import Dim, Shape, is_scalar, size_names, with_sizes
from matderiv.verification.claims import Asked, Claim, claims, conventional, read_answer
from matderiv.verification.judging import judged
from matderiv.words.chains import facts

SIZE_LETTERS = frozenset("nmNMdDpkKTBC")
MAX_NAMES = 6  # guessed scalars; subsets of up to two of them are tried, then all


def matrices_as_numbers(asked: Asked) -> list[str]:
    """The guessed matrices by their letter that use made numbers: X of `(y - X*w)^2`.

    >>> [matrices_as_numbers(ask(f, "w")) for f in ("(y - X*w)^2", "norm2(X*w)^2")]
    [['X'], []]
    """
    if asked.reading is None:
        return []
    found = (n for n in asked.reading.guessed if n in asked.reading.variables)
    return sorted(n for n in found if guessed_axes(n) == 2 and not asked.reading.variables[n].shape)


def right_with(asked: Asked, answer: str, *, fitting: bool) -> str:
    """What is to be taken how for an answer to be right, such as "N as m"; or "".

    With `fitting` the answer does not fit as it is, and matrices may be square.

    >>> right_with(ask("mean((X*w - y).^2)", "w"), "2/N*X'*(X*w - y)", fitting=False)
    'N as m'
    >>> right_with(ask("norm2(X*w + b - y)^2", "b"), "2*sum(X*w + b - y)", fitting=True)
    'b as a number'
    >>> right_with(ask("det(A*X*B)", "X"), "det(A*X*B)*inv(X)'", fitting=True)
    'A and B as square'
    >>> asked = ask("np.sum((X @ w - y)**2)/m", "w")
    >>> right_with(asked, "2*X.T @ (X @ w - y)/X.shape[0]", fitting=False)
    'm as the rows of X'
    """
    lengths = chain(_as_listed(asked, answer), _as_squares(asked)) if fitting else ()
    others = chain(_of_sizes(asked, answer), _of_rows(asked), lengths, _of_numbers(asked, answer))
    return next((said for said, other in others if _is_right(other, answer)), "")


def arrays_instead(asked: Asked, answer: str, *, fitting: bool) -> str:
    """What to declare where the answer is right with guessed scalars as arrays; "" elsewhere.

    With `fitting` vectors that give the answer its shape are enough, if f stays a scalar.

    >>> arrays_instead(ask("norm2(x)^2", "x"), "x*x'", fitting=True)
    ''
    """
    scalars = _guessed(asked, 0)
    for rank in (1, 2):
        axes = len(asked.f.shape) if fitting and rank == 1 else None
        for names in _subsets(scalars):
            if _is_right(_with_kinds(asked, dict.fromkeys(names, rank)), answer, axes):
                return said(names, rank)
    return ""


def turns_numbers(asked: Asked, answer: str) -> bool:
    """True where an answer transposes guessed scalars and is wrong if these are vectors.

    >>> turns_numbers(ask("cos(x'*x)*b", "x"), "-2*sin(x'*x)*x*b'")
    True
    """
    names = _transposed(asked, answer) & {*_guessed(asked, 0)}
    other = _with_kinds(asked, dict.fromkeys(names, 1)) if names else None
    return other is not None and not _is_right(other, answer)


def adds_numbers(asked: Asked, e: Expr, answer: str) -> bool:
    r"""True where a LaTeX answer adds a number to an array, as in `2w - \lambda`: no LaTeX does.

    Where its terms are functions of each entry, as in `\log x + 1`, or f adds numbers so itself,
    every entry is meant.

    >>> asked = ask(r"x^\top x + c\mathbf{1}^\top x", "x")
    >>> answers = (r"2x + c", r"2x + c\mathbf{1}")
    >>> [adds_numbers(asked, read_answer(asked, a), a) for a in answers]
    [True, False]
    """
    while is_(e, "neg", "mul", "div") and sum(bool(a.shape) for a in e.args) == 1:
        e = next(a for a in e.args if a.shape)
    if not _is_spread(e) or any(map(_is_spread, walk(asked.f))):
        return False
    each = (n for n in walk(e) if n.shape and n.function.kind == "elementwise")
    source = answer_source(answer, asked.reading, asked.extra)
    spelled = {asked.reading.spelling if "*" not in answer else "", getattr(source, "spelling", "")}
    entries = source is not None and source.free  # 2x_i + 1
    return not any(each) and not entries and "latex" in spelled


def _is_spread(e: Expr) -> bool:
    """True for a sum of a number and an array that says nothing of a number for each entry."""
    return is_(e, "add") and bool(e.shape) and any(not a.shape for a in e.args)


def as_numbers_said(names: Sequence[str]) -> str:
    """How names were taken for numbers."""
    return f"{' and '.join(names)} as {'numbers' if len(names) > 1 else 'a number'}"


Other = tuple[str, Asked | None]
"""What is taken how, and the question then."""


def _of_numbers(asked: Asked, answer: str) -> Iterator[Other]:
    """Vectors by their use as numbers, as their letters say.

    `W*x + b` has a vector b in a layer and a number b in a regression: both are meant. So has
    NumPy `w*x`, where the derivative by w is said to be a number.
    """
    arrays = _transposed(asked, asked.reading.source) | _transposed(asked, answer)
    arrays |= set(re.findall(r"(?<![A-Za-z])([A-Za-z]+)\s*[_\[]", asked.reading.source))  # a_i
    slope = _as_number(asked, answer)
    vectors = [n for n in _guessed(asked, 1) if n not in arrays]
    for names in _subsets([n for n in vectors if not guessed_axes(n) or n == slope]):
        yield as_numbers_said(names), _with_kinds(asked, dict.fromkeys(names, 0))


def _transposed(asked: Asked, typed: str) -> set[str]:
    """The names that the question, or an answer, transposes, which are no numbers."""
    source = answer_source(typed, asked.reading)
    nodes = postorder(source.main) if source is not None else ()
    pairs = ((n, children(n)[0]) for n in nodes if getattr(n, "function", "") == "transpose")
    turned = [of for n, of in pairs if n.span[1] > of.span[1]]  # as typed
    added = (children(n) for n in turned if getattr(n, "function", "") == "add")
    turned += [unsigned(n) for n in chain.from_iterable(added)]
    return {n.name for n in turned if isinstance(n, Name)}


def as_numbers(asked: Asked) -> Asked | None:
    """The question about numbers, where f may be meant of numbers; None elsewhere.

    tanh(x) has the derivative 1 - tanh(x)^2 for who means a number.

    >>> found = as_numbers(ask("tanh(x)", "x"))
    >>> found is not None and found.f.shape
    ()
    """
    names = () if asked.extra or asked.entry else numbers_meant(asked.reading)
    found = _with_kinds(asked, dict.fromkeys(names, 0)) if names else None
    return None if found is None or any(v.shape for v in variables(found.f)) else found


def _as_number(asked: Asked, answer: str) -> str:
    """The variable of a NumPy formula with other arrays, where the answer is a number; or ""."""
    others = [v for v in variables(asked.f) if v is not asked.wrt and v.shape]
    with suppress(MatderivError):
        scalar = others and is_scalar(read_answer(asked, answer).shape)
        return str(asked.wrt.name) if scalar and asked.reading.spelling == "python" else ""
    return ""


def _of_sizes(asked: Asked, answer: str) -> Iterator[Other]:
    """What the letters of sizes that only the answer has may be.

    A size that nobody named has a name of ours, and people divide by theirs; d are no rows.
    """
    reading, ours = asked.reading, _unsaid_sizes(asked)
    typed = set(re.findall(r"[A-Za-z]+", reading.source))
    source = answer_source(answer, reading, asked.extra)
    if source is None or not ours:
        return
    named = {n.name for n in postorder(source.main) if isinstance(n, Name)}
    named &= set(re.findall(r"[A-Za-z]+", answer))  # X.shape[1] says which size it is
    letters = sorted(n for n in named & SIZE_LETTERS - typed if n not in reading.variables)
    if not letters or len(letters) > 2:
        return
    matrices = [v.shape for v in reading.variables.values() if len(v.shape) == 2]
    rows = size_names(s[:1] for s in matrices) - size_names(s[1:] for s in matrices)
    for values in product(ours, repeat=len(letters)):
        pairs = list(zip(letters, values, strict=True))
        sizes = [(n, apply("size", params=(s,))) for n, s in pairs]
        if not any(n in "dDpk" and s in rows for n, s in pairs):
            other = replace(asked, reading=replace(reading, parts=(*reading.parts, *sizes)))
            yield " and ".join(f"{n} as {s}" for n, s in pairs), other


def _unsaid_sizes(asked: Asked) -> list[str]:
    reading = asked.reading
    declared = [v.shape for n, v in reading.variables.items() if n not in reading.guessed]
    ours = size_names(v.shape for v in reading.variables.values()) - size_names(declared)
    return sorted(ours - set(re.findall(r"[A-Za-z]+", reading.source)))


def sizes_named(asked: Asked, answer: str) -> Iterator[Asked]:
    """The question with sizes that nobody named called as the sums of an answer run.

    >>> asked = ask("norm2(X*w - y)^2", "w")
    >>> answer = r"2\\sum_{i=1}^n (w^\\top x_i - y_i) x_i"
    >>> [str(a.reading.variables["X"].shape[0]) for a in sizes_named(asked, answer)]
    ['n', 'm']
    """
    try:
        ends = [end for _, end in sums_in(tokenize_latex(answer)) if end.isalpha()]
    except MatderivError:
        return
    bounds = list(dict.fromkeys(ends))
    ours = _unsaid_sizes(asked)
    for values in permutations(ours, len(bounds)) if 0 < len(bounds) <= len(ours) <= 4 else ():
        displaced = [b for b in bounds if b in ours and b not in values]
        freed = [s for s in values if s not in bounds]
        pairs = zip((*values, *displaced), (*bounds, *freed), strict=False)
        names = {old: Dim((new,)) for old, new in pairs}
        shapes = {
            n: tuple(with_sizes(s, names) for s in v.shape)
            for n, v in asked.reading.variables.items()
            if n in asked.reading.guessed and n not in bounds
        }
        if other := _with_kinds(asked, {}, shapes):
            yield other


def _of_rows(asked: Asked) -> Iterator[Other]:
    """The number m of `np.sum((X @ w - y)**2)/m` as the number of rows of X, or of entries of x."""
    letters = [n for n in _guessed(asked, 0) if n in SIZE_LETTERS]
    flat = all(len(v.shape) < 2 for v in variables(asked.f))
    for v in variables(asked.f) if len(letters) == 1 else ():
        entries = flat and len(v.shape) == 1 and letters[0] in COUNTS
        rows = size_names([v.shape[:1]])
        long = len(v.shape) == 2 and not rows & size_names([asked.wrt.shape])
        if len(rows) == 1 and (long or entries):
            size, known = apply("size", params=tuple(rows)), dict(asked.reading.variables)
            f = substitute(asked.f, {known.pop(letters[0]): size})
            parts = (*asked.reading.parts, (letters[0], size))
            own = replace(asked.reading, variables=known, parts=parts)
            other = replace(asked, f=f, reading=own)
            yield f"{letters[0]} as the {'size' if entries else 'rows'} of {v.name}", other


def _as_listed(asked: Asked, answer: str) -> Iterator[Other]:
    """The variable as long as the answer `[2*x_1; 3]`, where nobody said how long it is."""
    name, length = asked.wrt.name, len(asked.wrt.shape)
    with suppress(MatderivError):
        shape = read_answer(asked, answer).shape if name in _guessed(asked, length) else ()
        if length == len(shape) == 1 and isinstance(shape[0], int):
            yield f"{name} of size {shape[0]}", _with_kinds(asked, {}, {name: shape})


def _as_squares(asked: Asked) -> Iterator[Other]:
    """Matrices of unsaid sizes as square ones."""
    shapes = {n: asked.reading.variables[n].shape for n in _guessed(asked, 2)}
    for names in _subsets([n for n, (rows, columns) in shapes.items() if rows != columns]):
        square = dict.fromkeys(names, shapes[names[0]][:1] * 2)
        yield f"{' and '.join(names)} as square", _with_kinds(asked, {}, square)


def _guessed(asked: Asked, axes: int) -> list[str]:
    """The names of so many axes that nobody declared; none where an answer has names of its own."""
    reading = asked.reading
    known = [n for n in reading.guessed if n in reading.variables and not asked.extra]
    return sorted(n for n in known if len(reading.variables[n].shape) == axes)


def _is_right(other: Asked | None, answer: str, axes: int | None = None) -> bool:
    """True where the answer is right; that it fits is enough where f has so many `axes`."""
    claimed = _claimed(other, answer) if other is not None else None
    if claimed is None or other is None:
        return False
    return len(other.f.shape) == axes or judged(claimed, "projected").right


def _subsets(names: list[str]) -> Iterator[tuple[str, ...]]:
    """One name, two, or all of them; nothing where there are too many to try."""
    if 0 < len(names) <= MAX_NAMES:
        for size in dict.fromkeys((1, 2, len(names))):
            yield from combinations(names, min(size, len(names)))


def _with_kinds(
    asked: Asked, kinds: dict[str, int], shapes: Mapping[str, Shape] | None = None
) -> Asked | None:
    """The same question with other kinds of names; None where f is no longer what it was."""
    reading = asked.reading
    declared = {n: v.shape for n, v in reading.variables.items() if n not in reading.guessed}
    if reading.spelling == "python":  # W @ x refuses a number
        declared |= {n: () for n, axes in kinds.items() if not axes}
    try:
        found = read_question(
            reading.source,
            shapes=declared | dict(shapes or {}),
            assume={n: sorted(facts(v)) for n, v in reading.variables.items() if facts(v)},
            kinds=kinds,
        )
    except MatderivError:
        return None
    wrt, entry, at = found.variables.get(asked.wrt.name), asked.entry, asked.at
    if entry is not None and (entry := entry_asked(found, entry.name)) is not None:
        wrt, at = entry.variable, tied(entry, found)
        found = about_entry(found, entry, at)
    if wrt is None or (0 in kinds.values() and _is_degenerate(found.expr)):
        return None
    kind = asked.kind
    if kind in ("gradient", "jacobian"):
        kind = "gradient" if is_scalar(found.expr.shape) else "jacobian"
    return replace(asked, f=found.expr, wrt=wrt, reading=found, kind=kind, entry=entry, at=at)


ARRAY_FUNCTIONS = OF_VECTORS.union(OF_MATRICES, *OF_ARRAYS.values(), ("mvnpdf", "mvnlogpdf", "kl"))


def _is_degenerate(f: Expr) -> bool:
    """True where a function of arrays gets a number: softmax(t) is 1 for every number t."""
    return any(
        n.function.name in ARRAY_FUNCTIONS and is_scalar(n.args[0].shape) for n in walk(f) if n.args
    )


def _claimed(asked: Asked, answer: str) -> Claim | None:
    """The answer to this question; None where it does not fit."""
    try:
        readings = claims(asked, read_answer(asked, answer), answer)
    except MatderivError:
        return None
    return readings[0] if readings and conventional(asked, readings[0].layout) else None


def said(names: tuple[str, ...], rank: int) -> str:
    """What to declare.

    >>> print(said(("c",), 1))
    c is taken as a scalar by its letter; as a vector the answer fits. Declare c: --shape "c: n"
    """
    several = len(names) > 1
    listed = " and ".join((", ".join(names[:-1]), names[-1])) if several else names[0]
    one, more, sizes = (("vector", "vectors", "n"), ("matrix", "matrices", "m,n"))[rank - 1]
    taken = f"is taken as a scalar by its letter; as a {one}"
    if several:
        taken = f"are taken as scalars by their letters; as {more}"
    options = " ".join(f'--shape "{name}: {sizes}"' for name in names)
    return f"{listed} {taken} the answer fits. Declare {listed}: {options}"
