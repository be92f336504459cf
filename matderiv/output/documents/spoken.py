r"""Formulas inside sentences: what stands between backticks, read as the text language is.

Nothing is worked out: `Σ_j A_ij B_jk` stays a sum, `d(A*B)` the change of a product. Names are
those of a derivation, others have the kind of their letter, and sizes that are all equal, so that
every product of matrices fits.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from matderiv.errors import ParseError, ShapeError, UnknownFunction, UnknownName
from matderiv.expr import Expr, is_, variable, variables
from matderiv.input.resolve import build
from matderiv.input.text import parse
from matderiv.language.declare import guessed_axes
from matderiv.language.shaping import Context, Shaping
from matderiv.language.source import Bind, Call, Name, Node, Operation, Source, postorder, rebuilt
from matderiv.output.latex.formula import formula
from matderiv.output.latex.index import subscript
from matderiv.output.latex.names import LatexNames, taken_apart
from matderiv.output.latex.templates import RELATIONS
from matderiv.shapes import Dim, Shape, long_axes, size_names

INDICES = frozenset("ijkl")
SIZE = Dim(("n",))
Shapes = Callable[[str], Shape]
"""The shape of a name."""


def by_letter(name: str) -> Shape:
    """The shape of a name by its letter, all sizes alike."""
    return (SIZE,) * guessed_axes(name)


class SpokenNames(LatexNames):
    """Names in formulas and in sentences.

    `own` are the variables of a text, `counts` its sizes, `changes` what changes in a name that
    starts with d.
    """

    def __init__(
        self, vectors: str = "bold", transpose: str = "top", roots: Iterable[Expr] = ()
    ) -> None:
        roots = list(roots)
        super().__init__(vectors, transpose, roots)
        self.own = {v.name: v for v in variables(*roots)}
        sizes = size_names([*(v.shape for v in self.own.values()), (SIZE,)])
        self.counts = frozenset(sizes - self.own.keys())
        self.changes: dict[str, Expr] = {}
        self.spoken: dict[str, str | None] = {}

    def variable(self, node: Expr) -> str:
        """A variable in the style of its shape; a change with its d."""
        if node.name not in self.changes:
            return super().variable(node)
        of = self.changes[node.name]
        if is_(of, "variable"):
            return rf"\mathrm{{d}}{super().variable(of)}"
        whole = formula(of, self)
        grow = (r"\left(", r"\right)") if r"\frac" in whole else ("(", ")")
        return rf"\mathrm{{d}}{grow[0]}{whole}{grow[1]}"

    def wide(self, node: Expr) -> bool:
        """True for a name that needs a space to its neighbours."""
        return (is_(node, "variable") and node.name in self.changes) or super().wide(node)

    def spell(self, code: str) -> str | None:
        r"""A formula or an equation of a sentence in LaTeX; None for what is none.

        Of d(A*B) a text may know A as a number, and 1/exp(x) speaks of one entry of x.

        >>> print(SpokenNames().spell("d(A*x) = Σ_j A_ij dx_j"))
        \mathrm{d}(\mathbf{A}\mathbf{x}) = \sum_{j}A_{ij}\,\mathrm{d}x_{j}
        """
        if code not in self.spoken:
            self.spoken[code] = None
            for shapes in (self._own, self._alike, by_letter, lambda name: ()):
                with suppress(ParseError, ShapeError, UnknownName, UnknownFunction):
                    self.spoken[code] = " = ".join(
                        r" \times ".join(self._side(c, shapes) for c in side.split(" × "))
                        for side in code.split(" = ")
                    )
                    break
        return self.spoken[code]

    def _own(self, name: str) -> Shape:
        return self.own[name].shape if name in self.own else by_letter(name)

    def _alike(self, name: str) -> Shape:
        return (SIZE,) * len(long_axes(self._own(name)))

    def _side(self, typed: str, shapes: Shapes) -> str:
        source = parse(typed.replace("∂", "𝜕"))  # of these two, the sign that names may have
        main = rebuilt([source.main], lambda node: self._standing(node, source, shapes))[
            source.main
        ]
        relation = RELATIONS.get(main.function, "") if isinstance(main, Operation) else ""
        sides = main.operands if relation and isinstance(main, Operation) else (main,)
        told = (self._built(replace(source, main=side), shapes) for side in sides)
        return f" {relation} ".join(formula(e, self) for e in told)

    def _standing(self, node: Node, source: Source, shapes: Shapes) -> Node:
        """A sum as its sign before its terms, a change as one name."""
        if isinstance(node, Bind):
            at = ",".join(node.indices)
            sign = self.spelt(f"{node.function}[{at}]", rf"\{node.function}_{{{at}}}")
            return Operation(node.span, "mul", (Name(node.span, sign.name), node.body))
        if isinstance(node, Call) and node.name == "d":
            name = f"d({source.typed(node.operands[0].span)})"
            self.changes[name] = self._built(replace(source, main=node.operands[0]), shapes)
            return Name(node.span, name)
        return node

    def _built(self, source: Source, shapes: Shapes) -> Expr:
        names = {n.name for n in postorder(source.main) if isinstance(n, Name)}
        known = {name: variable(name, self._shape(name, shapes)) for name in names - self.counts}
        return build(Shaping(source, Context(known, size_names=self.counts, guess=False))).main

    def _shape(self, name: str, shapes: Shapes) -> Shape:
        """The shape of a name; how entries and derivatives are written, which are numbers."""
        if name in self.own or name in INDICES:
            return shapes(name) if name in self.own else ()
        if name in self.written or name in self.changes:
            return () if name in self.written else self.changes[name].shape
        base, _, at = name.rpartition("_")
        found = taken_apart(base or name)
        change = found is not None and found.change
        if name.startswith("∂"):
            inner = variable(name[1:], self._shape(name[1:], shapes))
            self.written[name] = rf"\partial {self.variable(inner)}"
        elif base and {*at} <= INDICES:
            stem = base.removeprefix("d") if change else base
            delta = stem == "delta" and stem not in self.own
            entry = rf"\delta_{{{at}}}" if delta else self.entry(stem, subscript(at))
            self.written[name] = rf"\mathrm{{d}}{entry}" if change else entry
        else:
            return self._shape(name[1:], shapes) if change else shapes(name)
        return ()
