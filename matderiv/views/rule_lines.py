"""The differential of a piece as its rules write it, nothing moved, and whether it is shown.

A value that is used linearly appears as its change alone and gets no name: its change is written
d(A*x - b), or the piece is joined to the one that uses it, where a teacher writes one line.
"""

from dataclasses import dataclass, replace

from matderiv.calculus.sweeps import differential
from matderiv.expr import (
    Expr,
    apply,
    contains,
    is_,
    number,
    number_value,
    substitute,
    tangent,
    variable,
    variables,
    walk,
)
from matderiv.language.printer import text
from matderiv.shapes import long_axes
from matderiv.views.intermediates import MARK, Intermediate
from matderiv.views.reasons import why
from matderiv.views.stages import Stage, tokens
from matderiv.words.chains import facts
from matderiv.words.signs import signed, total

MAX_TERMS = 6  # differentials of more terms are not written out before they are rearranged
SHORT = 8  # parts of so many symbols are written out where they are used
TWICE = 4  # parts of so many symbols that are read twice get a name
LINEAR = 16  # linear maps of so many symbols are one step
LONGEST = 40  # joined pieces have at most so many symbols
MANY = 4  # and come from so many


class _Refused(Exception):  # noqa: N818  (no error: the rearranged line is shown instead)
    """The rule's own line would be longer than a reader wants."""


def written_rule(e: Expr, changes: dict[Expr, Expr]) -> Expr | None:
    """The differential of e as the rules write it; None where they would write too much."""
    found: dict[Expr, list[Expr]] = {}
    try:
        for node in walk(e):
            found[node] = [changes[node]] if node in changes else _raw_terms(node, found)
    except _Refused:
        return None
    if not found[e] or any(t.shape != e.shape for t in found[e]):
        return None
    return total(found[e])


def _raw_terms(node: Expr, found: dict[Expr, list[Expr]]) -> list[Expr]:
    terms: list[Expr] = []
    for which, a in enumerate(node.args):
        for inner in found.get(a, ()):
            made = _rule(node, which, inner)
            if made is not None:
                terms.append(made)
    if len(terms) > MAX_TERMS:
        raise _Refused
    return terms


def _rule(node: Expr, which: int, change: Expr) -> Expr | None:
    """The change of a node from the change of one argument; None where it vanishes."""
    if is_(node, "add"):
        if change.shape != node.shape:
            raise _Refused  # it is broadcast, which what is done to the sum does not show
        return change
    if is_(node, "div") and which == 0:
        return apply("div", change, node.args[1])
    if is_(node, "power", "epow"):
        return _power(node, which, change)
    if is_(node, "div", "ediv"):
        raise _Refused
    made = differential(node, which)
    if made is None:
        return None
    place = tangent(node.args[which].shape)
    if node.function.kind == "elementwise":
        partial = made.args[0] if is_(made, "hadamard") else None
        return change if partial is None else partial * change
    return substitute(made, {place: change})


def _power(node: Expr, which: int, change: Expr) -> Expr:
    """k u^(k-1) du for a number k and a scalar or entrywise power."""
    base, exponent = node.args
    k = number_value(exponent)
    if which or k is None or k == 1 or is_(base, "norm2") or (base.shape and is_(node, "power")):
        raise _Refused
    power = base if k == 2 else apply(node.function.name, base, number(k - 1))
    if not base.shape:
        return apply("mul", number(k), power, change)
    return apply("hadamard", k * power, change)


_BY_ENTRIES = ("hadamard", "ediv", "epow")


def worth_showing(
    written: Expr, e: Expr, piece: Intermediate, several: bool, before: Expr | None
) -> bool:
    """True if the line as the rule writes it tells more than the rearranged one, e.

    `several` says that the rule is one of sums, as for a product. Other lines are shown where the
    change is brought under a trace, or terms are put together; functions of entries need neither.
    """
    if written.weight > 2 * e.weight + 8:
        return False
    fewer = _terms(e) < _terms(written)
    if same_words(written, e) and not (several and _terms(e) != _terms(written)):
        return contains(written, "tr") and written is not e  # the factors go round
    if several or (contains(e, "tr") and not contains(written, "tr")):
        return True
    mains = [p.main for p in piece.parts or (piece,)]
    if all(map(_entrywise, mains)) or of_matrix_entries(piece):
        return False
    return fewer or (before is None and written.weight > e.weight)


def _terms(e: Expr) -> int:
    return len(e.args) if is_(e, "add") else 1


def of_matrix_entries(piece: Intermediate) -> bool:
    """True for functions of each entry of a matrix: sums over entries carry them, not traces."""
    mains = [p.main for p in piece.parts or (piece,)]
    return any(is_matrix(m) and (_entrywise(m) or is_(m, "softmax")) for m in mains)


def _entrywise(e: Expr) -> bool:
    return e.function.kind == "elementwise" or is_(e, *_BY_ENTRIES)


def is_matrix(e: Expr | None) -> bool:
    """True for two axes longer than 1."""
    return e is not None and len(long_axes(e.shape)) == 2


def same_words(a: Expr, b: Expr) -> bool:
    """True for expressions of the same names and signs in any order."""
    signs = ("transpose", "hadamard", "ediv")
    return a is b or tokens(a, *signs) == tokens(b, *signs)


@dataclass(frozen=True)
class Condensed:
    """A stage of fewer pieces, and what the names that are not shown stand for.

    `written` are the pieces written out where they are used, `meanings` all without a name.
    """

    stage: Stage
    written: dict[Expr, Expr]
    meanings: dict[Expr, Expr]

    def why(self, piece: Intermediate) -> str:
        """The reason for a piece; what has no name is called by what it stands for."""
        parts = (piece, *piece.parts)
        met = {v for p in parts for v in (p.variable, *variables(p.definition))}
        called = {v: self.meanings[v] for v in met & self.meanings.keys()}
        names = {v: variable(text(e), v.shape) for v, e in called.items()}
        return why(_with_names(piece, names))


def condensed(stage: Stage) -> Condensed:
    """The stage with pieces joined; a value that is not named carries a mark in its name."""
    if not stage.pieces:
        return Condensed(stage, {}, {})
    joining = _Joining(stage)
    for p in stage.pieces[:-1]:
        joining.visit(p.variable)
    pieces = list(joining.pieces.values())
    written = _written_out(pieces, joining, several=bool(stage.others))
    return _marked(stage, pieces, written)


class _Joining:
    """The pieces by name, who uses them, and what their differentials read."""

    def __init__(self, stage: Stage) -> None:
        self.pieces = {p.variable: p for p in stage.pieces}
        self.users: dict[Expr, list[Expr]] = {p.variable: [] for p in stage.pieces}
        self.own: dict[Expr, Expr] = {}
        self.known: dict[Expr, set[Expr] | None] = {}
        for p in stage.pieces:
            self.enter(p)

    def enter(self, p: Intermediate) -> None:
        """Note what a piece uses, and its value if derivatives are written with it."""
        for v in p.inputs:
            if v in self.users:
                self.users[v].append(p.variable)
        if p.main is p.definition and p.main.function.kind in ("elementwise", "primitive"):
            self.own[p.definition] = p.variable

    def reads(self, p: Intermediate) -> set[Expr] | None:
        """The names whose values the differential of a piece reads; None where it is too long."""
        if p.definition not in self.known:
            raw = written_rule(p.definition, {v: variable(f"d{v.name}", v.shape) for v in p.inputs})
            found = None if raw is None else set(variables(substitute(raw, self.own)))
            self.known[p.definition] = found
        return self.known[p.definition]

    def visit(self, v: Expr) -> None:
        """Put a piece into the only one that uses it, if they make one line."""
        if len(self.users[v]) != 1:
            return
        (above,) = self.users[v]
        made = self._joined(self.pieces[v], self.pieces[above])
        if made is None:
            return
        for u in made.inputs:
            if u in self.users:
                self.users[u] = [w for w in self.users[u] if w not in (v, above)]
        del self.pieces[v]
        self.pieces[above] = made
        self.enter(made)

    def _joined(self, p: Intermediate, q: Intermediate) -> Intermediate | None:
        above, below = self.reads(q), self.reads(p)
        added = _addend(q.definition, p.variable)
        if not added and (above is None or below is None or p.variable in above):
            return None
        above, below = above or set(), below or set()
        if p.variable in below:
            return None
        whole = substitute(q.definition, {p.variable: p.definition})
        parts = (*(q.parts or (q,)), *(p.parts or (p,)))
        if whole.weight > LONGEST or len(parts) > MANY:
            return None
        linear = q.variable not in above and not below & set(p.inputs) and not above & set(q.inputs)
        if not (added or self._long(p) or (linear and whole.weight <= LINEAR)):
            return None
        inputs = tuple(v for v in variables(whole) if v in {*p.inputs, *q.inputs})
        main = substitute(q.main, {p.variable: p.definition})
        return replace(q, definition=whole, main=main, inputs=inputs, parts=parts)

    def _long(self, p: Intermediate) -> bool:
        """True for a definition that would need a name; sooner where it holds names."""
        named = any(v in self.pieces for v in p.inputs)
        return p.definition.weight > (SHORT // 2 if named else SHORT)


def _addend(e: Expr, v: Expr) -> bool:
    """True for a sum of scalars, perhaps times a number, that has v as a term and nowhere else."""
    if is_(e, "mul") and is_(e.args[0], "number") and len(e.args) == 2:
        e = e.args[1]
    if not is_(e, "add") or e.shape:
        return False
    holding = [signed(a)[1] for a in e.args if v in variables(a)]
    if len(holding) != 1:
        return False
    (core,) = holding
    scaled = is_(core, "mul") and is_(core.args[0], "number") and core.args[1:] == (v,)
    return core is v or scaled


def _written_out(
    pieces: list[Intermediate], joining: _Joining, *, several: bool
) -> dict[Expr, Expr]:
    """The pieces without a name of their own, with what they stand for.

    The lines of several variables are long, so they write out less.
    """
    reads = {p.variable: joining.reads(p) for p in pieces}
    below = {v for p in pieces if is_(p.main, "ediv") for v in variables(p.main.args[1])}
    found: dict[Expr, Expr] = {}
    for p in pieces[:-1]:
        v = p.variable
        whole = substitute(p.definition, found)
        count = sum(_read_at(reads[u], v) for u in joining.users[v]) + 2 * _read_at(reads[v], v)
        limit = TWICE - 1 if count > 1 or several else SHORT
        if any(u in joining.pieces for u in variables(whole)):
            limit = min(limit, SHORT // 2)
        if whole.weight <= limit and v not in below:
            found[v] = whole
    return found


def _read_at(reads: set[Expr] | None, v: Expr) -> bool:
    return reads is None or v in reads


def _marked(stage: Stage, pieces: list[Intermediate], written: dict[Expr, Expr]) -> Condensed:
    """The pieces with a mark in the names that are not shown."""
    kept = {p.variable for p in pieces[:-1]} - written.keys()
    hidden = [p.variable for p in stage.pieces[:-1] if p.variable not in kept]
    new = {v: variable(f"{MARK}{v.name}", v.shape, facts(v)) for v in hidden}
    made = tuple(_with_names(p, new) for p in pieces)
    shown = {new[v]: substitute(e, new) for v, e in written.items()}
    gone = {p.variable for p in stage.pieces[:-1]}
    rest = [s for s in stage.symbols if s.variable not in gone]
    meanings: dict[Expr, Expr] = {}
    for p in stage.pieces[:-1]:
        if p.variable in new:
            meanings[new[p.variable]] = substitute(substitute(p.definition, new), meanings)
    return Condensed(stage.with_pieces(made, rest), shown, meanings)


def _with_names(p: Intermediate, new: dict[Expr, Expr]) -> Intermediate:
    return replace(
        p,
        variable=new.get(p.variable, p.variable),
        definition=substitute(p.definition, new),
        main=substitute(p.main, new),
        inputs=tuple(new.get(v, v) for v in p.inputs),
        parts=tuple(_with_names(q, new) for q in p.parts),
    )
