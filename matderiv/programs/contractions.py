"""Sums of products of entries as matrix products, and identities as what they do.

An einsum, and a sum of einsums with scalars in front, is a list of terms: operands with letters,
and letters that are equal. Operands are joined two at a time, in the cheapest order: entry by entry
where nothing is summed (Khatri-Rao and outer products), as a product of matrices where something
is. A term with equal letters is written to the diagonal of the result, which is never multiplied.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import count
from math import prod
from typing import NamedTuple

from matderiv.expr import Expr, is_
from matderiv.functions.reduce import einsum_parts
from matderiv.programs.chains import Tree, joining
from matderiv.programs.lowering import Lowering, Rule
from matderiv.programs.scaled import Scaled, factor_value, settled
from matderiv.shapes import Shape, Size, is_scalar, times

Letters = tuple[int, ...]

DEEP = 8.0  # a result that took so many steps for an entry is scaled itself
MOST_TERMS = 12


class Operand(NamedTuple):
    """A result with a letter for each axis."""

    slot: int
    letters: Letters


class ContractionTerm(NamedTuple):
    """The product of some operands and a scalar, where the letters of each pair are equal."""

    front: Scaled
    operands: tuple[Operand, ...]
    equal: tuple[tuple[int, int], ...] = ()


class Contractions:
    """The terms of one result, whose axes are `out`; `sizes` are those of the letters."""

    def __init__(self, work: Lowering, node: Expr) -> None:
        self.work, self.b = work, work.b
        self.fresh = count()
        self.sizes: dict[int, Size] = {}
        self.about: dict[int, float] = {}
        self.out = tuple(self.letter(s) for s in node.shape)

    def letter(self, size: Size) -> int:
        """A letter that nothing else has."""
        found = next(self.fresh)
        self.sizes[found] = size
        self.about[found] = self.work.estimate(size)
        return found

    def shape(self, letters: Iterable[int]) -> Shape:
        """The sizes of some letters."""
        return tuple(self.sizes[a] for a in letters)

    def entries(self, letters: Iterable[int]) -> float:
        """How many entries an array with these letters has, about."""
        return prod(self.about[a] for a in letters)

    # Terms ---------------------------------------------------------------------------------------

    def terms(self, node: Expr, out: Letters, front: Scaled) -> list[ContractionTerm] | None:
        """An expression with a letter for each axis, multiplied by a scalar; None if it is new."""
        work = self.work
        if is_(node, "add") and all(a.shape == node.shape for a in node.args):
            each = [self.terms(a, out, front) for a in node.args]
            return [t for found in each if found is not None for t in found] if all(each) else None
        if is_(node, "neg"):
            return self.terms(node.args[0], out, front.times(Scaled(None, Fraction(-1))))
        if is_(node, "mul"):
            arrays = [a for a in node.args if not is_scalar(a.shape)]
            if len(arrays) == 1 and arrays[0].shape == node.shape:
                for a in node.args:
                    front = front.times(work.factor(a)) if a is not arrays[0] else front
                return self.terms(arrays[0], out, front)
        if is_(node, "div") and work.factor(node.args[1]).number:
            return self.terms(node.args[0], out, front.over(work.factor(node.args[1])))
        if is_(node, "permute"):
            inner = dict(zip(node.params, out, strict=True))
            return self.terms(node.args[0], tuple(inner[k + 1] for k in range(len(out))), front)
        found = self.product(node, out, front) if is_(node, "einsum") else None
        if found is None and node in work.found:
            found = self.whole(node, out, front)
        return None if found is None else [found]

    def whole(self, node: Expr, out: Letters, front: Scaled) -> ContractionTerm:
        """An expression that is one operand."""
        s = self.work.scaled(node)
        slot = self.b.number(1) if s.core is None else s.core
        operand = Operand(self.b.whole(slot, node.shape), out)
        return ContractionTerm(front.times(s.with_core(None)), (operand,))

    def product(self, node: Expr, out: Letters, front: Scaled) -> ContractionTerm | None:
        """The term of an einsum; None where it has another form, such as a sum of a diagonal."""
        given, output = einsum_parts(node.params[0])
        pairs = list(zip(given, node.args, strict=True))
        known = dict(zip(output, out, strict=True))
        term, same = ContractionTerm(front, ()), []
        for letters, a in pairs:
            others = {c for more, e in pairs if not is_(e, "ones", "eye") for c in more}
            if is_(a, "ones") and set(letters) <= others:
                continue
            for c, size in zip(letters, a.shape, strict=True):
                known.setdefault(c, self.letter(size))
                if self.sizes[known[c]] != size:
                    return None
            term, equal = self.taken(term, a, tuple(known[c] for c in letters))
            same += equal
        found: ContractionTerm | None = term
        stands: dict[int, int] = {}
        for left, right in same:
            found = found and self.with_equal(found, left, right, stands)
        if found is None or any(len({*o.letters}) < len(o.letters) for o in found.operands):
            return None  # only a diagonal is meant
        met = {c for o in found.operands for c in o.letters}
        return found if set(out) <= met | {c for pair in found.equal for c in pair} else None

    def taken(
        self, term: ContractionTerm, e: Expr, at: Letters
    ) -> tuple[ContractionTerm, list[tuple[int, int]]]:
        """The term with one operand more, and the letters that it makes equal."""
        while is_(e, "transpose") and len(e.args[0].shape) == len(at) == 2:
            e, at = e.args[0], at[::-1]
        if is_(e, "eye") and len(at) == 2:
            return term, [(at[0], at[1])]
        if is_scalar(e.shape) and not at:
            return term._replace(front=term.front.times(self.work.factor(e))), []
        if is_(e, "diag") and len(at) == 2 and len(e.args[0].shape) == 1:
            return self.taken(term, e.args[0], at[:1])[0], [(at[0], at[1])]
        one = self.whole(e, at, term.front)
        return term._replace(front=one.front, operands=(*term.operands, *one.operands)), []

    def with_equal(
        self, term: ContractionTerm, a: int, b: int, stands: dict[int, int]
    ) -> ContractionTerm | None:
        """The term where two letters are equal; None where both are summed and met nowhere.

        `stands` says which letter stands for one that is gone, and gets the new one.
        """
        while a in stands:
            a = stands[a]
        while b in stands:
            b = stands[b]
        kept, gone = (b, a) if a not in self.out else (a, b)
        if kept == gone:
            return term
        stands[gone] = kept
        letters = (tuple(kept if c == gone else c for c in o.letters) for o in term.operands)
        operands = tuple(map(Operand, (o.slot for o in term.operands), letters))
        if gone in self.out:
            equal = ((kept if k == gone else k, g) for k, g in term.equal)
            return term._replace(operands=operands, equal=(*equal, (kept, gone)))
        met = kept in self.out or any(kept in o.letters for o in operands)
        return term._replace(operands=operands) if met else None

    # Results -------------------------------------------------------------------------------------

    def total(self, terms: Sequence[ContractionTerm]) -> int:
        """The sum of the terms: those that fill the result first, then those on diagonals."""
        terms = self.gathered(terms)
        full = [t for t in terms if not t.equal]
        result = self.added(full, self.out) if full else None
        for term in (t for t in terms if t.equal):
            result = self.on_diagonal(result, term)
        assert result is not None
        return result

    def gathered(self, terms: Sequence[ContractionTerm]) -> list[ContractionTerm]:
        """Terms with the same factors outside as one: x_j M_ik - x_j N_ik is x_j (M - N)_ik."""
        done: list[ContractionTerm] = []
        for term in terms:
            for k, other in enumerate(done):
                joined = self.beside(other, term)
                if joined is not None:
                    done[k] = joined
                    break
            else:
                done.append(term)
        return done

    def beside(self, x: ContractionTerm, y: ContractionTerm) -> ContractionTerm | None:
        """Two terms as one with their common operands outside; None where there are none."""
        common = tuple((Counter(x.operands) & Counter(y.operands)).elements())
        rests = [tuple((Counter(t.operands) - Counter(common)).elements()) for t in (x, y)]
        if not common or not all(rests) or x.equal != y.equal:
            return None
        outside = {c for o in common for c in o.letters}
        kept = [{c for o in rest for c in o.letters} & {*self.out, *outside} for rest in rests]
        if kept[0] != kept[1] or self.entries(kept[0]) >= self.entries(outside | kept[0]):
            return None
        letters = tuple(c for c in (*self.out, *outside) if c in kept[0])
        letters = tuple(dict.fromkeys(letters))
        terms = [ContractionTerm(t.front, rest) for t, rest in zip((x, y), rests, strict=True)]
        inner = self.added(terms, letters)
        return ContractionTerm(Scaled(None), (*common, Operand(inner, letters)), x.equal)

    def added(self, terms: Sequence[ContractionTerm], out: Letters) -> int:
        """The sum of terms that fill the result, begun with one that is not subtracted."""
        result: int | None = None
        for term in sorted(terms, key=lambda t: t.front.number < 0):
            minus = result is not None and term.front.number < 0
            if minus:
                term = term._replace(front=term.front.times(Scaled(None, Fraction(-1))))
            found = self.value(term, out)
            if result is None:
                result = found
            else:
                result = self.b.entrywise("sub" if minus else "add", result, found)
        assert result is not None
        return result

    def on_diagonal(self, whole: int | None, term: ContractionTerm) -> int:
        """A result with a term added where letters are equal; zero elsewhere if there is none."""
        gone = dict((b, a) for a, b in term.equal)
        met = {c for o in term.operands for c in o.letters}
        letters = tuple(c for c in self.out if c not in gone)
        core = tuple(c for c in letters if c in met)
        part = self.value(term, core)
        names = {c: chr(ord("a") + k) for k, c in enumerate(self.out)}

        def spelled(at: Iterable[int]) -> str:
            return "".join(names[c] for c in at)

        first = tuple(c for c in letters if c not in met)
        view = f"{spelled(gone.get(c, c) for c in self.out)}->{spelled((*first, *core))}"
        pairs = [spelled(pair) for pair in term.equal]
        full = f"{','.join([spelled(core), *pairs])}->{spelled(self.out)}"
        sizes = self.shape(a for a, _ in term.equal)
        shape = self.shape(self.out)
        if whole is None:
            params = (view, full, len(sizes), *sizes, *shape)
            return self.b.add("on_diagonal", part, params=params, shape=shape)
        params = (view, full, len(sizes), *sizes)
        whole = self.b.add("copy", whole, shape=shape)
        return self.b.add("add_diagonal", whole, part, params=params, shape=shape)

    def value(self, term: ContractionTerm, out: Letters) -> int:
        """A term as a result whose axes are `out`, its scalar applied where that is cheap."""
        tree, steps = joining([frozenset(o.letters) for o in term.operands], out, self.entries)
        front, operands = term.front, list(term.operands)
        plain = front.number == 1 and not front.above and not front.below
        if not operands:
            return self.b.whole(factor_value(self.b, front), self.shape(out))
        late = len(operands) == 1 or steps > DEEP * self.entries(out)
        if not late and not plain:
            k = min(range(len(operands)), key=lambda k: self.entries(operands[k].letters))
            slot = settled(self.b, front.with_core(operands[k].slot))
            operands[k] = operands[k]._replace(slot=slot)
        found = self.arranged(self.joined_all(tree, operands, out), out)
        if late and not plain:
            found = settled(self.b, front.with_core(found))
        return self.b.real(found)

    # Joining -------------------------------------------------------------------------------------

    def joined_all(self, tree: Tree, operands: Sequence[Operand], out: Letters) -> Operand:
        """The product of the operands of a tree; letters that nothing else has are summed."""

        def made(part: Tree, needed: frozenset[int]) -> Operand:
            if isinstance(part, int):
                return self.summed(operands[part], needed)
            left, right = (frozenset(_letters(p, operands)) for p in part)
            return self.joined(
                made(part[0], needed | right), made(part[1], needed | left), needed, out
            )

        return made(tree, frozenset(out))

    def summed(self, o: Operand, needed: frozenset[int]) -> Operand:
        """An operand without the letters that nobody needs."""
        while not set(o.letters) <= needed:
            k = next(k for k, c in enumerate(o.letters) if c not in needed)
            letters = (*o.letters[:k], *o.letters[k + 1 :])
            params = (k if letters else None, False)
            slot = self.b.add("sum", self.b.real(o.slot), params=params, shape=self.shape(letters))
            o = Operand(slot, letters)
        return o

    def joined(self, x: Operand, y: Operand, needed: frozenset[int], out: Letters) -> Operand:
        """Two operands as one."""
        gone = {c for c in x.letters if c in y.letters and c not in needed}
        place = {c: k for k, c in enumerate(out)}
        seen = list(dict.fromkeys((*x.letters, *y.letters)))
        order = sorted((c for c in seen if c not in gone), key=lambda c: place.get(c, -1))
        if not gone and set(order) == set(out) and len(out) > 2:
            if not set(x.letters) & set(y.letters):
                return self.outer(x, y)
        if not gone:
            slots = [self.spread(o, tuple(order)) for o in (x, y)]
            return Operand(self.b.entrywise("mul", *slots), tuple(order))
        batch = [c for c in order if c in x.letters and c in y.letters]
        own = [[c for c in order if c in o.letters and c not in batch] for o in (x, y)]
        if own[1] and (not own[0] or place.get(own[1][0], -1) < place.get(own[0][0], -1)):
            x, y, own = y, x, own[::-1]
        summed = [c for c in x.letters if c in gone]
        left = self.grouped(x, [*([batch] if batch else []), own[0], summed])
        right = self.grouped(y, [*([batch] if batch else []), summed, own[1]])
        groups = [g for g in (batch, *own) if g]
        shape = tuple(times(*self.shape(g)) for g in groups)
        operation = "stacked" if batch else "matmul" if shape else "dot"
        if batch:
            shape = tuple(times(*self.shape(g)) for g in (batch, *own))
        found = self.b.add(operation, left, right, shape=shape)
        letters = tuple(c for g in groups for c in g)
        return Operand(self.reshaped(found, self.shape(letters)), letters)

    def outer(self, x: Operand, y: Operand) -> Operand:
        """An outer product with the axes in the order in which it is quickest written."""
        letters = x.letters + y.letters
        names = dict(zip(letters, "abcdefghijklmnopqrstuvwxyz", strict=False))
        left, right = ("".join(names[c] for c in o.letters) for o in (x, y))
        slots = (self.b.real(x.slot), self.b.real(y.slot))
        params = (f"{left},{right}->{left}{right}",)
        found = self.b.add("einsum", *slots, params=params, shape=self.shape(letters))
        return Operand(found, letters)

    def grouped(self, o: Operand, groups: Sequence[Sequence[int]]) -> int:
        """An operand with an axis for each group of letters; the first of three is a stack."""
        stacked = len(groups) == 3
        kept = [g for k, g in enumerate(groups) if g or stacked]
        wanted = tuple(c for g in kept for c in g)
        slot = self.b.real(o.slot)
        turned = len(kept) == 2 and o.letters == (*kept[1], *kept[0]) and o.letters != wanted
        if turned:
            shape = tuple(times(*self.shape(g)) for g in kept[::-1])
            return self.b.transposed(self.reshaped(slot, shape))
        slot = self.arranged(Operand(slot, o.letters), wanted)
        return self.reshaped(slot, tuple(times(*self.shape(g)) if g else 1 for g in kept))

    def arranged(self, o: Operand, wanted: Letters) -> int:
        """An operand with its axes in another order."""
        if o.letters == wanted:
            return o.slot
        if len(wanted) == 2:
            return self.b.transposed(o.slot)
        order = tuple(o.letters.index(c) for c in wanted)
        return self.b.add("permute", o.slot, params=order, shape=self.shape(wanted))

    def spread(self, o: Operand, order: Letters) -> int:
        """An operand as an array with an axis for each letter, of one entry where it has none."""
        if not o.letters:
            return o.slot
        slot = self.arranged(o, tuple(c for c in order if c in o.letters))
        if len(order) == 2 and len(o.letters) == 1:
            return self.b.turned_up(slot, "column" if o.letters[0] == order[0] else "row")
        return self.reshaped(slot, tuple(self.sizes[c] if c in o.letters else 1 for c in order))

    def reshaped(self, slot: int, shape: Shape) -> int:
        """A result in another shape with the same entries in the same order."""
        if self.b.shape(slot) == shape:
            return slot
        return self.b.add("reshape", slot, params=shape, shape=shape)


def _letters(tree: Tree, operands: Sequence[Operand]) -> Letters:
    if isinstance(tree, int):
        return operands[tree].letters
    return (*_letters(tree[0], operands), *_letters(tree[1], operands))


def contracted(work: Lowering, node: Expr) -> Scaled | None:
    """A sum of einsums with scalars in front as one result; None where it has another form."""
    planner = Contractions(work, node)
    terms = planner.terms(node, planner.out, Scaled(None))
    return None if terms is None or len(terms) > MOST_TERMS else Scaled(planner.total(terms))


def with_axes(found: Rule) -> Rule:
    """A rule that leaves sums and multiples with three axes and more to `contracted`."""

    def made(work: Lowering, node: Expr) -> Scaled:
        known = contracted(work, node) if len(node.shape) > 2 else None
        return found(work, node) if known is None else known

    return made
