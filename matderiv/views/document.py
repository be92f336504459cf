"""A derivation as a value: sections of steps, every step an equation that can be evaluated.

The sides of an equation are expressions, index products, or a derivative `Partial`. Names that the
derivation introduces (intermediates, upstream gradients, changes) are variables; a `NamedValue`
says what each of them stands for, so that every line has a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from matderiv.expr import Expr
from matderiv.shapes import Shape
from matderiv.tensors.tensor import Tensor

if TYPE_CHECKING:
    from matderiv.doors.derivation import Derivation

    Derived = Derivation
else:
    Derived = Any  # a finished derivation, which a view only reads

DECLARED_FACT = "declared fact"
DETAILS = ("brief", "normal", "full")


@dataclass(frozen=True)
class Partial:
    """∂of/∂by for two variables; `local` keeps everything else fixed that `of` depends on.

    `projected` brings it into the space that `by` is declared to live in ("projected" or
    "independent", as `structure.project` does), `turned` transposes it.
    """

    of: Expr
    by: Expr
    local: bool = False
    projected: str = ""
    turned: bool = False


@dataclass(frozen=True)
class About:
    """What a page says beside its formulas.

    The user's names, those whose kinds and sizes were guessed, the layout, remarks, and how the
    result was checked.
    """

    declarations: tuple[Expr, ...]
    guessed: tuple[Expr, ...]
    layout: str
    remarks: tuple[str, ...]
    checked: str


Form = Expr | Tensor
Side = Form | Partial


@dataclass(frozen=True)
class NamedValue:
    """A name of the derivation.

    role "value": `of` is its definition over earlier names and `origin` the same in the user's
    names, or None; "change": the change of `of` when the variable changes by any dX; "derivative":
    what the step naming it says.
    """

    variable: Expr
    role: str
    of: Expr
    origin: Expr | None = None


@dataclass(frozen=True)
class Step:
    """One line: left = right, the name of the rule, why it holds here, and where it is from.

    `names` is the symbol that the line gives to its left side, and stands alone there when the line
    is `short`; a line that `continues` has the left side of the line before it, whose right side
    is `before`. `shape` is shown beside a definition, which `lets` a name stand for a part of f;
    `facts` are declared, and used here.
    """

    left: Side
    right: Form
    rule: str = ""
    why: str = ""
    source: str = ""
    names: Expr | None = None
    continues: bool = False
    before: Side | None = None
    shape: Shape | None = None
    short: bool = False
    facts: tuple[str, ...] = ()
    lets: bool = False

    @property
    def label(self) -> str:
        """The rule, with the facts that were declared in their own words."""
        return self.rule.replace(DECLARED_FACT, " and ".join(self.facts) or DECLARED_FACT)


@dataclass(frozen=True)
class Section:
    """Steps under a heading."""

    title: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Document:
    """A whole derivation by one variable or several; the last steps are the answers.

    `f` is the name of what is differentiated, `shown` its expression, `about` what is to be known
    about it. `names` are the names in use before the derivation introduced its own, and `values`
    what parts of f without a name in this view are called in others.
    """

    view: str
    f: Expr
    shown: Expr
    wrt: Expr
    upstream: Expr | None
    about: About
    symbols: tuple[NamedValue, ...]
    sections: tuple[Section, ...]
    answers: tuple[Step, ...]
    names: frozenset[str] = field(default_factory=frozenset)
    order: int = 1
    others: tuple[Expr, ...] = ()
    values: Mapping[Expr, str] = field(default_factory=dict)

    @property
    def declarations(self) -> tuple[Expr, ...]:
        """The user's names."""
        return self.about.declarations

    @property
    def with_answer(self) -> tuple[Section, ...]:
        """The sections, and the answers as one of their own."""
        title = "Answers" if self.others else "Answer"
        return (*self.sections, Section(title, self.answers))

    @property
    def variables(self) -> tuple[Expr, ...]:
        """The variable, and those that share the derivation with it."""
        return (self.wrt, *self.others)

    @property
    def by(self) -> str:
        """The names of the variables."""
        return ", ".join(x.name for x in self.variables)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in order, the answers last."""
        return tuple(s for section in self.with_answer for s in section.steps)

    @cached_property
    def taken(self) -> frozenset[str]:
        """Every name in use, those that the derivation introduces among them."""
        return self.names.union(s.variable.name for s in self.symbols)

    @cached_property
    def numbers(self) -> dict[int, int]:
        """The number of each step, from 1 through all sections, by its identity."""
        return {id(step): k for k, step in enumerate(self.steps, 1)}
