"""The verb `explain`: what a rule says, why it is true, an example that is derived, its source."""

import json
from typing import Any

from matderiv.command.failures import FINE, SCHEMA, UsageError
from matderiv.command.options import Request
from matderiv.command.rules import listed, nearest, rule_document, rule_text, symbol
from matderiv.command.streams import Terminal
from matderiv.doors.derive import Derivation, derive
from matderiv.functions.record import Function
from matderiv.output.documents.sentences import plain_words
from matderiv.output.documents.text import equation
from matderiv.views.reasons import STEP_NAMES
from matderiv.views.rules.catalogue import BY_NAME, RULES, proof_of
from matderiv.views.rules.rule import Rule, rules_of


def run(request: Request, terminal: Terminal, reading_done: list[bool]) -> int:
    """Answer `explain`; the exit code. UsageError for a name that no rule and no function has."""
    if len(request.operands) != 1:
        raise UsageError("explain takes one rule or function", hint='matderiv explain "affine map"')
    found = [_document(what) for what in explained(request.operands[0])]
    if request.json:
        terminal.result(json.dumps({"schema": SCHEMA, "rules": found}, indent=2))
    else:
        terminal.result("\n".join(map(_text, found)))
    return FINE


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
    if not lower:
        raise UsageError("explain takes one rule or function", hint='matderiv explain "affine map"')
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


# Documents ----------------------------------------------------------------------------------------


def _document(what: Rule | Function) -> dict[str, Any]:
    if isinstance(what, Function):
        return {**rule_document(what), "proof": list(proof_of(what))}
    d = example(what)
    return {
        "name": what.name,
        "aliases": list(what.aliases),
        "says": what.says,
        "proof": list(what.proof),
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
            left, right = equation(step, document, step is document.answer)
            found.append(f"{left} = {right}".strip())
    return found


def _text(found: dict[str, Any]) -> str:
    """A rule as a person reads it."""
    if "differentials" in found:
        first, _, rest = rule_text(found).partition("\n  example")
        return f"{first}\n{_rows('proof', found['proof'])}\n  example{rest}".replace("\n\n", "\n")
    shown = found["example"]
    lines = [
        found["name"],
        f"  {found['says']}",
        _rows("proof", found["proof"]),
        _rows("example", [f"{shown['expression']} by {shown['wrt']}", *shown["steps"][:3]]),
        _rows("result", [shown["result"]]),
        _rows("also", [", ".join(found["aliases"])] if found["aliases"] else []),
        _rows("source", [found["source"]]),
    ]
    return plain_words("\n".join(line for line in lines if line))


def _rows(label: str, lines: list[str]) -> str:
    """Lines beside one label."""
    return "\n".join(f"  {label if not k else '':<8} {said}" for k, said in enumerate(lines))
