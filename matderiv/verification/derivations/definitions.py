"""The definitions of a derivation, read together: z = W*x + b, f = norm2(z)^2.

All are parsed where they stand in the document, put in order, and resolved as one text, so that
sizes and kinds of names follow from all of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction

from matderiv.errors import MatderivError, ParseError
from matderiv.input.asking import with_means
from matderiv.input.builder import Scope
from matderiv.input.latex.reader import parse_latex
from matderiv.input.meaning.kinds import meant
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.python.reader import parse_python
from matderiv.input.resolve import Reading, resolve
from matderiv.input.spelling import marks
from matderiv.input.text import parse
from matderiv.language.calls import function_names
from matderiv.language.declare import declared_facts, declared_shapes
from matderiv.language.source import Call, Name, NamedPart, Node, Number, Source, postorder, rebuilt
from matderiv.language.tokens import GREEK_NAMES
from matderiv.shapes import size_names
from matderiv.verification.derivations.components import indexed_parts, on_the_diagonal
from matderiv.verification.derivations.memory import Memory, spelled
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import Statement
from matderiv.verification.documents.statements import names_in as names_of
from matderiv.verification.quantities import DERIVATIVE, DIFFERENTIAL, VALUE, signs

_FUNCTION = rf"(?<![A-Za-z\\])({'|'.join(sorted(function_names(), key=len, reverse=True))})(?=\()"


@dataclass(frozen=True)
class Definition:
    """A name and the passage that says what it stands for."""

    name: str
    passage: Passage

    @property
    def is_of_its_base(self) -> bool:
        r"""True for `\hat x = (x - m)/s`, which is no value of x."""
        base = re.sub(r"_?(?:wide)?(?:hat|star|opt)(?:_|$).*", "", self.name)
        return base != self.name and base in {split_label(n)[0] for n in names_of(self.passage)}


def parsed(passage: Passage, document: str, scope: Scope) -> Source:
    """The source tree of a passage, with its places in the document.

    Raises ParseError or LimitError with a place in the document.
    """
    try:
        source = _source(passage, scope)
    except MatderivError as error:
        raise placed(error, passage, document) from error
    nodes = moved([source.main, *(p.value for p in source.parts)], passage)
    parts = (NamedPart(passage.span(p.span), p.name, nodes[p.value]) for p in source.parts)
    lengths = tuple((nodes[body], axis, n) for body, axis, n in source.lengths)
    doubtful = tuple(nodes[n] for n in source.doubtful if n in nodes)
    source = replace(source, lengths=lengths, doubtful=doubtful)
    return replace(source, text=document, main=nodes[source.main], parts=tuple(parts))


def _source(passage: Passage, scope: Scope) -> Source:
    """The tree of a passage in the language it is written in; Python where it has its marks."""
    if passage.latex:
        return parse_latex(passage.text, scope)
    strong, weak = marks(passage.text, known=not scope.guess)
    if not passage.python and "python" not in (*strong, *weak):
        return _in_text(passage, scope)
    try:
        return parse_python(passage.text, scope).source
    except MatderivError as error:
        try:
            return parse(passage.text, scope.shapes)
        except MatderivError:
            raise error from None


def _in_text(passage: Passage, scope: Scope) -> Source:
    """The tree of a text; `X^T (X w - y)` and `A^{-1}` are read as LaTeX without its signs."""
    try:
        return parse(passage.text, scope.shapes)
    except MatderivError:
        strong, weak = marks(passage.text, known=True)
        if "latex" not in (*strong, *weak) or "'" in passage.text:
            raise
        with suppress(MatderivError):
            words = "|".join(sorted(GREEK_NAMES, key=len, reverse=True))
            typed = re.sub(rf"(?<![A-Za-z\\])({words})(?![A-Za-z])", r"\\\1 ", passage.text)
            return parse_latex(re.sub(_FUNCTION, r"\\operatorname{\1}", typed), scope)
        raise


def placed(error: MatderivError, passage: Passage, document: str) -> MatderivError:
    """An error about the text of a passage as one about the document."""
    if error.source == passage.text and error.span is not None:
        error.source, error.span = document, passage.span(error.span)
    return error.located(document, passage.span((0, len(passage.text))))


def moved(roots: Iterable[Node], passage: Passage) -> dict[Node, Node]:
    """The nodes of source trees, with the places that they have in the document."""

    def placed_there(node: Node) -> Node:
        if isinstance(node, Call):
            node = replace(node, name_span=passage.span(node.name_span))
        return replace(node, span=passage.span(node.span))

    return rebuilt(roots, placed_there)


def read_definitions(
    definitions: Sequence[Definition],
    document: str,
    *,
    shapes: Mapping[str, object] | None = None,
    assume: Mapping[str, object] | None = None,
    memory: Memory | None = None,
) -> Reading:
    """What all definitions mean together; the last one is the expression of the reading.

    Facts about names that no definition has are left out. Raises what reading raises, with a place
    in the document, and ParseError for definitions that need each other.

    >>> where = Passage.of("norm2(z)^2"), Passage.of("A*x", 20)
    >>> found = read_definitions([Definition("z", where[1]), Definition("f", where[0])], "")
    >>> [name for name, _ in found.parts], sorted(found.variables)
    (['z', 'f'], ['A', 'x'])
    """
    names = {d.name for d in definitions}
    declared, facts = declared_shapes(shapes), declared_facts(assume)
    declared = {k: v for k, v in declared.items() if k not in names}
    scope = Scope(declared, frozenset(size_names(declared.values())), facts)
    if not definitions:
        source, own = Source(document, Number((0, 0), Fraction(0))), frozenset[str]()
    else:
        text = " ".join(d.passage.text for d in definitions)
        key = (*definitions, document, scope.sizes, spelled(text, declared), spelled(text, facts))
        source, own = (memory or Memory()).read(key, lambda: _meant(definitions, document, scope))
    declared = {k: v for k, v in declared.items() if k not in own}
    used = names_in(source) | declared.keys()
    used |= {split_label(n)[0] for n in used}
    facts = {name: words for name, words in facts.items() if name in used}
    return with_means(resolve(source, declared, facts))


def _meant(
    definitions: Sequence[Definition], document: str, scope: Scope
) -> tuple[Source, frozenset[str]]:
    """The plain source of all definitions, and the names and arrays that they define."""
    sources = [parsed(d.passage, document, scope) for d in definitions]
    arrays = indexed_parts([(d.name, s) for d, s in zip(definitions, sources, strict=True)])
    entries = [(arrays.get(d.name, (d.name, ""))[0], d) for d in definitions]
    sources = [
        on_the_diagonal(s) if re.fullmatch(r"(.)\1", arrays.get(d.name, ("", ""))[1]) else s
        for d, s in zip(definitions, sources, strict=True)
    ]
    own = frozenset(dict(entries))
    parts = _parts(entries, sources)
    whole = _together(sources, parts, replace(definitions[-1], name=entries[-1][0]), document)
    orders = {name: (*dict.fromkeys(label),) for name, label in arrays.values()}
    free = tuple(sorted({c for order in orders.values() for c in order}))
    shapes = {k: v for k, v in scope.shapes.items() if k not in own}
    return meant(whole, replace(scope, shapes=shapes, free=free, orders=orders)), own


def unreadable_apart(statements: Sequence[Statement]) -> list[Statement]:
    """Statements in which a definition that cannot be read leaves its name to one that follows."""
    found = list(statements)
    kinds = [s.quantity.kind if s.quantity else "" for s in statements]
    values = [s.quantity.of if s.quantity and s.quantity.kind == VALUE else "" for s in statements]
    claimed = (k for k, kind in enumerate(kinds) if kind in (DERIVATIVE, DIFFERENTIAL))
    claims = next(claimed, len(kinds))
    for k, (name, s) in enumerate(zip(values[:claims], statements, strict=False)):
        last, again = s.sides[-1], name in values[k + 1 : claims] and name not in values[:k]
        if name and s.quantity and again and not signs(last.text, last.latex):
            try:
                parsed(last, "", Scope())
            except MatderivError:
                found[k] = replace(s, quantity=replace(s.quantity, of=f"{name}, line {k}"))
    return found


def _parts(
    entries: Sequence[tuple[str, Definition]], sources: Sequence[Source]
) -> dict[str, NamedPart]:
    """The definitions, and those inside them, as parts by their names."""
    parts: dict[str, NamedPart] = {}
    for (name, d), source in zip(entries, sources, strict=True):
        for part in source.parts:
            parts.setdefault(part.name, part)
        parts[name] = NamedPart(d.passage.span((0, len(d.passage.text))), name, source.main)
    return parts


def _together(
    sources: Sequence[Source], parts: Mapping[str, NamedPart], last: Definition, document: str
) -> Source:
    """One source with all definitions as its parts, and the last one as its value."""
    return Source(
        document,
        Name(last.passage.span((0, 1)), last.name),
        tuple(_ordered(parts, document)),
        tuple(r for s in sources for r in s.remarks),
        tuple(pair for s in sources for pair in s.lengths),
        {name: axes for s in sources for name, axes in s.kinds.items() if name not in parts},
        sources[-1].spelling,
        tuple(n for s in sources for n in s.doubtful),
    )


def _ordered(parts: Mapping[str, NamedPart], document: str) -> Iterable[NamedPart]:
    """Each part after those it uses."""
    needs = {
        name: {
            n
            for node in postorder(part.value)
            if isinstance(node, Name)
            for n in (node.name, split_label(node.name)[0])
            if n == node.name or not node.name.endswith("_0")
        }
        & parts.keys()
        for name, part in parts.items()
    }
    done: set[str] = set()
    while len(done) < len(parts):
        ready = [n for n in parts if n not in done and needs[n] <= done]
        if not ready:
            part = next(parts[n] for n in parts if n not in done)
            raise ParseError(f"{part.name} is defined by itself", source=document, span=part.span)
        done |= {*ready}
        yield from (parts[n] for n in ready)


def names_in(source: Source) -> set[str]:
    """All names of a source tree."""
    roots = [source.main, *(p.value for p in source.parts)]
    return {n.name for root in roots for n in postorder(root) if isinstance(n, Name)}
