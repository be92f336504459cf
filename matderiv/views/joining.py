"""Pieces joined where a teacher writes one line, and names only where a value is read later.

In a differential view an intermediate that is used linearly appears as its change alone. It gets no
name: its change is written d(A*x - b), or the piece is joined to the one that uses it.
"""

from dataclasses import dataclass, replace

from matderiv.expr import Expr, is_, substitute, variable, variables
from matderiv.language.printer import text
from matderiv.views.intermediates import MARK, Intermediate
from matderiv.views.reasons import why
from matderiv.views.rule_lines import written_rule
from matderiv.views.stages import Stage
from matderiv.words.chains import facts
from matderiv.words.signs import signed

SHORT = 8  # parts of so many symbols are written out where they are used
TWICE = 4  # parts of so many symbols that are read twice get a name
LINEAR = 16  # linear maps of so many symbols are one step
LONGEST = 40  # joined pieces have at most so many symbols
MANY = 4  # and come from so many


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
