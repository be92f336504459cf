"""What a call or an operator applies: its record, its operands and its parameters."""

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from matderiv import functions
from matderiv.arguments import counted, pairs
from matderiv.errors import ParseError, Span, UnknownFunction
from matderiv.expr import REGISTRY, Params
from matderiv.functions.abstract import ENTRIES, NUMBERS
from matderiv.functions.record import Function
from matderiv.language.declare import guessed_axes
from matderiv.language.source import Call, Name, Node, Number, Operation, Source, String
from matderiv.language.tokens import GREEK_NAMES
from matderiv.lazy import difflib
from matderiv.shapes import Dim, Size, plus, times, with_sizes

UNTYPED = ("operator", "internal", "abstract")
BY_SYMBOL = {
    **pairs("""
    neg -x          mul A*B         hadamard x.*y   div x/y         ediv x./y
    power x^2       epow x.^2       transpose A'
"""),
    "add": "x + y",
    "rank": "a rank jumps between whole numbers and has no derivative; norm_nuc(A) stands for it",
    "argmax": "a place has no derivative; softmax(x) is its smooth form",
}
TYPED_AS = pairs("""
    sigma sigmoid    Phi normcdf    N mvnpdf    D_KL kl    sgn sign    LSE logsumexp
    sigm sigmoid     ln log         trace tr      Trace tr    inner dot
    fro norm2        frobenius norm2              nuclear norm_nuc
""")
ABSTRACT = ("abstract", "abstract_map", "abstract_curve")
NOBODYS = "{0} is a function that nobody defines"
SHAPED = {"vector": 1, "matrix": 2}


class Application(NamedTuple):
    """A record with the operands it takes; `open_sizes` parameters follow from the neighbours."""

    function: Function
    operands: tuple[Node, ...] = ()
    params: Params = ()
    open_sizes: int = 0


class _Spellings(NamedTuple):
    """The records behind each name, the names that are no variables, names by their letters."""

    records: dict[str, tuple[str, ...]]
    reserved: frozenset[str]
    alike: dict[str, str]


def function_names() -> dict[str, tuple[str, ...]]:
    """The records behind every name that can be typed before a bracket."""
    return _names_of(len(REGISTRY)).records


def reserved_names() -> frozenset[str]:
    """The names of functions that are no variables: a Greek letter is one without brackets."""
    return _names_of(len(REGISTRY)).reserved


@cache
def _names_of(count: int) -> _Spellings:
    assert functions  # its import filled the registry
    found: dict[str, tuple[str, ...]] = {}
    for record in REGISTRY.values():
        if not record.leaf and record.call not in UNTYPED:
            for spelling in {record.name, record.label, *record.aliases}:
                found[spelling] = (*found.get(spelling, ()), record.name)
    alike: dict[str, set[str]] = {}
    for name in filter(str.isidentifier, found):
        alike.setdefault(name.replace("_", "").lower(), set()).add(name)
    single = {letters: names.pop() for letters, names in alike.items() if len(names) == 1}
    return _Spellings(found, frozenset(found) - GREEK_NAMES, single)


def known_function(typed: str) -> str | None:
    """The function that is typed so, in any case and without its underscores: MSE, Tr, LeakyReLU.

    >>> known_function("Tr"), known_function("LogSumExp"), known_function("F")
    ('tr', 'logsumexp', None)
    """
    typed = TYPED_AS.get(typed, typed)
    if typed in function_names() or len(typed) == 1:
        return typed if typed in function_names() else None
    return _names_of(len(REGISTRY)).alike.get(typed.replace("_", "").lower())


def interpret(node: Operation | Call, source: Source) -> Application:
    """The record, operands and parameters of a node.

    Raises UnknownFunction with the nearest names, ParseError with the signature for a wrong number
    or kind of arguments.
    """
    if isinstance(node, Operation):
        return Application(REGISTRY[node.function], node.operands)
    name, order = (dict(node.keywords).get(key) for key in ("name", "order"))
    if node.name in ABSTRACT and isinstance(name, String) and order is not None:  # made here
        said = (name.value, _whole(order) or 0)
        sizes = guessed_axes(name.value) if node.name == "abstract_curve" else 0
        return Application(REGISTRY[node.name], node.operands, said, sizes)
    record = _record(node, source)
    reader = {
        "axis": _with_axis,
        "keyword-axis": _with_axis,
        "sizes": _with_sizes,
        "like": _with_sizes,
        "numbers": _with_numbers,
        "axes": _with_axes,
        "columns": _with_columns,
        "pattern": _with_pattern,
    }.get(record.call, _plain)
    if record.call not in ("axis", "keyword-axis", "columns", "numbers") and node.keywords:
        keyword, value = node.keywords[0]
        raise _mistake(f"{node.name} takes no {keyword}=", value.span, record, source)
    application = reader(node, record, source)
    for operand in application.operands:
        if isinstance(operand, String):
            raise _mistake("text in quotes belongs in einsum", operand.span, record, source)
    return application


def _record(node: Call, source: Source) -> Function:
    spelled = known_function(node.name)
    names = function_names().get(spelled) if spelled is not None else None
    if names is None:
        raise _unknown(node, source)
    count = len(node.operands)
    fitting = [n for n in names if REGISTRY[n].arity[0] <= count <= REGISTRY[n].arity[1]]
    return REGISTRY[(fitting or list(names))[0]]


def _unknown(node: Call, source: Source) -> UnknownFunction:
    names = [f for f in function_names() if node.name != "pi"]
    near = [f for f in names if f.startswith(f"{node.name}_") or node.name.startswith(f"{f}_")]
    alike = [f for f in names if abs(len(f) - len(node.name)) <= 4]
    near = near[:3] or difflib.get_close_matches(node.name, alike, 3, 0.65)
    hint = ", ".join(near) if near else None
    if node.name in BY_SYMBOL:
        hint = BY_SYMBOL[node.name]
    elif len(node.name) == 1 or not near:
        inside = source.typed((node.name_span[1], node.span[1]))
        fits = len(inside) <= 30 and len(node.operands) == 1
        product = f"{node.name}*{inside} for a product" if fits else ""
        hint = ", ".join(filter(None, (hint, product))) or "matderiv rules lists the functions"
    return UnknownFunction(
        f"unknown function {node.name}", source=source.text, span=node.name_span, hint=hint
    )


def abstract_call(name: str, order: int, operand: Node, span: Span) -> Call | None:
    """A function that nobody defines, or its derivative, applied; None for any other name.

    Letters other than f, g, h, L, J, φ, ψ are functions only of one name: a(t) is none of products.

    >>> [abstract_call(c, 0, Name((2, 3), "t"), (0, 4)).name for c in ("f", "phi", "Y")]
    ['abstract', 'abstract_map', 'abstract_curve']
    """
    if name not in NUMBERS | ENTRIES:
        if len(name) > 1 or name in "deijDEHIKNP" or not isinstance(operand, Name):
            return None
    said = (("name", String(span, name)), ("order", Number(span, Fraction(order))))
    array = name not in NUMBERS and guessed_axes(name) > 0
    return Call(span, ABSTRACT[1 if name in ENTRIES else 2 * array], span, (operand,), said)


def slope_call(name: str, order: int, operand: Node, span: Span) -> Call | None:
    """`tanh'(z)`: the slope at each entry; None for what is no function of each entry.

    >>> z = Name((5, 6), "z")
    >>> [c and c.name for c in (slope_call(f, 1, z, (0, 7)) for f in ("tanh", "tr"))]
    ['abstract_map', None]
    """
    spelled = known_function(name)
    names = function_names().get(spelled, ()) if spelled is not None else ()
    known = [n for n in names if len(REGISTRY[n].partials) == 1]
    if not known or order != 1:
        return None
    said = (("name", String(span, known[0])), ("order", Number(span, Fraction(order))))
    return Call(span, "abstract_map", span, (operand,), said)


def signature(record: Function) -> str:
    """How a function is called.

    >>> signature(REGISTRY["sum"]), signature(REGISTRY["where"])
    ('sum(x), sum(x,1) or sum(x,2)', 'where(x > 0, x, y)')
    """
    name, example = record.label, record.example or f"{record.label}(n)"
    if record.call == "axis":
        return f"{name}(x), {name}(x,1) or {name}(x,2)"
    if record.call == "keyword-axis":
        return f"{name}(x), {name}(x, axis=1), {name}(x, axis=2) or {name}(x,y)"
    return example


def _mistake(message: str, span: Span, record: Function, source: Source) -> ParseError:
    return ParseError(message, source=source.text, span=span, hint=signature(record))


def _count(node: Call, record: Function, source: Source, least: int, most: int) -> None:
    count = len(node.operands)
    if not least <= count <= most:
        said = f"{node.name} takes {counted(least, most)}, {count} given"
        raise _mistake(said, node.span, record, source)


def _plain(node: Call, record: Function, source: Source) -> Application:
    least, most = record.arity
    default, operands = record.default, node.operands
    _count(node, record, source, least - (default is not None), most)
    if default is not None and len(operands) < most:
        operands = (*operands, Number((node.span[1], node.span[1]), default))
    return Application(record, operands, (), SHAPED.get(record.name, 0))


def _with_axis(node: Call, record: Function, source: Source) -> Application:
    operands = node.operands
    _count(node, record, source, 1, 2 if record.call == "axis" else 1)
    given = [*operands[1:]]
    for keyword, value in node.keywords:
        if keyword != "axis" or given:
            raise _mistake(f"{node.name} takes one axis", value.span, record, source)
        given.append(value)
    axis = None
    if given:
        axis = _whole(given[0])
        if axis is None or axis < 1:
            raise _mistake("an axis is a number: 1, 2, ...", given[0].span, record, source)
    return Application(record, operands[:1], (axis,))


def _whole(node: Node) -> int | None:
    if isinstance(node, Number) and node.value.denominator == 1 and node.value < 10**9:
        return int(node.value)
    return None


def _with_sizes(node: Call, record: Function, source: Source) -> Application:
    least, most = record.arity
    operands, sizes = node.operands[:1], node.operands[1:]
    if len(node.operands) == {"unit": 1, "cols": 2}.get(record.name):
        return Application(record, (), tuple(size_of(o, record, source) for o in node.operands), 1)
    if record.call == "sizes":
        _count(node, record, source, least, most)
        operands, sizes = (), node.operands
    else:
        sizes_after = 1 if record.name == "onehot" else 2
        _count(node, record, source, 1 + sizes_after, 1 + sizes_after)
    return Application(record, operands, tuple(size_of(s, record, source) for s in sizes))


END = "end"
"""The size of the axis that a slice is of, as in `x[2:end]`."""


def completed(params: Params, fresh: Sequence[Size]) -> Params:
    """Parameters with open sizes before them; what counts from the end counts from the first."""
    ends = {END: fresh[0]} if fresh else {}
    return (*fresh, *(with_sizes(p, ends) if isinstance(p, Dim) else p for p in params))


def _with_numbers(node: Call, record: Function, source: Source) -> Application:
    """Whole numbers after the operands, in order or by name: conv1d(x, w, 2), stride=2."""
    count, names = record.arity[1], [name for name, _ in record.numbers]
    needed = sum(default is None for _, default in record.numbers)
    least = count + max(0, needed - len(node.keywords))
    _count(node, record, source, least, count + len(names))
    typed = [*zip(names, node.operands[count:], strict=False), *node.keywords]
    found = dict(record.numbers)
    for name, value in typed:
        if name not in found or [n for n, _ in typed].count(name) > 1:
            raise _mistake(f"{node.name} takes no {name}= here", value.span, record, source)
        negative = isinstance(value, Operation) and value.function == "neg"
        whole = _whole(value.operands[0] if isinstance(value, Operation) and negative else value)
        if whole is None:
            raise _mistake(f"{name} is a whole number", value.span, record, source)
        found[name] = -whole if negative else whole
    if None in found.values():
        raise _mistake(f"{node.name} needs a number", node.span, record, source)
    return Application(record, node.operands[:count], without_defaults(record, found.values()))


def without_defaults(record: Function, numbers: Iterable[int | None]) -> Params:
    """The whole numbers of a call up to the last that is not as by default.

    >>> without_defaults(REGISTRY["conv1d"], (2, 1, 1, 1)), without_defaults(REGISTRY["flip"], (0,))
    ((2, 1), ())
    """
    found = list(numbers)
    while found and found[-1] == record.numbers[len(found) - 1][1]:
        found.pop()
    return tuple(found)


def size_of(node: Node, record: Function, source: Source) -> Size:
    """A size that was typed as an argument: a name, a whole number, a product or a sum of these."""
    if isinstance(node, Name):
        return Dim((node.name,))
    value = _whole(node)
    if value is not None and value >= 1:
        return value
    if isinstance(node, Operation) and node.function == "mul":
        return times(*(size_of(operand, record, source) for operand in node.operands))
    if isinstance(node, Operation) and node.function == "add":
        terms = [
            times(-1, size_of(o.operands[0], record, source))
            if isinstance(o, Operation) and o.function == "neg"
            else size_of(o, record, source)
            for o in node.operands
        ]
        return plus(*terms)
    raise _mistake(
        "a size is a name, a whole number from 1 or a product", node.span, record, source
    )


def _with_axes(node: Call, record: Function, source: Source) -> Application:
    _count(node, record, source, 2, 9)
    axes = []
    for operand in node.operands[1:]:
        axis = _whole(operand)
        if axis is None:
            raise _mistake("axes are numbers: 1, 2, ...", operand.span, record, source)
        axes.append(axis)
    return Application(record, node.operands[:1], tuple(axes))


def _with_columns(node: Call, record: Function, source: Source) -> Application:
    columns = [_whole(value) for keyword, value in node.keywords if keyword == "columns"]
    if len(columns) != 1 or len(node.keywords) > 1 or not columns[0] or not node.operands:
        raise _mistake("blocks have columns=", node.span, record, source)
    return Application(record, node.operands, (columns[0],))


def _with_pattern(node: Call, record: Function, source: Source) -> Application:
    first, operands = node.operands[0], node.operands[1:]
    if not isinstance(first, String):
        raise _mistake("einsum starts with a pattern in quotes", first.span, record, source)
    spec = first.value.replace(" ", "")
    match = re.fullmatch(r"([A-Za-z]*(?:,[A-Za-z]*)*)(?:->([A-Za-z]*))?", spec)
    if match is None:
        raise _mistake("a pattern is letters, commas and ->", first.span, record, source)
    letters = match[1].replace(",", "")
    output = match[2]
    if output is None:
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(set(output)) < len(output) or set(output) - set(letters):
        raise _mistake(
            "each letter after -> stands once there and before it", first.span, record, source
        )
    count = match[1].count(",") + 1
    if count != len(operands):
        message = f"the pattern has {count} operands, {len(operands)} are given"
        raise _mistake(message, node.span, record, source)
    return Application(record, operands, (f"{match[1]}->{output}",))
