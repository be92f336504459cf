"""The verbs `rules`, `explain` and `examples`: what is known and why, and what to try."""

import json
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Any

import matderiv.functions as functions
from matderiv.command.failures import FINE, SCHEMA, UsageError
from matderiv.command.options import Request
from matderiv.command.streams import Terminal
from matderiv.command.verbs import EXAMPLES
from matderiv.doors.derive import Derivation, derive
from matderiv.errors import MatderivError, NoRule
from matderiv.expr import REGISTRY, variables
from matderiv.functions.record import Function
from matderiv.input.conjugates import FUNCTIONS as OF_COMPLEX_NAMES
from matderiv.input.resolve import read
from matderiv.language.declare import FUNCTION
from matderiv.language.printer import SYMBOLS, text
from matderiv.language.sentences import plain_words
from matderiv.output.documents.text import equation
from matderiv.output.wrapping import in_columns
from matderiv.views.reasons import BY_NAME, RULES, STEP_NAMES, Rule, proof_of, rules_of, says

_DOMAIN_WORDS = {
    "nonzero": "not 0",
    "unit": "between -1 and 1",
    "unit interval": "between 0 and 1",
    "posdef": "positive definite",
}
_SHAPES = {"div": {"t": ""}, "einsum": {"S": "b,i,j", "T": "b,j,k"}, "permute": {"T": "b,n,d"}}
_OPERATORS = SYMBOLS | {"transpose": "'", "neg": "-", "add": "+"}


def run(request: Request, terminal: Terminal) -> int:
    """Answer one of the verbs; the exit code. UsageError for a name that nothing known has."""
    said = {"explain": _explain, "examples": _examples, "rules": _rules}[request.verb]
    what, rows, shown = said(request.operands)
    told = json.dumps({"schema": SCHEMA, what: rows}, indent=2)
    terminal.result(told if request.json else shown)
    return FINE


Said = tuple[str, list[dict[str, Any]], str]
"""What is told, as rows for a program and as a text."""


def _rules(operands: tuple[str, ...]) -> Said:
    """Every rule and function with what it says; one of them in full where it is named."""
    if operands:
        return _explain(operands)
    rows = [(r.name, r.says) for r in RULES] + [(symbol(f), says(f)) for f in listed()]
    rows = [(name, plain_words(said)) for name, said in rows]
    told = "\n".join(in_columns(rows))
    return "rules", [{"name": name, "says": says} for name, says in rows], told


def _examples(operands: tuple[str, ...]) -> Said:
    if operands:
        raise UsageError("examples takes nothing more")
    rows = [{"about": about, "command": f"matderiv {c}"} for about, c in EXAMPLES]
    return "examples", rows, "\n".join(f"# {r['about']}\n{r['command']}" for r in rows)


def listed() -> list[Function]:
    """Every function that can be typed, operators first, then by name."""
    assert functions  # its import filled the registry
    found = [f for f in REGISTRY.values() if not f.leaf and f.call != "internal"]
    return sorted(found, key=lambda f: (f.call != "operator", f.call != "operator" and f.name))


def symbol(function: Function) -> str:
    """How the function is typed: its name or its operator."""
    return _OPERATORS.get(function.name, function.label)


def nearest(typed: str, names: Iterable[str]) -> list[str]:
    """The names most like what was typed, as a whole or in one of their words.

    >>> nearest("afine", ["cosh", "affine map"])
    ['affine map']
    """
    word = typed.strip().lower()

    def likeness(name: str) -> float:
        parts = {name.lower(), *name.lower().split()}
        return max(SequenceMatcher(None, word, part).ratio() for part in parts)

    alike = {name: likeness(name) for name in dict.fromkeys(names)}
    return sorted((n for n in alike if alike[n] >= 0.6), key=lambda n: -alike[n])[:3]


def rule_document(function: Function) -> dict[str, Any]:
    """What a record says, and its differential by each argument of its example.

    >>> rule_document(REGISTRY["inv"])["differentials"]
    {'X': 'd(inv(X)) = -inv(X)*dX*inv(X)'}
    """
    return {
        "name": symbol(function),
        "aliases": list(function.aliases),
        "says": plain_words(says(function)),
        "kind": function.kind,
        "example": function.example,
        "differentials": _differentials(function),
        "domain": sorted({_DOMAIN_WORDS.get(d, d) for d in function.domain if d}),
        "kink": _kink(function),
        "source": function.source,
        "proof": list(map(plain_words, proof_of(function))),
    }


def _differentials(function: Function) -> dict[str, str]:
    """The change of the example for a change of each of its variables."""
    if not function.example or function.call == "like-neighbour":
        return {}
    declared: dict[str, Any] = {"shapes": _SHAPES.get(function.name)}
    if function.call == "abstract":  # the name before the bracket is that of the function
        declared["assume"] = {function.example.partition("(")[0]: FUNCTION}
    if function.name in OF_COMPLEX_NAMES:
        declared["assume"] = {"z": "real"}
    found: dict[str, str] = {}
    for v in variables(read(function.example, **declared).expr):
        try:
            change = derive(function.example, v.name, kind="differential", **declared)
            found[v.name] = f"d({function.example}) = {change}"
        except NoRule:
            found[v.name] = "no derivative is known here"
    return found


def _kink(function: Function) -> str:
    """Where the example is not differentiable, if anywhere."""
    if function.kink is None or not function.example:
        return ""
    try:
        return f"{text(function.kink(*read(function.example).expr.args))} = 0"
    except (MatderivError, TypeError):
        return ""


# Explained ----------------------------------------------------------------------------------------


def _explain(operands: tuple[str, ...]) -> Said:
    """What a rule says, why it is true, an example that is derived, its source."""
    if len(operands) != 1 or not operands[0].strip():
        raise UsageError("explain takes one rule or function", hint='matderiv explain "affine map"')
    found = [_document(what) for what in explained(operands[0])]
    return "rules", found, "\n".join(map(_text, found))


def explained(name: str) -> list[Rule | Function]:
    """What a name stands for, a rule of steps first; hyphens may stand for spaces.

    >>> [r.name for r in explained("product-rule")], [r.name for r in explained("Backprop")]
    (['product'], ['chain rule'])

    Raises UsageError with the nearest names.
    """
    known = _known()
    asked = name.strip()
    lower = " ".join(asked.lower().replace("-", " ").replace("_", " ").split())
    for key in (asked, asked.lower(), lower, lower.removesuffix(" rule"), f"{lower} rule"):
        if key in known:
            return known[key]
    near = nearest(lower, (n for n in known if known[n]))
    hint = " or ".join(
        f'matderiv explain "{n}"' if " " in n else f"matderiv explain {n}" for n in near
    )
    raise UsageError(f"there is no rule {name[:40]}", hint=hint or "matderiv rules")


def _known() -> dict[str, list[Rule | Function]]:
    """Every name with what it stands for; a rule of steps says what its function would."""
    found: dict[str, list[Rule | Function]] = {}
    for f in listed():
        step = STEP_NAMES.get(f.name, f.name)
        names = (symbol(f), *f.aliases, f.name, *(() if step in BY_NAME else (step,)))
        for key in dict.fromkeys(names):
            found.setdefault(key, []).append(f)
    for r in RULES:
        for key in dict.fromkeys((r.name, *r.aliases, *_short(r.name))):
            found[key.replace("-", " ")] = [r, *found.get(key, ())]
    return {key.lower(): what for key, what in found.items()} | found


def _short(name: str) -> list[str]:
    """A name without what stands in brackets: `determinant (Jacobi)` is `determinant` too."""
    return [name.lower(), name.partition(" (")[0].lower()]


def _document(what: Rule | Function) -> dict[str, Any]:
    if isinstance(what, Function):
        return rule_document(what)
    d = example(what)
    return {
        "name": what.name,
        "aliases": list(what.aliases),
        "says": plain_words(what.says),
        "proof": list(map(plain_words, what.proof)),
        "example": {
            "expression": what.example.f,
            "wrt": what.example.wrt,
            "view": what.example.view,
            "steps": example_steps(what, d),
            "result": d.formula,
        },
        "source": what.source,
    }


def example(rule: Rule) -> Derivation:
    """The example of a rule, derived."""
    given = rule.example
    options: dict[str, Any] = dict(given.options)
    found: Derivation = derive(
        given.f, given.wrt, shapes=dict(given.shapes), assume=dict(given.assume), **options
    )
    return found


def example_steps(rule: Rule, d: Derivation) -> list[str]:
    """The lines of the example in which the rule is used, as they stand in its derivation."""
    document = d.steps(rule.example.view)
    found = []
    for step in document.steps:
        if rule.name in rules_of(step.rule):
            left, right = equation(step, document, step in document.answers)
            found.append(f"{left} = {right}".strip())
    return found


def _text(found: dict[str, Any]) -> str:
    """A rule as a person reads it."""
    rows = [("proof", found["proof"])]
    if "differentials" in found:
        rows.append(("example", [found["example"]]))
        rows += [(f"by {x}", [said]) for x, said in found["differentials"].items()]
        domain, kink = found["domain"], found["kink"]
        needs = f"an argument that is {' and '.join(domain)}" if domain else ""
        rows += [("needs", [needs]), ("kink", [f"no derivative where {kink}" if kink else ""])]
    else:
        shown = found["example"]
        steps = [f"{shown['expression']} by {shown['wrt']}", *shown["steps"][:3]]
        rows += [("example", steps), ("result", [shown["result"]])]
    rows += [("also", [", ".join(found["aliases"])]), ("source", [found["source"]])]
    lines = [found["name"], f"  {found['says']}"]
    for label, told in rows:
        lines += [f"  {'' if k else label:<8} {said}" for k, said in enumerate(told) if said]
    return "\n".join(lines)
