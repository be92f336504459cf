"""A rule that a step names: what it says, why it is true, an example to derive, its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

MAGNUS, PETERSEN = "Magnus & Neudecker", "Petersen & Pedersen 2012"
PARR, LAUE = "Parr & Howard 2018", "Laue, Mitterreiter & Giesen, NeurIPS 2018"
CHAIN = "chain rule: "  # before the names of the rules it is applied with


@dataclass(frozen=True)
class Example:
    """An expression to derive, in the text language, and the view in which the rule is used."""

    f: str
    wrt: str
    shapes: Mapping[str, str] = field(default_factory=dict)
    view: str = "chain"
    assume: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """A rule of calculus: its statement, two lines of proof, an example, a source.

    `identities` are equations of the text language that hold for all values of the names in them.
    """

    name: str
    says: str
    proof: tuple[str, str]
    example: Example
    source: str
    identities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def rules_of(written: str) -> list[str]:
    """The rules that the name of a step puts together.

    >>> rules_of("chain rule: relu + affine map"), rules_of("")
    (['chain rule', 'relu', 'affine map'], [])
    """
    found = [CHAIN.removesuffix(": ")] if written.startswith(CHAIN) else []
    return [*found, *written.removeprefix(CHAIN).split(" + ")] if written else []
