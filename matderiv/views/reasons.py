"""The catalogue of rules; the rule behind a piece, and one sentence why it holds for this piece.

A step names a rule of calculus or of writing, which stand in `catalogue.txt`, or a function, whose
record in `functions/` says the rest; each with two lines that say why it is true.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path

from matderiv.arguments import pairs
from matderiv.expr import Expr, contains, is_, number_value, variable, variables, walk
from matderiv.functions.record import Function
from matderiv.language.printer import part_of, text
from matderiv.language.sentences import marked
from matderiv.language.tokens import tokenize
from matderiv.shapes import Dim, is_scalar
from matderiv.views.document import Step
from matderiv.views.intermediates import Intermediate

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


RULES = rules(Path(__file__).with_name("catalogue.txt").read_text(encoding="utf-8"))
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


def rule_name(piece: Intermediate, by: Expr | None = None) -> str:
    """The rule that differentiates the piece, by one of its inputs, in the words of a course.

    >>> z = variable("z", (3,))
    >>> e = apply("relu", z)
    >>> rule_name(Intermediate(variable("h", (3,)), e, e, e))
    'relu'
    """
    if _beside(piece, by):
        return "sum"
    if piece.parts:
        own = [p for p in piece.parts if not is_(p.main, "add")] or list(piece.parts)
        return " + ".join(dict.fromkeys(map(rule_name, own)))
    main = piece.main
    if part_of(main) is not None:
        return "part"
    if is_(main, "mul", "hadamard"):
        if sum(1 for a in main.args if not is_scalar(a.shape)) < 2 and is_scalar(main.shape):
            return "product"
        if is_(main, "mul") and len(_changing(main, piece)) == 1:
            beside = set(walk(piece.definition)) - set(walk(main))
            return "affine map" if any(is_(n, "add") for n in beside) else "linear map"
    if is_(main, "power") and is_(main.args[0], "norm2") and number_value(main.args[1]) == 2:
        return "squared norm"
    return STEP_NAMES.get(main.function.name, main.function.label)


def _beside(piece: Intermediate, by: Expr | None) -> bool:
    """True for an input that is only added: b in W*x + b."""
    return by in piece.inputs and not piece.parts and by not in variables(piece.main)


def _changing(main: Expr, piece: Intermediate) -> list[Expr]:
    """The arguments of the operation that are names of the derivation or the variable."""
    return [a for a in main.args if any(n in piece.inputs for n in variables(a))]


def code(written: str) -> str:
    """A name or a formula inside a sentence, marked so that a printer can show it as such."""
    return f"`{written}`"


def why(piece: Intermediate, by: Expr | None = None) -> str:
    """Why the rule gives what it gives for this piece: a sentence for each operation in it."""
    if _beside(piece, by):
        return f"{code(by.name)} is only added: it changes the sum as itself." if by else ""
    if piece.parts:
        return " ".join(dict.fromkeys(map(why, piece.parts)))
    main = piece.main
    name = code(piece.variable.name)
    *others, last = (code(v.name) for v in piece.inputs)
    moving = f"{', '.join(others)} and {last}" if others else last
    if is_(main, "variable"):
        return f"{name} is {code(text(piece.definition))} itself."
    if rule_name(piece) == "part":
        return f"{name} is a part of {moving}, so its change is that part of the change."
    if rule_name(piece) in ("linear map", "affine map"):
        constant = "; the rest does not depend on it" if rule_name(piece) == "affine map" else ""
        return f"{name} is linear in {moving}, so the factors beside {moving} stay{constant}."
    if is_(main, "mul", "hadamard"):
        return _product_reason(main, piece, moving)
    if rule_name(piece) == "squared norm":
        inside = code(f"u = {text(main.args[0].args[0])}")
        return f"`d(norm2(u)^2) = 2*u'*du`: it is the sum of the squares of the entries, {inside}."
    if is_(main, "add"):
        return "A sum changes by the sum of the changes of its terms."
    if main.function.kind == "elementwise" and main.shape and main.function.call != "operator":
        return (
            f"{main.function.label} acts on each entry by itself, so the Jacobian is diagonal. "
            f"{says(main.function)}{_unfolded(main)}"
        )
    return says(main.function) + _unfolded(main)


def says(function: Function) -> str:
    """What a record says; of a shorthand that says nothing, what it is short for.

    >>> says(REGISTRY["sec"])
    '`sec(x) = 1./cos(x)`.'
    """
    if function.says or function.expand is None:
        return function.says
    args = [variable(name, (Dim(("n",)),)) for name in signature(function.expand).parameters]
    call = f"{function.label}({', '.join(a.name for a in args)})"
    return f"{code(f'{call} = {text(function.expand(*args))}')}."


def _unfolded(main: Expr) -> str:
    """The proof of the rule of one function in the letters of this place, where it has its own.

    >>> print(_unfolded(apply("sigmoid", variable("z", (3,)))).split(":")[0])
     With `c = 1/(1 + exp(-z))`
    """
    inside, rule = main.args[0], BY_NAME.get(STEP_NAMES.get(main.function.name, ""))
    proof = main.function.proof or (rule.proof if rule is not None and len(main.args) == 1 else ())
    if not proof or not is_(inside, "variable") or not inside.name.isidentifier():
        return ""
    return " " + marked(" ".join(proof), str, lambda said: code(_called(inside.name, said)))


def _called(name: str, formula: str) -> str:
    """A formula of x or X with another name in its place, in its changes and entries too.

    >>> _called("z1", "exp(x_i)*dx_i + X")
    'exp(z1_i)*dz1_i + z1'
    """
    out, end = "", 0
    for token in tokenize(formula):
        base, below, at = token.text.partition("_")
        if token.kind == "name" and base in ("x", "X", "dx", "dX"):
            out += f"{formula[end : token.span[0]]}{base[:-1]}{name}{below}{at}"
            end = token.span[1]
    return out + formula[end:]


def _product_reason(main: Expr, piece: Intermediate, moving: str) -> str:
    if is_(main, "hadamard") and len(_changing(main, piece)) == 1:
        return (
            f"Each entry of {moving} is multiplied by its own fixed factor, so the Jacobian is "
            "diagonal."
        )
    if len(piece.inputs) == 1:
        return f"{says(main.function)} {moving} stands in several factors; each changes in turn."
    return f"{says(main.function)} {moving} change in turn."


def identified(f: str, x: Expr, taken: Collection[str], *, several: bool) -> str:
    """Why the derivative by x can be read off df; `several` for an f of several entries.

    >>> identified("f", variable("x", (3,)), (), several=False)
    "If `df = u'*dx` for every `dx`, then `u` is the gradient."
    """
    letters = "JMNRS" if several else "GMNRS" if len(x.shape) == 2 else "uvrst"
    g = next((c for c in letters if c not in taken), letters[0])
    if is_scalar(x.shape):
        return f"`d{f}` is linear in `d{x.name}`; its factor is the derivative."
    if several:
        return f"If `d{f} = {g}*d{x.name}` for every `d{x.name}`, then `{g}` is the derivative."
    pair = f"{g}'*d{x.name}"
    pair = f"tr({pair}) = sum({g}.*d{x.name})" if len(x.shape) == 2 else pair
    return f"If `d{f} = {pair}` for every `d{x.name}`, then `{g}` is the gradient."


REARRANGED = ("cyclic trace", "inner product", "distribute", "collect", "rearrange")


def rearranging(e: Expr, before: Expr | None) -> str:
    """The rule of a line that only moves the change to the end."""
    if contains(e, "tr"):
        return "cyclic trace"
    terms = [len(a.args) if a is not None and is_(a, "add") else 1 for a in (before, e)]
    if terms[0] < terms[1]:
        return "distribute"
    if not any(n.shape for n in walk(e)):
        return "collect"
    return "inner product" if is_scalar(e.shape) else "rearrange"


def reasoned(step: Step) -> Step:
    """The step; one that says no reason of its own has that of its rule."""
    rule = BY_NAME.get(step.rule)
    if step.why or rule is None:
        return step
    book = "" if rule.source.startswith("by ") else rule.source
    return replace(step, why=rule.says, source=step.source or book)
