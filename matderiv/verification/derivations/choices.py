"""What nobody said about a problem, and how else it may be meant: kinds, a fact.

A line is wrong only if no choice makes it right, so others are tried where lines come out wrong or
the function cannot be read. A name that is used as a vector is never tried as a number: that would
hide what is wrong about a matrix.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import product

from matderiv.expr import Expr, contains, is_, substitute, variables, walk
from matderiv.input.meaning.subscripts import split_label
from matderiv.input.resolve import Reading
from matderiv.input.tree import COUNTS
from matderiv.language.calls import function_names
from matderiv.language.declare import guessed_axes
from matderiv.numeric.sampling import same_values
from matderiv.shapes import Dim, long_axes, shape_text, size_names, with_sizes
from matderiv.verification.derivations.plan import Plan
from matderiv.verification.documents.positions import Passage
from matderiv.verification.documents.statements import names_in

MOST = 4  # names that are tried each by itself
LOSSES = ("L", "J", "E", "C", "l", "ell")
SIZES = "nmkpqrstd"
SCATTERS = ("Sigma", "S")  # letters of covariances
_DISTRIBUTIONS = ("softmax", "log_softmax", "logsumexp")


@dataclass(frozen=True)
class Choice:
    """Sizes of names ("" for a number) and facts about them, where nothing is said.

    In a `summed` reading a loss `(h - y)^2` of columns is the sum of the squares.
    """

    shapes: Mapping[str, str] = field(default_factory=dict)
    assume: Mapping[str, str] = field(default_factory=dict)
    summed: bool = False

    @classmethod
    def of_losses(cls, reading: Reading) -> Choice:
        """Sums for losses that are no numbers as they were read."""
        return cls(summed=any(n in LOSSES and long_axes(f.shape) for n, f in reading.parts))

    def __bool__(self) -> bool:
        return bool(self.shapes or self.assume or self.summed)

    def and_(self, other: Choice) -> Choice:
        """Both, the other's where they differ."""
        shapes, assume = {**self.shapes, **other.shapes}, {**self.assume, **other.assume}
        return Choice(shapes, assume, self.summed or other.summed)

    def collapses(self, found: Reading, other: Reading) -> bool:
        """True where taking some names as numbers makes a number of an array nobody spoke of, or no
        matrix of what its letter says is one: W of W*x where x is taken as a number."""
        for name in (found.guessed & other.variables.keys()) - self.shapes.keys():
            before, axes = found.variables.get(name), len(other.variables[name].shape)
            kept = 2 if guessed_axes(name) == 2 else 1
            if before is not None and axes < min(len(before.shape), kept):
                return True
        return False

    def said(self) -> Iterator[str]:
        """What was taken, in words."""
        for name, size in self.shapes.items():
            kind = f"a vector of size {size}" if size else "a scalar"
            kind = kind if "," not in size else f"a matrix {size.replace(',', ' × ')}"
            kind = f"a row of size {size[2:]}" if size.startswith("1,") else kind
            yield f"taking {name} as {kind}, which makes more lines right"
        for name, fact in self.assume.items():
            yield f"taking {name} as {fact}, as the text may mean"
        if self.summed:
            yield "taking the square of a loss as the sum of the squares: a loss is a number"


@dataclass(frozen=True)
class Unsaid:
    """What a problem leaves open: `kinds` are the axes that undeclared names have by their letter.

    `facts` are those that are said of some of several names, `square` the names of square matrices,
    `unknown` those of which nothing is said, and `ends` the letters that sums run to.
    """

    kinds: Mapping[str, int]
    passages: Sequence[Passage]
    reading: Reading
    facts: Sequence[tuple[str, Sequence[str]]] = ()
    square: Collection[str] = ()
    unknown: Collection[str] = ()
    ends: Set[str] = frozenset()

    def choices(self) -> Iterator[Choice]:
        """Other choices, the likelier ones first."""
        parts = [e for _, e in self.reading.parts]
        counts = [*self.counts()]
        yield from counts
        for bias in self.biases():
            yield from (bias.and_(c) for c in (Choice(), *counts))
        facts = [*implied(parts, self.unknown)]
        every = [*([f] for f in facts), *[facts] * (len(facts) > 1)]
        yield from (Choice(assume=dict(some)) for some in every)
        losses = Choice.of_losses(self.reading), narrow(self.reading)
        yield from (choice for choice in losses if choice)
        for fact, names in self.facts:
            if names:
                yield from (Choice(assume={name: fact}) for name in names)
            elif self.square:
                yield Choice(assume=dict.fromkeys(self.square, fact))
        vectors = {n for n in self.kinds for p in self.passages if shows_vector(n, p)}
        numbers = [n for n, axes in self.kinds.items() if axes == 1 and n not in vectors]
        if len(numbers) > 1:
            yield Choice(dict.fromkeys(numbers, ""))
        yield from (Choice({name: ""}) for name in numbers[:MOST])
        scalars = [n for n, axes in self.kinds.items() if axes == 0][:MOST]
        if numbers and scalars:
            yield Choice(dict.fromkeys([*numbers, *scalars], ""))
        free = [s for s in SIZES if s not in self.reading.sizes and s not in self.kinds]
        small = [n for n, k in self.kinds.items() if n[0].islower() and (k or guessed_axes(n))]
        rows = [n for n in small if any(shows_row(n, p) for p in self.passages)]
        if rows and len(free) > len(rows):  # xW + b: what is added is a row as well
            sizes = dict(zip(rows, free, strict=False))
            for own in (small, [*dict.fromkeys([*small, *scalars])]):
                yield Choice({n: f"1,{sizes.get(n, free[len(rows)])}" for n in own})
        if free and scalars and any("*" in p.text and not p.latex for p in self.passages):
            yield Choice({n: free[0] for n, axes in self.kinds.items() if axes < 2})
        if free:
            yield from (Choice({name: free[0]}) for name in scalars)
        if free and len(scalars) > 1:
            yield Choice(dict.fromkeys(scalars, free[0]))
            yield Choice(dict(zip(scalars, free, strict=False)))

    def biases(self) -> Iterator[Choice]:
        """The number b that is added to a matrix X*W as a vector or a row, an entry a column."""
        own = [v for n, v in self.reading.variables.items() if n in self.reading.guessed]
        numbers = {v for v in own if not v.shape}
        sums = [n for _, e in self.reading.parts for n in walk(e) if is_(n, "add")]
        added = {v: n.shape[1] for n in sums if len(n.shape) == 2 for v in numbers & {*n.args}}
        others = {v: v.shape for v in own if v.shape}
        for row in ((), (1,)) if added else ():
            shapes = others | {v: (*row, size) for v, size in added.items()}
            yield Choice({v.name: shape_text(s).replace(" × ", ",") for v, s in shapes.items()})

    def counts(self) -> Iterator[Choice]:
        r"""The n of `\frac1n` and of `\sum_{i=1}^n` as a size that nobody named."""
        guessed = [v for n, v in self.reading.variables.items() if n in self.reading.guessed]
        numbers = [v.name for v in guessed if not v.shape and v.name in COUNTS]
        said = [v.shape for v in self.reading.variables.values() if v not in guessed]
        ours = sorted(size_names(v.shape for v in guessed) - size_names(said))
        for letter, size in product(dict.fromkeys([*numbers, *self.ends & {*ours}]), ours):
            swapped = {size: Dim((letter,)), letter: Dim((size,))}
            shapes = {v.name: tuple(with_sizes(s, swapped) for s in v.shape) for v in guessed}
            changed = {v.name: shapes[v.name] for v in guessed if shapes[v.name] != v.shape}
            if changed:
                yield Choice({n: shape_text(s).replace(" × ", ",") for n, s in changed.items()})


def shows_vector(name: str, p: Passage) -> bool:
    r"""True where a name is transposed, in bold, in a norm, or behind a matrix.

    >>> [shows_vector("x", Passage.of(t)) for t in ("x'*A*x", "A*x", "a*x + b", "||x||^2")]
    [True, True, False, True]
    >>> [shows_vector("w", Passage.of(t, latex=True)) for t in (r"\mathbf{w} + 1", "Xw", "aw")]
    [True, True, False]
    """
    if name not in names_in(p):
        return False
    letters = re.escape(name if len(name) == 1 or not p.latex else rf"\{name}")
    typed = rf"(?<![A-Za-z\\]){letters}(?![A-Za-z_])" if len(name) == 1 else letters
    if not p.latex:
        typed = rf"(?<!\w){re.escape(name)}(?!\w)"
    turned = r"\s*(?:'|ᵀ|\^\s*\{?\s*(?:T\b|⊤|\\top|\\intercal|\\math\w+\s*\{?T))"
    behind = r"(?:(?<![A-Za-z\\])[A-Z](?:_\{?\w+\}?)?\s*\*?\s*|\\math(?:bf|bb)\s*\{?1\}?\S*\s*)"
    bold = rf"\\(?:mathbf|boldsymbol|bm|vec)\s*\{{?\s*\\?{re.escape(name)}(?![A-Za-z])"
    norm = rf"(?:\\\||‖|\|\||\\lVert)[^|‖]*{typed}"
    follows = rf"{letters}(?![A-Za-z_])" if p.latex and len(name) == 1 else typed
    return bool(re.search(rf"{typed}{turned}|{behind}{follows}|{bold}|{norm}", p.text))


def shows_row(name: str, p: Passage) -> bool:
    r"""True where a matrix follows a name: `x W` is a row times a matrix.

    >>> [shows_row("x", Passage.of(t)) for t in ("x*W + b", "xW", "A*x", "x*y")]
    [True, True, False, False]
    """
    letters = re.escape(rf"\{name}" if p.latex and len(name) > 1 else name)
    matrix = r"\}?\s*(?:\*|@|\\[,;])?\s*(?:\\(?:math\w+|boldsymbol|bm)\s*\{?\s*)?[A-Z](?![A-Za-z(])"
    return bool(re.search(rf"(?<![A-Za-z\\]){letters}{matrix}", p.text))


def implied(functions: Iterable[Expr], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Facts about names that nobody says because of what a function is.

    What weighs the logarithm of a softmax is a distribution, y in log(1 + exp(-y*z)) is 1 or -1; a
    matrix Sigma or S is a covariance, and so is one, or its inverse, whose determinant stands
    beside a form of it in which it may be transposed.

    >>> from matderiv.input.resolve import read
    >>> [*implied([read("-y'*log(softmax(z))").expr], "yz")]
    [('y', 'simplex')]
    >>> [*implied([read("-y'*log(exp(z)/sum(exp(z)))").expr], "yz")]
    [('y', 'simplex')]
    >>> [*implied([read("log(det(S)) + x'*inv(S)*x").expr, read("log(det(X))").expr], "SX")]
    [('S', 'symmetric')]
    """
    found: dict[tuple[str, str], None] = {}
    for f in functions:
        own = [v for v in variables(f) if v.name in names and v.shape]
        inside = {v for n in walk(f) if _is_distribution(n) for v in variables(n.args[0])}
        if inside and contains(f, "log", "log_softmax"):
            found |= {(v.name, "simplex"): None for v in own if v not in inside}
        margins = {v for n in walk(f) if is_(n, "exp", "softplus") for v in variables(n.args[0])}
        found |= {(v.name, "labels"): None for v in own if v in margins and v.name == "y"}
        labels = (split_label(v.name) for v in own if len(v.shape) == 2)
        sigmas = {
            "_".join(filter(None, n)) for n in labels if n[0] in SCATTERS and len({*n[1]}) < 2
        }
        found |= {(name, "symmetric"): None for name in sigmas}  # a covariance, by its letter
        for n in walk(f):
            alone = is_(n, "det") or is_(n, "logdet")
            x = n.args[0] if alone and n.args[0] in own and len(variables(f)) > 1 else None
            if x is not None and same_values(f, substitute(f, {x: x.T})):
                found[x.name, "symmetric"] = None
    yield from found


def _is_distribution(e: Expr) -> bool:
    """True for a softmax, by its name or as a part of a sum."""
    part = is_(e, "div") or is_(e, "ediv")
    return e.function.name in _DISTRIBUTIONS or (
        part and is_(e.args[0], "exp") and e.args[0] in walk(e.args[1])
    )


def narrow(reading: Reading) -> Choice:
    """A last layer with one unit, where that makes a loss a number.

    >>> from dataclasses import replace
    >>> from matderiv.input.resolve import read
    >>> loss = read("y*log(W*a + b)", shapes={"y": ""})
    >>> narrow(replace(loss, parts=(("L", loss.expr),))).shapes
    {'W': '1,n', 'b': ''}
    """
    for name, f in reading.parts:
        long = [f.shape[k] for k in long_axes(f.shape)]
        if name in LOSSES and len(long) == 1:
            own = [v for v in reading.variables.values() if long[0] in v.shape]
            layers = [v for v in own if len(v.shape) == 2 and long[0] != v.shape[1]]
            if layers and all(v.name in reading.guessed for v in own):
                return Choice({v.name: f"1,{v.shape[1]}" if v in layers else "" for v in own})
    return Choice()


def counted(passages: Sequence[Passage]) -> set[str]:
    r"""Capital letters that stand nowhere but above or below a number: how many there are.

    >>> counted([Passage.of(r"\frac{N}{2}\log|S| - \frac{1}{2}\operatorname{tr}(S)", latex=True)])
    {'N'}
    """
    text = " ".join(p.text for p in passages if p.latex)
    letter, number = r"\s*\{\s*([A-Z])\s*\}", r"\s*\{\s*\d+\s*\}"
    over = rf"\\[dt]?frac(?:{letter}{number}|{number}{letter})"
    found = [m[1] or m[2] for m in re.finditer(over, text)]
    alone = {c: len(re.findall(rf"(?<![A-Za-z\\]){c}(?![A-Za-z])", text)) for c in found}
    return {c for c, times in alone.items() if times == found.count(c)}


def unread_kinds(plan: Plan, declared: Collection[str]) -> dict[str, int]:
    """The kinds by their letters of undeclared names that the function is of, which is unread."""
    defined = {d.name: d for d in plan.definitions}
    behind = [defined[plan.function]] if plan.function in defined else [*plan.definitions]
    found: dict[str, int] = {}
    for d in behind:
        names = names_in(d.passage)
        behind += [defined[n] for n in sorted(names & defined.keys()) if defined[n] not in behind]
        for name in sorted(names):
            known = name in declared or name in defined or name in function_names()
            if not known and name not in ("d", "e", "pi", "I"):
                found[name] = guessed_axes(name)
    return found
