"""The rules that steps name: what each says, why it is true, an example to derive, its source.

A step names a rule of calculus or of writing, which stand in `catalogue.txt`, or a function, whose
record in `functions/` says the rest; each with two lines that say why it is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matderiv.arguments import pairs
from matderiv.functions.record import Function

STEP_NAMES = {
    **pairs("""
    mul product              div quotient             power power
    variable identity        add sum                  inv inverse
    logdet log-determinant   tr trace                 mean mean
    maximum max              minimum min
"""),
    "hadamard": "entrywise product",
    "ediv": "entrywise quotient",
    "epow": "entrywise power",
    "det": "determinant (Jacobi)",
    "sum": "sum of entries",
    "norm2": "Euclidean norm",
    "kron": "Kronecker product",
}
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


def rules(table: str) -> tuple[Rule, ...]:
    """Rules as they are written: name and aliases, statement, proof, example and the rest.

    >>> (rule,) = rules('''identity; also itself
    ...   d(x) = dx.
    ...   - x + dx - x = dx.
    ...   - So it is.
    ...   Example: X by X | view=index | X: n,n | X is symmetric | kind=vjp
    ...   Source: none''')
    >>> rule.aliases, rule.example.view, rule.example.assume, rule.example.options
    (('itself',), 'index', {'X': 'symmetric'}, {'kind': 'vjp'})
    """
    return tuple(map(_rule, table.strip().split("\n\n")))


def _rule(written: str) -> Rule:
    head, says, *rest = (line.strip() for line in written.splitlines())
    name, _, also = head.partition("; also ")
    first, second, *told = rest
    said = dict(line.split(": ", 1) for line in told)
    asked, *more = said["Example"].split(" | ")
    f, wrt = asked.rsplit(" by ", 1)
    shapes, assume, options = (
        dict(part.split(sign, 1) for part in more if sign in part) for sign in (": ", " is ", "=")
    )
    view = options.pop("view", "chain")
    identities = tuple(filter(None, said.get("Always", "").split(" | ")))
    proof = first.removeprefix("- "), second.removeprefix("- ")
    example = Example(f, wrt, shapes, view, assume, options)
    aliases = tuple(filter(None, also.split(", ")))
    return Rule(name, says, proof, example, said["Source"], identities, aliases)


def rules_of(written: str) -> list[str]:
    """The rules that the name of a step puts together.

    >>> rules_of("chain rule: relu + affine map"), rules_of("")
    (['chain rule', 'relu', 'affine map'], [])
    """
    found = [CHAIN.removesuffix(": ")] if written.startswith(CHAIN) else []
    return [*found, *written.removeprefix(CHAIN).split(" + ")] if written else []


RULES = rules(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8"))
BY_NAME: dict[str, Rule] = {r.name: r for r in RULES}

_OF_KINDS = {
    "elementwise": (
        "Each entry of the value depends on the same entry of the argument alone,",
        "so it changes by its slope times its own change, and the Jacobian is diagonal.",
    ),
    "structural": (
        "It is linear in each argument: put the argument plus its change in, and subtract.",
        "What is left is the same function of the change.",
    ),
    "primitive": (
        "The change follows from the equation that defines the function.",
        "It is linear in dX; what stands beside dX is the derivative.",
    ),
    "sum": BY_NAME["sum"].proof,
    "shorthand": BY_NAME["definition"].proof,
    "constant": BY_NAME["constant"].proof,
}


def proof_of(function: Function) -> tuple[str, ...]:
    """Two lines of proof; none for a function whose derivative is refused.

    >>> proof_of(REGISTRY["inv"]) is BY_NAME["inverse"].proof, proof_of(REGISTRY["sort_map"])
    (True, ())
    """
    rule = BY_NAME.get(STEP_NAMES.get(function.name, ""))
    if rule is not None:
        return rule.proof
    return function.proof or _OF_KINDS.get(function.kind, ())
