"""Values for the names of an expression: from a command line, from JSON and from NumPy files.

Nothing is run and nothing is unpickled: numbers and lists of numbers are all there can be.
"""

import json
import lzma
import re
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matderiv.bridge.sizes import by_name
from matderiv.errors import DomainError, LimitError, MatderivError, ParseError
from matderiv.expr import Expr, variables
from matderiv.input.builder import Scope
from matderiv.input.conjugates import is_complex
from matderiv.input.spelling import source_of
from matderiv.language.declare import declared_facts, declared_shapes, guessed_axes
from matderiv.language.source import Name, postorder
from matderiv.language.tokens import canonical_name, is_name
from matderiv.lazy import np
from matderiv.numeric.evaluate import as_array, bind_sizes, evaluate

MAX_BYTES = 400_000_000
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_QUOTIENT = re.compile(rf"({_NUMBER})(?:\s*/\s*({_NUMBER}))?")
_NO_COMMA = re.compile(r"[\]\d.]\s+([^\W\d]\w*)\s*=")
_MINUS = str.maketrans("\N{MINUS SIGN}\N{EN DASH}", "--")
_DAMAGED: tuple[type[Exception], ...] = (
    *(ValueError, EOFError, KeyError, RuntimeError, OverflowError, SyntaxError, TypeError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError),
)
"""What NumPy and zipfile raise for damaged, encrypted or foreign content."""
_EXAMPLE = "x=-2,y=5 or W=[[1,2],[3,4]]"


def values_in(line: str) -> dict[str, Any]:
    """Values from a line such as "x=-2, W=[[1,2],[3,4]]". Raises ParseError with the place.

    >>> values_in("x=-2, w=[1, 2.5], b=1/4")
    {'x': -2.0, 'w': [1, 2.5], 'b': 0.25}
    """
    found: dict[str, Any] = {}
    for start, entry in _entries(line):
        typed, equals, value = entry.partition("=")
        name = canonical_name(typed.strip())
        span = (start, start + len(entry.rstrip()))
        if not equals or not is_name(name):
            said = "a value is a name, an equals sign and numbers"
            raise ParseError(said, source=line, span=span, hint=_EXAMPLE)
        if name in found:
            raise ParseError(f"{name} has two values", source=line, span=span)
        place = start + len(typed) + 1
        found[name] = _literal(name, value, line, (place, start + len(entry)))
    return found


def _entries(line: str) -> list[tuple[int, str]]:
    """The line cut at commas and semicolons outside brackets, with the place of each piece."""
    out, depth, start = [], 0, 0
    for k, c in enumerate(line + ","):
        depth += (c == "[") - (c == "]")
        if (c in ",;" and depth <= 0) or k == len(line):
            piece = line[start:k]
            if piece.strip():
                lead = len(piece) - len(piece.lstrip())
                out.append((start + lead, piece[lead:]))
            start = k + 1
    return out


def _literal(name: str, value: str, line: str, span: tuple[int, int]) -> Any:
    typed = value.strip().translate(_MINUS)
    try:
        single = _QUOTIENT.fullmatch(typed)
        if single:
            return _quotient(single)
        if not typed.startswith("["):
            raise ValueError
        return _json(_QUOTIENT.sub(_entry, typed))
    except (ValueError, ZeroDivisionError, RecursionError) as error:
        missing = _NO_COMMA.search(value)
        raise ParseError(
            f"the value of {name} is not a number or a list of numbers",
            source=line,
            span=span,
            hint=f"a comma before {missing[1]}" if missing else _EXAMPLE,
        ) from error


def _quotient(found: re.Match[str]) -> float:
    return float(found[1]) / float(found[2] or 1)


def _entry(found: re.Match[str]) -> str:
    """A number of a list as JSON has it."""
    plain = found[2] is None and re.fullmatch(r"-?\d+(\.\d+)?([eE].*)?", found[1])
    return found[0] if plain else repr(_quotient(found))


def _json(content: str) -> Any:
    """JSON without NaN and infinities, and without a name given twice."""

    def no_constant(word: str) -> Any:
        raise ValueError(f"{word} is not a number")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} has two values")
        return dict(pairs)

    return json.loads(content, parse_constant=no_constant, object_pairs_hook=once)


# Files -------------------------------------------------------------------------------------------


def values_from_file(name: str) -> dict[str, Any]:
    """Values by name from a .json or .npz file, or one array from NAME=FILE.npy.

    Raises MatderivError with the reason where a file cannot be read or holds something else.
    """
    typed, equals, path = name.partition("=")
    if not (equals and is_name(canonical_name(typed.strip()))):
        typed, path = "", name
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".npz", ".npy"):
        raise MatderivError(f"{path} is no .json, .npz or .npy file")
    try:
        about = Path(path).stat()
        if not stat.S_ISREG(about.st_mode):
            raise MatderivError(f"{path} is no regular file", hint="values come from files")
        if about.st_size > MAX_BYTES:
            raise LimitError(f"{path} has more than {MAX_BYTES} bytes, which is the limit")
        found = _from_json(path) if suffix == ".json" else _from_numpy(path, typed.strip())
    except OSError as error:
        raise MatderivError(f"cannot read {path}: {error.strerror or error}") from error
    except MemoryError as error:
        raise LimitError(f"{path} holds more than there is memory for") from error
    return {canonical_name(key): value for key, value in found.items()}


def _from_json(path: str) -> dict[str, Any]:
    try:
        content = _json(Path(path).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ParseError(
            f"{path} holds no names", hint='a file such as {"x": [1, 2], "W": [[1, 2], [3, 4]]}'
        )
    return content


def _from_numpy(path: str, name: str) -> dict[str, Any]:
    single = path.lower().endswith(".npy")
    if single and not name:
        raise MatderivError(f"{path} holds one array without a name", hint=f"--values x={path}")
    try:
        if not single:
            with zipfile.ZipFile(path) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
                    raise LimitError(f"{path} holds more than {MAX_BYTES} bytes")
        loaded = np.load(path, allow_pickle=False)
        return {name: loaded} if single else {key: loaded[key] for key in loaded.files}
    except _DAMAGED as error:
        raise DomainError(f"{path} holds no arrays of numbers: {error}") from error


# Checking ----------------------------------------------------------------------------------------


def checked_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as arrays of finite real numbers; DomainError or LimitError with the name.

    >>> checked_values({"x": [1, float("nan")]})
    Traceback (most recent call last):
    ...
    matderiv.errors.DomainError: the value of x has an entry that is nan
      try:   finite numbers
    """
    found = {}
    for name, value in by_name(values).items():
        array = as_array(str(name), value)
        if not np.isfinite(array).all():
            odd = array[~np.isfinite(array)][0]
            raise DomainError(
                f"the value of {name} has an entry that is {odd}", hint="finite numbers"
            )
        found[name] = array
    return found


def names_in(f: str, shapes: Mapping[str, Any] | None = None) -> dict[str, int]:
    """The names in a text, in order, without those that it defines, and how many axes they have.

    >>> names_in("q*z where q = x + y")
    {'z': 0, 'x': 1, 'y': 1}
    """
    known = declared_shapes(shapes)
    source = source_of(f, Scope(known))
    own = {part.name for part in source.parts}
    roots = [source.main, *(part.value for part in source.parts)]
    found = [n.name for root in roots for n in postorder(root) if isinstance(n, Name)]
    axes = {n: len(shape) for n, shape in known.items()}
    return {n: axes.get(n, source.kinds.get(n, guessed_axes(n))) for n in found if n not in own}


def shapes_of(
    values: Mapping[str, Any],
    f: str,
    shapes: Mapping[str, Any] | None,
    assume: Mapping[str, Any] | None,
) -> dict[str, tuple[int, ...]]:
    """The shapes of names that nothing declares and whose value is of another kind than guessed.

    A number makes a name a scalar, whatever its letter says.

    >>> shapes_of({"x": -2, "w": [1, 2], "W": 3}, "x*w*W", None, None)
    {'x': (), 'W': ()}
    """
    declared, facts = declared_shapes(shapes), declared_facts(assume)
    used = names_in(f, shapes)
    found: dict[str, tuple[int, ...]] = {}
    for typed, value in values.items():
        name = canonical_name(typed)
        if name in declared or name not in used:
            continue
        shape = as_array(name, value).shape
        letter = guessed_axes(name, facts.get(name, ()))
        column = letter == used[name] == 1 and len(shape) == 2 and shape[1] == 1
        if {letter, used[name]} != {len(shape)} and not column:
            found[name] = shape
    return found


def complex_value(e: Expr, f: Expr, values: Mapping[str, Any]) -> Any:
    """The value of an expression about complex names of f; None where all names are real.

    Conjugates need no values.

    >>> z = variable("z", (2,), ["complex"])
    >>> other = variable("conj(z)", (2,), ["complex"])
    >>> complex_value(2 * other, z, {"z": [1j, 2]})
    array([0.-2.j, 4.+0.j])
    """
    if not any(map(is_complex, variables(f))):
        return None
    given = {name: np.asarray(value, complex) for name, value in values.items()}
    known = variables(f, e)
    others = {v.name: v.name[5:-1] for v in known if v.name.startswith("conj(")}
    given |= {c: given[name].conj() for c, name in others.items() if name in given}
    nodes = [v for v in known if v.name in given]
    sizes = bind_sizes(nodes, {name: a.real for name, a in given.items()})
    return evaluate(e, {v.name: given[v.name] for v in nodes}, sizes, analytic=True)
