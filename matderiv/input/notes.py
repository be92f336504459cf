"""What was guessed while reading, said in short sentences."""

import re

from matderiv.language.calls import Application
from matderiv.language.domain import literal
from matderiv.language.shaping import Shaping
from matderiv.language.source import Node
from matderiv.shapes import long_axes

_KINDS = ("a scalar", "a vector", "a matrix", "an array")
_MANY = 20


def notes(shaping: Shaping) -> tuple[str, ...]:
    """The sentences: odd spellings, guessed kinds, broadcasts."""
    found = [*shaping.source.remarks, *shaping.same_sizes]
    found.extend(guess(name, shaping) for name in list(shaping.guessed)[:_MANY])
    if len(shaping.guessed) > _MANY:
        found.append(f"and {len(shaping.guessed) - _MANY} more names by the letter rule")
    for _, nodes in shaping.sections:
        for node in nodes:
            application = shaping.applications.get(node)
            if application is not None and len(application.operands) > 1:
                found += column_and_row(node, application, shaping)
                found += axis_or_number(node, application, shaping)
    return tuple(dict.fromkeys(found))


def guess(name: str, shaping: Shaping) -> str:
    """How an undeclared name was taken."""
    shape = shaping.variables[name]
    said = f"taking {name} as {_KINDS[min(len(shape), 3)]}"
    if len(shape) == 1:
        said += f" of size {shaping.shown(shape)}"
    elif shape:
        said += f" {shaping.shown(shape)}"
    power = re.fullmatch(r"([A-Za-z]+)([23])", name)
    if power and f"{power[1]}1" not in shaping.variables:
        said += f" (one name; {power[1]}^{power[2]} is a power)"
    return said


def column_and_row(node: Node, application: Application, shaping: Shaping) -> list[str]:
    """A column and a row that together became a matrix; rarely meant."""
    if application.function.kind not in ("sum", "elementwise"):
        if application.function.name != "hadamard":
            return []
    whole = shaping.sizes.shape(shaping.shapes[node])
    shapes = [shaping.sizes.shape(shaping.shapes[o]) for o in application.operands]
    if len(long_axes(whole)) != 2 or any(len(long_axes(s)) == 2 for s in shapes):
        return []
    typed = shaping.source.typed(node.span)
    typed = typed if len(typed) <= 40 else "a column with a row"
    return [f"{typed} combines a column and a row: the result is {shaping.shown(whole)}"]


def axis_or_number(node: Node, application: Application, shaping: Shaping) -> list[str]:
    """max(X,2) compares with 2; the axis of a maximum is written axis=2."""
    label = application.function.label
    if application.function.name not in ("maximum", "minimum"):
        return []
    value = literal(application.operands[1])
    if value not in (1, 2) or len(shaping.shapes[application.operands[0]]) != 2:
        return []
    return [f"{label}(..., {value}) compares with {value}; along an axis: {label}(X, axis={value})"]
