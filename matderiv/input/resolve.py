"""Text to expressions: `read` gives a text its meaning, `read_more` reads others in its context."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from matderiv.errors import (
    MatderivError,
    ParseError,
    ShapeError,
    Span,
    UnknownFunction,
    UnknownName,
    UnknownSize,
)
from matderiv.expr import Expr, apply, number, substitute, variable, variables, walk
from matderiv.functions.abstract import applied
from matderiv.input.axes import along
from matderiv.input.builder import Scope
from matderiv.input.conjugates import complex_names, polarised
from matderiv.input.meaning.subscripts import FREE, split_label
from matderiv.input.misread import check_meant, of_matrices
from matderiv.input.notes import notes
from matderiv.input.spelling import understood
from matderiv.language.calls import Application, reserved_names
from matderiv.language.declare import (
    FUNCTION,
    check_facts,
    declared_facts,
    declared_shapes,
    stated,
)
from matderiv.language.printer import text as printed
from matderiv.language.shaping import Context, Shaping
from matderiv.language.sizes import is_open
from matderiv.language.source import Name, Node, Number, Source
from matderiv.shapes import Dim, Shape, Size, long_axes, size_names


@dataclass(frozen=True)
class Reading:
    """A text that has been understood.

    `variables` has the names of the text in order, then those that were only declared; `sizes` the
    names of all sizes; `read_as` the canonical text; `notes` what was guessed; `parts` the named
    parts of `EXPR where ...`, whose expressions are already inside `expr`; `rows` letters with an
    index and the arrays whose rows they are; `flat` are places where a number stands as an array;
    `told` the names that are covariances because a normal distribution has them, not a declaration;
    `label` what stands before the formula and an equals sign.
    """

    expr: Expr
    variables: dict[str, Expr]
    sizes: frozenset[str]
    source: str
    read_as: str
    notes: tuple[str, ...] = ()
    parts: tuple[tuple[str, Expr], ...] = ()
    guessed: frozenset[str] = frozenset()
    rows: Mapping[str, str] = field(default_factory=dict)
    spelling: str = "text"
    free: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    flat: frozenset[Span] = frozenset()
    told: frozenset[str] = frozenset()
    label: str = ""

    @property
    def made_up(self) -> frozenset[str]:
        """The sizes that nothing but guesses have."""
        shapes = {n: v.shape for n, v in self.variables.items()}
        firm = size_names(shape for n, shape in shapes.items() if n not in self.guessed)
        return self.sizes & size_names(shapes.values()) - firm

    @property
    def arrays(self) -> dict[str, Expr]:
        """The variables, with A for the array of the a_ij where that is no other one."""
        small = {n: e for n, e in self.variables.items() if n.islower() and len(n) == 1}
        small = {n: e for n, e in small.items() if n.upper() not in self.sizes}
        guessed = {n: e for n, e in small.items() if n in self.guessed and len(e.shape) == 2}
        return {**{n.upper(): e for n, e in guessed.items()}, **self.variables}

    def read_more(
        self,
        text: str,
        what: str = "the text",
        *,
        extra: Mapping[str, Expr] | None = None,
        expected: Shape | None = None,
        within: Span | None = None,
        over: Mapping[str, Size] | None = None,
    ) -> Expr:
        """Another text about the same names: a variable, an answer, an upstream.

        `extra` are further names, `expected` a shape for sizes that nothing else says, `within` a
        part of a text in LaTeX or Python. `over` are the indices of a left side, which are the axes
        of a text in entries. Raises UnknownName for a name that the expression lacks.

        >>> reading = read("sum(A*x)")
        >>> reading.read_more("A'*vector(1)", "the answer").shape == reading.variables["x"].shape
        True
        """
        known = {**self.arrays, **dict(self.parts), **(extra or {})}
        sizes = frozenset(self.sizes | size_names(e.shape for e in known.values()))
        nobodys = (n for n in walk(self.expr) if n.function.call == "abstract")
        curves = {str(n.params[-2]): n.params[:-2] for n in nobodys}
        context = Context(made_up=self.made_up, guess=False, what=what, curves=curves)

        def meaning(source: Source) -> Expr:
            own = {part.name for part in source.parts} & {name for name, _ in self.parts}
            names = {n: e for n, e in known.items() if n not in own}  # a text may name parts alike

            def read(sizes: frozenset[str]) -> Expr:
                shaping = Shaping(source, replace(context, known=names, size_names=sizes))
                return _with_axes(shaping, source, over or {}, expected)

            return _with_names(read, sizes, self.made_up, expected) if self.made_up else read(sizes)

        shapes = {name: e.shape for name, e in known.items()}
        facts, first = dict.fromkeys(curves, frozenset({FUNCTION})), (*self.free, *(over or ()))
        scope = Scope(shapes, sizes, facts, False, {}, (), None, self.labels, first, self.rows)
        return understood(text, scope, meaning, lambda e: expected in (None, e.shape), within)


def _with_names(
    read: Callable[[frozenset[str]], Expr],
    sizes: frozenset[str],
    made_up: frozenset[str],
    expected: Shape | None,
) -> Expr:
    """What is read; where sizes do not fit, those that were made up may be called otherwise."""
    found: Expr | ShapeError
    try:
        found = read(sizes)
        if expected in (None, found.shape):
            return found
    except ShapeError as error:
        found = error
    with suppress(MatderivError):
        other = read(sizes - made_up)
        if expected in (None, other.shape):
            return other
    if isinstance(found, ShapeError):
        raise found
    return found


def _with_axes(
    shaping: Shaping, source: Source, over: Mapping[str, Size], expected: Shape | None
) -> Expr:
    """A side in entries with an axis for each index of its left side, in their order.

    One that has no entries must be a number, the same everywhere.
    """
    rows = 0 < len(over) < len(long_axes(expected or ()))  # ∂f/∂μ_k of the rows of a matrix
    if over and (alone := {*source.free} ^ {*over} if rows else {*source.free} - {*over}):
        said = f"the index {min(alone)} stands on {'one' if rows else 'the right'} side only"
        raise ParseError(said, source=source.text, span=source.main.span)
    shape = expected if rows else tuple(over[c] for c in source.free if over) or expected
    if shape is not None:
        shaping.expect(shape)
    shaping.check_names()
    e = build(shaping).expr
    if rows or not over:
        return e
    if len(source.free) < len(long_axes(e.shape)):
        said = "the left side is an entry, this side an array"
        raise ParseError(said, source=source.text, span=source.main.span)
    return along(e, source.free, list(over), over)


_LABEL = re.compile(
    r"\s*(?:(?:log|ln)\s+)?([^\W\d_]\w*)\s*(?:\(\s*\w+(?:\s*[,;]\s*\w+)*\s*\))?\s*:?=(?!=)\s*"
)


def read(
    text: str,
    *,
    shapes: Mapping[str, Any] | None = None,
    assume: Mapping[str, Any] | None = None,
    reserved: Iterable[str] = (),
    kinds: Mapping[str, int] | None = None,
    about: Iterable[str] = (),
    labels: bool = False,
    wirtinger: bool = False,
) -> Reading:
    """The meaning of a text: kinds by declaration or the letter rule, sizes by unification.

    `shapes` has a name -> "", "n", "n,d", a number or a tuple; `assume` a name -> facts; `reserved`
    names are not used for new sizes, `kinds` are axes of names instead of the letter rule, `about`
    the names that the text is derived by; with `labels` an index that nothing binds is a label of
    one entry; with `wirtinger` names may be complex. Raises ParseError, ShapeError,
    UnknownFunction, UnknownName, DomainError or LimitError, each with its place in the text.

    >>> reading = read("A*x - b", shapes={"b": "m"})
    >>> reading.read_as, [str(s) for s in reading.expr.shape], reading.notes
    ('A*x - b', ['m'], ('taking A as a matrix m × n', 'taking x as a vector of size n'))
    """
    text, end = stated(text)
    declared = declared_shapes(end.shapes) | declared_shapes(shapes)
    words = declared_facts(end.facts) | declared_facts(assume)
    functions = {name for name in words if FUNCTION in words[name]}
    facts = {name: words[name] for name in words if name not in functions}
    said, sizes = dict(kinds or {}), frozenset(size_names(declared.values()))
    about, free = tuple(about), FREE if labels else frozenset[str]()
    scope = Scope(declared, sizes, facts, kinds=said, about=about, labels=free)
    kept = frozenset(reserved).union(*(split_label(name)[1] for name in about))  # X_mn

    def meaning(source: Source) -> Reading:
        look, remarks = {**source.kinds, **said}, source.remarks + end.remarks
        source = replace(source, kinds=look, remarks=remarks)
        found = resolve(source, declared, facts, kept | source.bound, about, wirtinger)
        return _checked(found, {*functions}, {*declared})

    return _with_or_without_label(text, about, lambda typed: understood(typed, scope, meaning))


def _with_or_without_label(
    text: str, about: Collection[str], read_text: Callable[[str], Reading]
) -> Reading:
    """What a text means, or, if it cannot be read, what it means without `f(x) =` in front."""
    try:
        return read_text(text)
    except ParseError:
        formula = unlabelled(text, about)
        if formula == text:
            raise
        try:
            return replace(read_text(formula), label=text.partition("=")[0])
        except MatderivError as error:
            if error.source == formula:
                error.source = text  # which has the same places
            raise


def unlabelled(text: str, about: Collection[str] = ()) -> str:
    """A text without the `f(x) =` in front, blanks in its place: the name of the whole.

    The name stands nowhere else, is none of a function that there is, or that is asked `about`,
    and the rest has names.

    >>> unlabelled("f(x) = x'*x"), unlabelled("sum(x) = 1"), unlabelled("z = z + 1")
    ("       x'*x", 'sum(x) = 1', 'z = z + 1')
    """
    found = _LABEL.match(text) if isinstance(text, str) else None
    if found is None or found[1] in reserved_names() or found[1] in about:
        return text
    formula = text[found.end() :]
    if not re.search(r"[^\W\d_]", formula) or re.search(
        rf"(?<!\w){re.escape(found[1])}(?!\w)", formula
    ):
        return text
    return " " * found.end() + formula


def _checked(reading: Reading, functions: set[str], declared: set[str]) -> Reading:
    """The reading; UnknownFunction where f(x) may be a product: nobody says what f or x is."""
    for node in walk(reading.expr):
        name = str(node.params[-2]) if node.function.call == "abstract" else ""
        if name and name not in functions and {v.name for v in variables(node)} - declared:
            typed = re.search(rf"(?<![A-Za-z]){name}(?=\W)", reading.source)
            raise UnknownFunction(
                f"unknown function {name}",
                source=reading.source,
                span=typed.span() if typed else None,
                hint=f'assume={{"{name}": "function"}} keeps its name, {name}*(...) is a product',
            )
    for name in {*re.findall(r"(\w+)\(", reading.source)} & functions & reading.variables.keys():
        raise UnknownFunction(f"{name} is a function and stands alone here", hint=f"{name}(x)")
    return reading


def resolve(
    source: Source,
    declared: Mapping[str, Shape],
    facts: Mapping[str, frozenset[str]],
    reserved: frozenset[str] = frozenset(),
    asked: Collection[str] = (),
    wirtinger: bool = False,
) -> Reading:
    """The meaning of a source tree, however it was spelled."""
    sizes = frozenset(size_names(declared.values()))
    shaping = Shaping(source, Context({}, declared, facts, sizes, reserved, wirtinger=wirtinger))
    if (meant := of_matrices(shaping)) is not None:
        return resolve(meant, declared, facts, reserved, asked, wirtinger)
    check_meant(shaping, asked)
    built = build(shaping)
    for name, shape in declared.items():
        if name not in built.variables:
            check_facts(name, facts.get(name, ()), shape)
            built.variables[name] = variable(name, shape, facts.get(name, ()))
    for name in (n for n in facts if n not in built.variables):
        said = ", ".join(sorted(facts[name]))
        raise UnknownName(f"{name} is assumed {said} and occurs nowhere")
    return Reading(
        expr=built.expr,
        variables=built.variables,
        sizes=frozenset(size_names(e.shape for e in built.variables.values()) | shaping.size_names),
        source=source.text,
        read_as=printed(built.main, built.named_parts),
        notes=notes(shaping),
        parts=tuple((name, value) for name, value in built.parts.items()),
        guessed=frozenset(shaping.guessed),
        rows=source.rows,
        spelling=source.spelling,
        free=source.free,
        labels=source.labels,
        flat=shaping.flat(),
    )


@dataclass
class Built:
    """Expressions for a shaped text: `main` and `named_parts` use part names, `expr` does not."""

    main: Expr
    expr: Expr
    variables: dict[str, Expr]
    named_parts: list[tuple[str, Expr]] = field(default_factory=list)
    parts: dict[str, Expr] = field(default_factory=dict)


def build(shaping: Shaping) -> Built:
    """The expressions of a text whose shapes are known."""
    names = shaping.final_names()
    context = shaping.context
    functions = [a.function.name for a in shaping.applications.values()]
    beside = complex_names(shaping.variables, context.facts, functions) - {*context.known}
    if beside and not context.wirtinger:
        raise MatderivError(
            f"{', '.join(sorted(beside))} would be complex, which derive and verify read, no more",
            hint="real names, x' for a transpose",
        )
    variables = {
        name: context.known.get(name)
        or variable(
            name,
            shaping.final(shape, names),
            context.facts.get(name, frozenset()) | ({"complex"} if name in beside else set()),
        )
        for name, shape in shaping.variables.items()
    }
    scope: dict[str, Expr] = dict(variables)
    nodes: dict[Node, Expr] = {}
    named: list[tuple[str, Expr]] = []
    for part, section in shaping.sections:
        for node in section:
            nodes[node] = _expression(node, nodes, scope, shaping, names)
        if part:
            value = nodes[section[-1]]
            scope[part] = variable(part, value.shape)
            named.append((part, value))
    main = nodes[shaping.source.main]
    whole: dict[Expr, Expr] = {}
    parts: dict[str, Expr] = {}
    for part, value in named:
        parts[part] = whole[scope[part]] = substitute(value, whole) if whole else value
    expr = polarised(substitute(main, whole) if whole else main)
    return Built(main, expr, variables, named, parts)


def _expression(
    node: Node,
    nodes: Mapping[Node, Expr],
    scope: Mapping[str, Expr],
    shaping: Shaping,
    names: Mapping[str, str],
) -> Expr:
    application = shaping.applications.get(node)
    if application is not None:
        params = application.params
        if application.open_sizes:
            params = shaping.final(params, names)
            _check_sizes(params, node, application, shaping)
        operands = (nodes[o] for o in application.operands)
        return applied(application.function, *operands, params=params)
    if isinstance(node, Number):
        return number(node.value)
    assert isinstance(node, Name)
    if node.name in scope:
        return scope[node.name]
    if node.name == "pi" and "pi" not in shaping.size_names:
        return apply("pi", params=("pi",))
    size = shaping.sizes.current(Dim((node.name,)))
    return number(size) if isinstance(size, int) else apply("size", params=(node.name,))


def _check_sizes(params: Shape, node: Node, application: Application, shaping: Shaping) -> None:
    """A constant like vector(1) needs a neighbour that says its size."""
    if any(is_open(s) for s in params):
        label = application.function.label
        raise UnknownSize(
            f"nothing says how large this {label} is",
            source=shaping.source.text,
            span=node.span,
            hint="eye(n)" if label == "eye" else "ones(n) or ones(m,n) with a declared size",
        )
