"""The exercises of a document: which lines belong together, and what is declared about names.

A heading alone does not forget: names, sizes and facts hold in all parts of a problem.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from matderiv.input.meaning.subscripts import split_label
from matderiv.verification.documents.clauses import clauses
from matderiv.verification.documents.contents import Piece, pieces
from matderiv.verification.documents.declarations import EVERY, Declared
from matderiv.verification.documents.long_names import (
    by_cross_entropy,
    by_left_out,
    in_plain_names,
    spelled_out,
    with_objective,
    with_sigmoid,
    with_squares,
    with_upstream,
    without_label,
)
from matderiv.verification.documents.members import NUMBERED, leaves, stems
from matderiv.verification.documents.partials import by_labels
from matderiv.verification.documents.positions import Passage, joined
from matderiv.verification.documents.remarks import (
    by_arguments,
    drawn,
    is_remark,
    noise_of,
    without_chance,
)
from matderiv.verification.documents.rewriting import (
    PLAIN,
    by_entries,
    by_fonts,
    by_iterates,
    by_layers,
    by_masks,
    by_members,
    by_names,
    by_parts,
)
from matderiv.verification.documents.sentences import layouts_said, says_zero
from matderiv.verification.documents.shorthand import by_primes, by_shorthand, with_labels
from matderiv.verification.documents.statements import (
    PROSE,
    announced,
    equal_signs,
    goes_on,
    is_left_of,
    is_number,
    names_in,
    statement,
)
from matderiv.verification.quantities import FORMULA, VALUE, Quantity, named

LOWEST = 9  # the level of a paragraph without a heading
_PROBLEM = re.compile(
    r"(?:problem|exercise|question|task|aufgabe|exercice|ex\.|q)\s*\.?\s*\d|problem$|exercise$"
    r"|question$|task$",
    re.IGNORECASE,
)


@dataclass
class Exercise:
    """One problem of a document: its title, its lines, and what is declared about names.

    `stationary` says that its words set a derivative to zero, `apart` that it is a problem of its
    own, `claims` that a line says something about a derivative; `defined` are names that have a
    definition, and the names in it, `derived` those that lines say a derivative of, and `moved`
    what they are derived by; `level` is that of the heading, 1 for the highest, and `layouts` are
    those that words name.
    `parts` are the places of lines with which a part may begin: under a heading, after a mark such
    as (b), or in a paragraph of their own. What stands before `start` is told elsewhere: it is
    there for its definitions. `late` are the facts that were known before a place at which a new
    sentence says others, after claims: those count from there on. `noise` are names that are drawn,
    `numbered` those with a definition behind a mark, `heads` the places of lines under a heading.
    """

    title: str = ""
    passages: list[Passage] = field(default_factory=list)
    declared: Declared = field(default_factory=Declared)
    stationary: bool = False
    apart: bool = False
    claims: bool = False
    defined: dict[str, set[str]] = field(default_factory=dict)
    level: int = 0
    layouts: set[str] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)
    derived: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    start: int = 0
    late: dict[int, dict[str, Any]] = field(default_factory=dict)
    noise: set[str] = field(default_factory=set)
    listed: bool = False
    numbered: set[str] = field(default_factory=set)
    heads: set[int] = field(default_factory=set)

    def heard(self, piece: Piece) -> None:
        """Take over what words say."""
        if piece.kind == "prose":
            before = dict(self.declared.assume)
            self.declared.prose(piece.passage)
            self._noted(before, piece)
        self.declared.families.heard(piece.passage.text)
        self.noise |= drawn(piece.passage.text)
        self.layouts |= layouts_said(piece.passage.text)
        self.stationary = self.stationary or says_zero(piece.passage.text)

    def taken(self, piece: Piece) -> Iterator[Passage]:
        """The statements of a formula, without its declarations, which are kept."""
        for clause in clauses(piece.passage):
            before = dict(self.declared.assume)
            p = self.declared.taken(
                without_chance(clause), sure=piece.sure, affirmed=piece.affirmed
            )
            self._noted(before, piece)
            silent = piece.kind == "inline" and not equal_signs(p.text)
            if not p or silent or is_remark(p) or NUMBERED.match(p.text):
                continue
            q = _quantity(p)
            if not (piece.supposed and q is not None and q.kind == FORMULA):
                yield p

    def _noted(self, before: dict[str, Any], piece: Piece) -> None:
        """Remember the facts before a sentence that says others after claims."""
        if self.claims and piece.fresh and before != self.declared.assume:
            self.late.setdefault(piece.passage.start, before)

    def add(self, p: Passage, *, apart: bool) -> None:
        """Add a formula, or join it to the one before that it goes on from."""
        last = self.passages[-1] if self.passages else None
        if last and not apart and last.latex == p.latex and goes_on(last.text, p.text):
            self.passages[-1] = p = joined([last, p])
        elif last and last.latex and p.latex and is_left_of(last.text, p.text):
            self.passages[-1] = p = joined([last, p])
        elif equal_signs(p.text) or not PROSE.search(p.text) or announced(p.text):
            self.passages.append(p)
        else:
            return
        q = _quantity(p)
        said = [old.text.split() for old in self.passages[:-1]]
        if q is not None and q.kind == VALUE and p.text.split() in said:
            self.passages.pop()  # said once more
        if q is not None:
            self.claims = self.claims or q.kind not in (VALUE, FORMULA)
            self.moved |= stems([q.by, *q.at])
            if q.kind == VALUE and not is_number(p):
                for name in defined_in(p, q):
                    self.defined.setdefault(name, set()).update(names_in(p) - {q.of})
            elif q.kind != FORMULA:
                self.derived |= stems([q.of])

    def is_model(self, p: Passage) -> bool:
        r"""True for `y = Xw + \epsilon` with an \epsilon that is nowhere else: data."""
        q, noise = _quantity(p), noise_of(p)
        looks = noise in self.noise or split_label(noise)[0] in ("epsilon", "e", "u")
        if not looks or q is None or q.kind != VALUE:
            return False
        return not any(noise in names_in(old) for old in self.passages if old is not p)

    @property
    def by_rows(self) -> bool:
        """True where words say that gradients are rows; a text that explains both says nothing."""
        return self.layouts == {"rows"}

    @property
    def is_list(self) -> bool:
        """True for the last of several functions of one name, of which nothing is derived yet."""
        return self.listed and not self.claims

    def says(self, p: Passage) -> bool:
        """True for a line that is there already."""
        return any(old.text.split() == p.text.split() for old in self.passages)

    def is_new_after(self, before: Exercise) -> bool:
        """True where a section defines a name again that was defined before, and of other names.

        A section below others that says once more what L is, in the same names, goes on.
        """
        again = self.defined.keys() & before.defined.keys()
        if self.level < 2:
            return bool(again)
        return any(not self.defined[n] & before.defined[n] for n in again)

    def is_other(self, p: Passage, q: Quantity) -> bool:
        """True for a second definition that drops names of the first, and has names of its own."""
        own = {split_label(n)[0] for n in names_in(p) - {q.of, *q.at}}
        before = {split_label(n)[0] for n in self.defined[q.of] - {*q.at}}
        known = {split_label(n)[0] for old in self.passages for n in names_in(old)}
        return bool(before - own) and bool(own - known) and len(own & before) <= len(before - own)

    def stands_alone(self, before: Exercise) -> bool:
        """True for a section that derives what it defines itself, after a section that did so.

        It says no function once more that was defined before, and nothing of what that is derived
        by; a paragraph without a heading does not say what a name before it stands for.
        """
        own, others = stems(self.defined), stems(before.defined)
        solved = own & before.moved - self.moved - self.derived
        known = others | {stem for names in before.defined.values() for stem in stems(names)}
        used = {stem for p in before.passages for stem in stems(names_in(p))} - known
        every = {**before.defined, **self.defined}
        again = any(leaves(n, every) == leaves(n, before.defined) for n in own & others)
        whole = self.claims and before.claims and bool(own) and not self.derived & (others - own)
        return whole and not again and not solved and bool(self.title or not own & used)

    def with_definitions(self, earlier: Sequence[Passage]) -> Exercise:
        """The section, with those definitions of earlier ones that it needs."""
        needed = {stem for p in self.passages for stem in stems(names_in(p))}
        own, found = stems(self.defined), list[Passage]()
        for p in reversed(earlier):
            q = _quantity(p)
            new = stems([q.of]) if q is not None and q.kind == VALUE else set()
            if new & needed and not new & own:
                found.insert(0, p)
                own |= new
                needed |= stems(names_in(p))
        return replace(self, passages=[*found, *self.passages], start=self.passages[0].start)

    def joined(self, other: Exercise) -> Exercise:
        """This exercise and a section of it that follows."""
        late = {k: {**self.declared.assume, **said} for k, said in other.late.items()}
        before = self.declared.assume
        new = {n for n, said in other.declared.assume.items() if before.get(n) != said}
        new |= {n for n in self.declared.assume if {n, EVERY} & other.declared.freed}
        if self.claims and new and other.passages:
            late.setdefault(other.passages[0].start, dict(self.declared.assume))
        return Exercise(
            self.title or other.title,
            [*self.passages, *other.passages],
            self.declared.joined(other.declared),
            self.stationary or other.stationary,
            self.apart,
            self.claims or other.claims,
            {**other.defined, **self.defined},
            self.level,
            self.layouts | other.layouts,
            self.parts | other.parts,
            self.derived | other.derived,
            self.moved | other.moved,
            self.start,
            {**self.late, **late},
            self.noise | other.noise,
            heads=self.heads | other.heads | {p.start for p in other.passages[:1] if other.title},
        )

    def by_fonts(self) -> Exercise | None:
        r"""With x and \mathbf x apart, as they are for some; None where that changes nothing."""
        passages, letters = by_fonts(self.passages)
        return self._apart(passages, {n for n in letters if self.declared.shapes.get(n) == ""})

    def by_examples(self) -> Exercise | None:
        r"""With x and x^{(i)}, or u and u_k, apart; None where that changes nothing."""
        return self._apart(*by_members(self.passages))

    def _apart(self, passages: list[Passage], names: set[str]) -> Exercise | None:
        """The same with other names in it, which have the sizes that were declared."""
        declared = self.declared.copy()
        for name in names & declared.shapes.keys():
            declared.shapes[f"{PLAIN}{name}"] = declared.shapes.pop(name)
        apart = replace(self, passages=passages, declared=declared)
        return apart if apart.passages != self.passages else None

    def after(self, k: int, name: str, unread: Collection[int] = ()) -> Exercise:
        """The part from line k on, in which a name is another one; other definitions hold in it.

        What was not read, at the places `unread`, stays: it may be a definition.
        """
        kept = []
        for p in self.passages[:k]:
            q = _quantity(p)
            names = {q.of, *stems([q.of]), *names_in(p)} if q and q.kind == VALUE else {name}
            kept += [p] if name not in names or p.start in unread else []
        return replace(self, passages=[*kept, *self.passages[k:]], start=self.passages[k].start)


def exercises(document: str, suffix: str = "txt") -> list[Exercise]:
    r"""The exercises of a document; `suffix` is that of its file, txt, md or tex.

    A heading that names a problem starts one, and so does any other heading, or a blank line,
    after which a name that has a definition is defined again, or a size declared otherwise. What
    stands before the first problem holds in all of them. A section that derives only what it
    defines itself is judged by itself, with the definitions and declarations before it.

    >>> found = exercises("# One\n$$f = x^2$$\n# Two\nf = 2*y\n", "md")
    >>> [(e.title, [p.text for p in e.passages]) for e in found]
    [('One', ['f = x^2']), ('Two', ['f = 2*y'])]
    """
    first, *others = _sections(document, suffix)
    found, earlier = [first], list(first.passages)
    for e in others:
        last = found[-1]
        if last.is_list or e.apart or e.declared.contradicts(last.declared) or e.is_new_after(last):
            found.append(replace(e, declared=first.declared.heard_at(e.title).joined(e.declared)))
            earlier = []
        elif e.stands_alone(last):
            alone = e.with_definitions(earlier)
            found.append(replace(alone, declared=last.declared.joined(e.declared)))
        else:
            found[-1] = last.joined(e)
        found[-1].layouts |= last.layouts
        earlier += e.passages
    return [e for e in map(_rewritten, found) if e.passages]


def _sections(document: str, suffix: str) -> list[Exercise]:
    """What stands under the headings of a document; the first one is what stands before them."""
    found, blank, words = [Exercise()], False, False
    for piece in pieces(document, suffix):
        if piece.kind == "heading":
            title = piece.passage.text
            found.append(Exercise(title, apart=bool(_PROBLEM.match(title)), level=piece.level))
            found[-1].declared.heading(title)
        elif piece.kind == "blank":
            blank = True
            continue
        else:
            found[-1].heard(piece)
        if piece.kind in ("formula", "inline"):
            for place, p in enumerate(found[-1].taken(piece)):
                q = None if is_number(p) else _quantity(p)
                again = q is not None and q.kind == VALUE and q.of in found[-1].defined
                begins = piece.new and blank and not place
                marked = piece.marked and not place
                if q and again and marked and q.of in found[-1].numbered and not found[-1].says(p):
                    last, listed = found[-1].declared.copy(), not found[-1].claims
                    found.append(Exercise("", declared=last, apart=True, listed=listed))
                elif q and marked and found[-1].is_list and q.kind not in (VALUE, FORMULA):
                    found.append(Exercise("", apart=True, level=LOWEST))
                elif q and again and found[-1].claims and (begins or found[-1].is_other(p, q)):
                    found.append(Exercise("", declared=found[-1].declared.copy(), apart=True))
                elif q and q.kind == VALUE and found[-1].claims and begins:
                    found.append(Exercise("", level=LOWEST))
                if not place and (not found[-1].passages or (piece.first and blank)):
                    found[-1].parts.add(p.start)
                found[-1].add(p, apart=blank or words or place > 0)
                found[-1].numbered |= {q.of} if q and q.kind == VALUE and marked else set()
        blank, words = False, piece.kind == "prose"
    return found


def whole(document: str) -> Exercise:
    """A document that is one exercise."""
    return _rewritten(reduce(Exercise.joined, _sections(document, "txt")))


def _rewritten(e: Exercise) -> Exercise:
    """An exercise in signs that are read: names of several letters, masks, logarithms by name."""
    defined = stems(e.defined)
    passages = [by_arguments(p, defined, e.moved) for p in e.passages if not e.is_model(p)]
    passages = e.declared.families.in_arrays(passages, e.moved)
    passages, hot = by_labels(passages)
    passages, facts = by_cross_entropy(in_plain_names(with_labels(passages)))
    passages = with_squares(with_sigmoid(without_label(passages)))
    passages = with_upstream(with_objective(spelled_out(passages)))
    passages, sizes = by_layers(by_names(by_parts(by_primes(passages))))
    passages, steps = by_iterates(by_shorthand(passages))
    passages, masks = by_masks(by_left_out(by_entries(passages)))
    declared = _at_steps(e.declared.copy(), steps)
    declared.shapes = {**sizes, **declared.shapes}
    facts |= {n: "positive" for p in passages for n in names_in(p) if n.endswith("square")}
    declared.assume = {**facts, **hot, **declared.assume, **dict.fromkeys(masks, "binary")}
    return replace(e, passages=passages, declared=declared)


def _at_steps(declared: Declared, steps: set[str]) -> Declared:
    """What is said of x_t, said of the names that x_t, the x before it and the next one have."""
    families = declared.families.sizes
    for base in [base for base, (count, _) in families.items() if {*count[:-1]} & steps]:
        count, sizes = families.pop(base)
        declared.shapes |= {f"{base}_{k}{count[:-1]}": sizes for k in range(3)}
    for name, fact in [*declared.assume.items()]:
        base, label = split_label(name)
        declared.assume |= {f"{base}_{k}{label}": fact for k in range(3) if label in steps}
    return declared


def defined_in(p: Passage, q: Quantity) -> Iterator[str]:
    """The names that a definition gives: y, and f as well in `y = f(u) = u^2`."""
    yield q.of
    sides = p[: (equal_signs(p.text) or [(0, 0)])[-1][0]]
    second = named(sides.text.rpartition("=")[2], p.latex) if "=" in sides.text else None
    if second is not None and second.kind == VALUE and second.at:
        yield second.of


def _quantity(p: Passage) -> Quantity | None:
    s = statement(p)
    return None if s is None else s.about
