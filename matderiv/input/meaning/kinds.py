"""Kinds of the names that nobody declared: the reading that fits with the fewest departures.

Every name starts with the kind of its font or its letter. What speaks against that (`Objection`)
names the nodes where it stands; the names below these are tried with other kinds, the cheapest
choice first, until what is left costs less than one more departure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from matderiv.errors import MatderivError
from matderiv.input.builder import Scope
from matderiv.input.meaning.elaborate import Elaborator
from matderiv.input.meaning.evidence import INVALID, TIME
from matderiv.input.meaning.places import apart, counted, rowwise
from matderiv.input.meaning.subscripts import Roles, split_label
from matderiv.input.tree import by_index, iterates, labelled, squared, weights, whole_bars
from matderiv.language.declare import SQUARE_FACTS, guessed_axes
from matderiv.language.source import Name, NamedPart, Node, Source, postorder
from matderiv.work import spend

TRIED = 80
VISITED = 15_000  # nodes in all of them, where many are to be tried
A_NODE = 60  # units of work
ENOUGH = 0.95  # less than the cheapest departure
STEPS = {(0, 1): 0.95, (1, 0): 1.0, (2, 1): 2.5, (2, 0): 2.0, (1, 2): 3.5, (0, 2): 4.0}
THIN = 2.0  # an array that must have one row, column or entry
PLAIN = 2.0  # a number by its letter that is not bold where vectors are
DEAR = 2 * ENOUGH + 0.1  # so much that other departures may cost less
OF_MATRICES = 1.0  # a matrix at each index, by a capital
GREEK = 0.1  # a vector at each index, by a letter of numbers
BESIDE = 0.9  # a matrix by its letter that is added to a column
SCALED = 0.1  # an array by its letter that only scales a number
SHOWN = 6.0  # a font, a transpose or @ that says the kind

Kinds = Mapping[str, int]
Changes = tuple[tuple[str, int], ...]


class Tried(NamedTuple):
    """One choice of kinds: what it costs, what is left to object, and the source if it reads."""

    changes: Changes
    cost: float
    objected: float
    elaborator: Elaborator
    source: Source | None
    error: MatderivError | None = None

    @property
    def fits(self) -> bool:
        """True for a choice under which every part has a shape."""
        return self.objected < INVALID


@dataclass
class KindSearch:
    """The choices of kinds for one source."""

    source: Source
    scope: Scope
    defaults: dict[str, tuple[int, float]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    scaled: set[str] = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    roles: dict[object, Roles] = field(default_factory=dict)
    known: dict[Changes, Tried] = field(default_factory=dict)
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> int:
        """How many nodes are visited for one choice."""
        return sum(1 for _ in postorder(self.source.main))

    @cached_property
    def labelled(self) -> set[str]:
        """The names that have subscripts, whose kinds decide on what these are."""
        names = {n.name for n in self.source.nodes if isinstance(n, Name)}
        return {base for base, label in map(split_label, names) if label}

    def tried(self, changes: Changes) -> Tried:
        """The source under some departures."""
        spend(A_NODE * self.nodes)
        kinds = {**self.source.kinds, **self.scope.kinds}
        kinds.update({name: rank for name, (rank, _) in self.defaults.items()})
        kinds.update(dict(changes))
        scope = replace(self.scope, kinds=kinds)
        labelled = {n: k for n, k in kinds.items() if n in self.labelled or n[-1] == "!"}
        alike = frozenset(labelled.items())
        elaborator = Elaborator(self.source, scope, self.roles.get(alike))
        self.roles[alike] = elaborator.roles
        error: MatderivError | None = None
        whole: Source | None = None
        try:
            whole = elaborator.whole(None if scope.orders else scope.free or None)
        except MatderivError as found:
            error = found
        self.notice(elaborator)
        if error is None:
            for _ in filter(elaborator.build.is_thin, elaborator.guessed()):
                elaborator.object(THIN, self.source.main)
        objected = sum(o.weight for o in elaborator.objections) + (2 * INVALID if error else 0)
        cost = objected + sum(self.step(name, rank) for name, rank in changes)
        return Tried(changes, cost, objected, elaborator, whole, error)

    def step(self, name: str, rank: int) -> float:
        """What it costs that a name has another kind than its letter says."""
        default, evidence = self.default(name)
        if not rank and name in self.scaled:
            return SCALED
        bold = SHOWN if self.source.spelling == "latex" and name[0].isupper() else 0.0
        if rank == 1 and name in self.columns and default == 2 and evidence in (0.0, bold):
            return BESIDE
        weight = 3 if rank == 2 else 1
        if rank == 2 and name[0].isupper() and name[-1] == "_" and self.places.get(name[:-1]) == 1:
            return OF_MATRICES + evidence  # A_i
        greek = name.endswith("_") and rank == 1 and not guessed_axes(name[:-1])
        return STEPS.get((default, rank), 3.0) + evidence * weight + GREEK * greek

    def default(self, name: str) -> tuple[int, float]:
        """The kind by font or letter, and what a departure from it costs more."""
        if name not in self.defaults:
            self.defaults[name] = self._default(name)
        return self.defaults[name]

    def _default(self, name: str) -> tuple[int, float]:
        kinds = {**self.source.kinds, **self.scope.kinds}
        if name.endswith("!"):
            return 0, 0.0
        base = name[:-1]
        if name.endswith("_") and base in self.places:
            if any(split_label(n)[0] == base != n and kinds[n] for n in kinds):
                return 1, SHOWN  # a bold row
            whole = kinds.get(base, 0) - self.places[base]
            return (max(whole, 0), PLAIN if base in kinds else 0.0)
        if name in kinds:
            return kinds[name], SHOWN
        if name == TIME and name in self.scope.about:
            return 0, 0.0
        guessed = guessed_axes(name, self.scope.facts.get(name, ()))
        asked = {*self.scope.about} - {*self.source.kinds}  # bold where it is asked about only
        bold = any(k == 1 for n, k in kinds.items() if n not in asked)
        plain = self.source.spelling == "latex" and name[0].islower() and bold
        if plain and guessed == 1 and len(split_label(name)[0]) > 2:
            return 0, 0.0  # a word
        return (0, PLAIN) if plain and guessed == 0 else (guessed, 0.0)

    def notice(self, elaborator: Elaborator) -> None:
        """Names that were met get their defaults; those of one letter and a number go together."""
        self.columns |= elaborator.signs.columns
        self.places |= elaborator.roles.families
        for base in elaborator.roles.families:
            self.default(f"{base}_")
        for name in elaborator.guessed():
            self.default(name)

    def without_scaling(self, choice: Tried, some: Set[str]) -> list[Changes]:
        """The choice with the arrays that only scale numbers as numbers, whatever their letter."""
        scaling = choice.elaborator.signs.scaling - dict(choice.changes).keys()
        alone = (n for n in scaling if split_label(n)[0] not in self.places)  # A_0 beside A_i
        names = {n for n in alone if self.default(n)[1] < SHOWN and (not some or n in some)}
        self.scaled |= names
        return [tuple(sorted((*choice.changes, *((n, 0) for n in names))))] if names else []

    def blamed(self, choice: Tried) -> tuple[str, ...]:
        """The names whose kinds can change below what speaks against the choice."""
        elaborator = choice.elaborator
        strong = [o.node for o in elaborator.objections if o.weight and not choice.error]
        every = self.behind(elaborator.reached) if choice.error else self.source.roots
        return self.below(strong or every, elaborator)

    def below(self, nodes: Sequence[Node], elaborator: Elaborator) -> tuple[str, ...]:
        """The names below some nodes whose kinds can change."""
        found: dict[str, None] = {}
        for node in postorder(*nodes):
            if not isinstance(node, Name):
                continue
            role = elaborator.roles.entries.get(node)
            if role is None:
                if self.free(node.name, elaborator):
                    found[node.name] = None
                continue
            if role.base in elaborator.roles.whole and self.free(role.base, elaborator):
                found[role.base] = None  # first the array that is there
            if role.base in elaborator.roles.families:
                found[f"{role.base}_"] = None
            elif len(self.scope.shapes.get(role.base) or ()) != len(role.at):
                found[f"{node.name}!"] = None  # else the entry of what is declared
            if self.free(role.base, elaborator):
                found[role.base] = None
        return tuple(found)

    def doubts(self, choice: Tried) -> list[tuple[float, frozenset[str]]]:
        """What speaks against a choice: how much, and the names behind it that can change."""
        elaborator = choice.elaborator
        found = [(o.weight, [o.node]) for o in elaborator.objections if o.weight]
        if choice.error:
            found.append((2 * INVALID, self.behind(elaborator.reached)))
        return [(weight, self._names_behind(nodes, elaborator)) for weight, nodes in found]

    def _names_behind(self, nodes: Sequence[Node], elaborator: Elaborator) -> frozenset[str]:
        found = {*self.below(nodes, elaborator)}
        used = {n.name for n in postorder(*nodes) if isinstance(n, Name)}
        used |= {split_label(name)[0] for name in used}
        for part in (part for part in self.source.parts if part.name in used):
            if part.name not in self.parts:
                self.parts[part.name] = self.below(self.behind(part), elaborator)
            found |= {*self.parts[part.name]}
        return frozenset(found)

    def groups(self, choice: Tried) -> list[frozenset[str]]:
        """The names behind what speaks against a choice, those apart that no doubt has together."""
        found: list[frozenset[str]] = []
        for _, names in self.doubts(choice):
            near = [g for g in found if g & names]
            found = [g for g in found if g not in near] + [names.union(*near)] * bool(names)
        return found

    def behind(self, part: NamedPart | None) -> list[Node]:
        """The values of a part and of those it is made of, in order; None is the whole."""
        found: list[Node] = [] if part else [self.source.main]
        names = {part.name} if part else set[str]()
        for other in reversed(self.source.parts):
            if part is None or {other.name, split_label(other.name)[0]} & names:
                found.insert(0, other.value)
                own = (n.name for n in postorder(other.value) if isinstance(n, Name))
                names |= {n for name in own for n in (name, split_label(name)[0])}
        return found

    def of_numbers(self, letters: Tried, found: Tried) -> Tried | None:
        """The choice of numbers alone, where letters alone say arrays, and something says numbers.

        `nRT/V`, `A K^a L^b`: a capital that has to be a number, a power or a quotient of matrices.
        """
        signs = letters.elaborator.signs
        capitals = any(not rank and self.default(n) == (2, 0.0) for n, rank in found.changes)
        odd = signs.odd or found.elaborator.signs.odd or capitals
        if self.source.spelling == "python" or signs.maps or not odd or signs.of_arrays:
            return None
        names = [n for n in found.elaborator.guessed() if self.default(n)[0]]
        tried = self.tried(tuple(sorted((n, 0) for n in names)))
        return tried if tried.source is not None and tried.objected < 2 * INVALID else None

    def free(self, name: str, elaborator: Elaborator) -> bool:
        """True for a name whose kind is not fixed by a declaration or a fact."""
        facts = self.scope.facts.get(name, frozenset())
        return elaborator.build.is_guessed(name) and not facts & set(SQUARE_FACTS)

    def neighbours(self, choice: Tried, some: Set[str]) -> list[Changes]:
        """The choices with one name, or one letter with its numbers, of another kind."""
        found, taken = list[Changes](), {n for n, _ in choice.changes}
        groups: dict[str, list[str]] = {}
        for name in (n for n in self.blamed(choice) if not some or n in some):
            base, label = split_label(name)
            numbered = label == "" or label.isdigit()
            groups.setdefault(base.rstrip("0123456789") if numbered else name, []).append(name)
        for stem, names in groups.items():
            for members in [[n] for n in names] + ([names] if len(names) > 1 else []):
                for rank in () if taken & {*members} else self.kinds_of(stem):
                    if all(self.default(n)[0] != rank for n in members):
                        changes = (*choice.changes, *((n, rank) for n in members))
                        found.append(tuple(sorted(changes)))
        return found

    def kinds_of(self, name: str) -> tuple[int, ...]:
        """The kinds that a name can have: small letters are no matrices if undeclared."""
        every = (0, 1) if name[:1].islower() and not name.endswith("_") else (0, 1, 2)
        return (1,) if name.endswith("!") else every

    def apart(self, letters: Tried) -> Tried | None:
        """The cheapest choice, found for one group of names after the other.

        None where there is one group, or where groups are not independent.
        """
        found, done = letters, frozenset[str]()
        while len(groups := self.groups(found)) > 1 or done:
            new = [names for names in groups if not names & done]
            if not new:
                return found
            names, near = frozenset[str](), new[-1]
            while not near <= names:
                names |= near
                if names & done or not done | frozenset().union(*groups) - names:
                    return None
                better, near = self.cheapest(found, names)
            before, after = (Counter(self.doubts(c)) for c in (found, better))
            if better.error and self.doubts(better)[-1][1] & names:
                return better  # nothing makes this readable
            kept = Counter(d for d in before.elements() if not d[1] & names)
            fresh = [d for d in after - kept if not d[1] & names]
            if kept - after or any(n & done or not found.error for _, n in fresh):
                return None
            found, done = better, done | names
        return None

    def cheapest(
        self, start: Tried, names: frozenset[str] = frozenset()
    ) -> tuple[Tried, frozenset[str]]:
        """The choice that costs least; with `names`, of those that change only these.

        Also the names that are together with these in what speaks against one of the choices.
        """
        ties, near = count(), set(names)
        found = self.local(start, start, names, near)
        seen, order = {start.changes}, [(found.cost, next(ties), found)]
        self.known[start.changes] = start
        tried, most = 1, min(TRIED, 8 + VISITED // self.nodes)
        while order and tried < most:
            _, _, choice = heappop(order)
            fine = choice.fits and choice.cost <= found.cost and choice.objected < ENOUGH
            if fine and choice.cost < DEAR:
                return self.known[choice.changes], frozenset(near)
            if found.fits and choice.cost - choice.objected + BESIDE >= found.cost:
                continue  # one more departure costs as much
            waiting = self.without_scaling(choice, names) + self.neighbours(choice, names)
            for changes in waiting:
                if changes in seen or tried >= most:
                    continue
                seen.add(changes)
                steps = sum(self.step(n, r) for n, r in changes if (n, r) not in start.changes)
                if steps >= found.cost and found.fits:
                    continue
                if changes not in self.known:
                    self.known[changes] = self.tried(changes)
                tried += 1
                one = self.local(self.known[changes], start, names, near)
                waiting += self.without_scaling(one, names)
                if one.fits and (one.cost < found.cost or not found.fits):
                    found = one
                heappush(order, (one.cost, next(ties), one))
        return self.known[found.changes], frozenset(near)

    def local(self, choice: Tried, start: Tried, names: frozenset[str], near: set[str]) -> Tried:
        """A choice with what its changes of some `names` cost, and what speaks against them."""
        if not names:
            return choice
        own = [(weight, below) for weight, below in self.doubts(choice) if below & names]
        near.update(*(below for _, below in own))
        steps = choice.cost - choice.objected - start.cost + start.objected
        left = sum(weight for weight, _ in own)
        return choice._replace(objected=left, cost=steps + left)


def best(source: Source, scope: Scope) -> tuple[Tried, Tried, KindSearch]:
    """The choice that costs least, the one by the letters, and the search."""
    search = KindSearch(source, scope)
    letters = search.tried(())
    unlike = (
        rank if name.endswith("_") else not cost and rank != guessed_axes(name)
        for name, (rank, cost) in search.defaults.items()
    )
    if any(unlike):
        letters = search.tried(())  # families and words are met by the first try, with their fonts
    if letters.objected < ENOUGH and letters.source is not None:
        return search.of_numbers(letters, letters) or letters, letters, search
    found = search.apart(letters) or search.cheapest(letters)[0]
    return search.of_numbers(letters, found) or (found if found.fits else letters), letters, search


def meant(source: Source, scope: Scope) -> Source:
    """The plain source of what was typed, with the kinds that fit best.

    Raises ParseError for what no choice of kinds gives a meaning.
    """
    found = _meant(weighted := weights(source, scope), scope)
    if found.kinds.get("pi_") == 0 and "pi" not in scope.about:  # the number of H\pi r^2
        return _meant(source, scope)
    return found if (n := labelled(weighted, scope, found.rows)) is weighted else _meant(n, scope)


def _meant(source: Source, scope: Scope) -> Source:
    source = apart(squared(iterates(by_index(source), scope), scope))
    source = whole_bars(rowwise(source), whole=scope.guess)
    if not scope.guess:
        elaborator = Elaborator(source, replace(scope, kinds=dict(scope.kinds)))
        plain = elaborator.whole(scope.free)
        if problem := elaborator.signs.problem or elaborator.problem:
            raise problem
        return plain
    source, scope = counted(source, scope)
    found, _, _ = best(source, scope)
    if found.error:
        raise found.error
    chosen = found.elaborator
    assert found.source is not None
    problem = chosen.signs.problem or chosen.problem
    vectors = (n for n in chosen.guessed() if chosen.build.axes_of(n) == 1)
    strict = [n for n in vectors if source.spelling == "latex" or n in scope.about]
    for name in filter(chosen.build.is_thin, strict):
        said = f"{name} would be a vector of one entry"
        span = next((n.span for n in source.nodes if isinstance(n, Name) and n.name == name), None)
        problem = problem or chosen.build.error(said, span or source.main.span, "declare its shape")
    if problem is not None:
        raise problem
    return replace(found.source, kinds={n: chosen.build.axes_of(n) for n in chosen.guessed()})
