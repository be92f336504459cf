"""The verb `graph`: the computational graph of an expression, with numbers and pictures."""

from math import isfinite
from typing import Any

from matderiv.arguments import fields_of
from matderiv.command import answer
from matderiv.command.derive import json_text
from matderiv.command.failures import FINE, SCHEMA, UsageError, within
from matderiv.command.options import Request
from matderiv.command.question import declared, encoded
from matderiv.command.streams import (
    PICTURES,
    Terminal,
    file_text,
    format_of,
    refuse_to_overwrite,
    standard_input,
    write_file,
)
from matderiv.doors.graph import Graph, graph
from matderiv.errors import ParseError, ShapeError, UnknownName
from matderiv.input.values import checked_values, names_in, values_from_file, values_in
from matderiv.shapes import is_scalar

KINDS = ("svg", "dot", "mermaid", "tikz")
_EXAMPLE = """matderiv graph "(x+y)*z" --at x=-2,y=5,z=-4"""
_AT = "--at x=-2,y=5"


def run(request: Request, terminal: Terminal) -> int:
    """Answer `graph`; the exit code. Raises MatderivError for bad input."""
    files = _files(request)
    with within(request.timeout, "graph"):
        return _answer(request, terminal, files)


def _answer(request: Request, terminal: Terminal, files: dict[str, str]) -> int:
    found, values = _understood(request)
    upstream = _upstream(request)
    if upstream is not None and values is None:
        raise UsageError("--upstream needs numbers for the names", hint=_AT)
    terminal.reading = False
    if not request.json and found.reading is not None:
        told = answer.reading_remarks(found.reading)
        terminal.remarks(remark for remark in told if remark[0] != "Read as")
    collapse = True if request.collapse else False if request.no_collapse else None
    printed = []
    for kind, name in files.items():
        more = {"standalone": True} if kind == "tikz" else {}
        drawn = getattr(found, kind)(values, upstream, collapse=collapse, **more)
        if name == "-":
            printed.append(drawn)
            continue
        write_file(name, drawn, force=request.force)
        if not request.json:
            terminal.remark("Written", name)
    if request.json:
        shown = found if upstream is None else found.with_upstream
        printed = [json_text(document(shown, values, upstream))]
    elif not printed:
        printed.append(found.text(values, upstream, collapse=collapse))
        printed += ["", found.explain(values, upstream)] if request.explain else []
        printed += ["", *map(str, found.steps(values, upstream))] if request.step else []
    terminal.result("\n".join(printed))
    if not request.json and values is not None:
        _tell_about_numbers(found, values, upstream, terminal)
    return FINE


def _tell_about_numbers(
    found: Graph, values: dict[str, Any], upstream: Any, terminal: Terminal
) -> None:
    """What is to be known about the numbers; that there are none is said even with --quiet."""
    root = found.circuit.root
    if upstream is None and not is_scalar(root.shape):
        told = f"G is all ones, the gradients are those of sum({root.name})"
        terminal.remark("Note", f"{root.name} is no scalar: {told}")
    unused = _without_a_place(found, values)
    if unused:
        terminal.remark("Note", f"not in the expression: {', '.join(unused[:8])}")
    numbers = found.backward(values, upstream)
    for note in numbers.notes:
        if note in numbers.gaps and terminal.quiet:
            terminal.complain(note)
        else:
            terminal.remark("Note", note)


def _files(request: Request) -> dict[str, str]:
    """Where the pictures go; UsageError before any work where they cannot go there."""
    if request.collapse and request.no_collapse:
        raise UsageError("--collapse and --no-collapse exclude each other", hint="--collapse")
    files = {kind: request.values[kind] for kind in KINDS if request.values[kind]}
    if sum(name == "-" for name in files.values()) + request.json > 1:
        raise UsageError("only one thing goes to standard output", hint="name the other files")
    named = [name for name in files.values() if name != "-"]
    twice = next((n for n in named if named.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is to hold two pictures", hint="one file for each")
    for kind, name in files.items():
        format_of(name, kind, PICTURES)
    for name in named:
        refuse_to_overwrite(name, force=request.force)
    return files


def _understood(request: Request) -> tuple[Graph, dict[str, Any] | None]:
    """The graph, and the numbers for it; None where none are given."""
    given = list(request.operands)
    if len(given) != (request.file is None):
        what = "is missing" if not given else "alone is wanted"
        raise UsageError(f"the expression {what}", hint=_EXAMPLE)
    f = file_text(request.file) if request.file is not None else given[0]
    f = encoded(standard_input() if f == "-" and request.file is None else f)
    typed: dict[str, Any] = {}
    for line in request.at:
        for name, value in values_in(line).items():
            if name in typed:
                raise UsageError(f"{name} has two values in --at")
            typed[name] = value
    filed: dict[str, Any] = {}
    for name in request.values["values"]:
        filed |= values_from_file(name)
    values = checked_values({**filed, **typed}) or None
    known, how = declared(request), {n: getattr(request, n) for n in ("wrt", "fold", "expand")}
    try:
        found = graph(f, values=values, **known, **how)
    except ShapeError as error:
        free = [n for n in names_in(f, known["shapes"]) if n not in known["shapes"]]
        if values is None and free:
            error.hint = f'--at {free[0]}=2,... with numbers, or --shape "{free[0]}:" for a scalar'
        raise
    _refuse_unknown(found, typed)
    return found, values


def _refuse_unknown(found: Graph, typed: dict[str, Any]) -> None:
    """A name in --at that the expression does not have is a slip."""
    odd = _without_a_place(found, typed)
    if odd and found.reading is not None:
        names = list(found.reading.variables)[:8]
        raise UnknownName(
            f"there is no {odd[0]} in the expression",
            hint=f"values for {', '.join(names)}" if names else "no --at: there are no names",
        )


def _without_a_place(found: Graph, values: dict[str, Any]) -> list[str]:
    """The names among the values that the expression does not have."""
    reading = found.reading
    if reading is None:
        return []
    return [n for n in values if n not in reading.variables and n not in reading.sizes]


def _upstream(request: Request) -> Any:
    typed = request.upstream
    if typed is None:
        return None
    try:
        return checked_values(values_in(f"upstream={typed}"))["upstream"]
    except ParseError as error:
        raise UsageError(
            f"--upstream is a number or a list of numbers, not {typed[:40]}",
            hint="--upstream 2 or --upstream [1,2]",
        ) from error


def document(found: Graph, values: dict[str, Any] | None, upstream: Any) -> dict[str, Any]:
    """The graph as a JSON document; numbers where there are values."""
    numbers = found.backward(values, upstream) if values is not None else None
    nodes = []
    for n in found.nodes:
        entry: dict[str, Any] = {
            **fields_of(n, "name role"),
            "operation": n.operation or None,
            "shape": [str(s) for s in n.shape],
            "formula": n.formula,
            "gradient": n.gradient or None,
            "gradient_name": n.gradient_name or None,
            "no_gradient": n.why or None,
        }
        if numbers is not None and n.role != "constant":
            entry["value"] = _plain(numbers.values[n.name])
            entry["gradient_value"] = _plain(numbers.gradients.get(n.name))
        nodes.append(entry)
    edges = []
    for e in found.edges:
        edge = {**fields_of(e, "source target local"), "share": e.share or None}
        if numbers is not None:
            edge["share_value"] = _plain(numbers.shares.get((e.source, e.target)))
        edges.append(edge)
    return {
        "schema": SCHEMA,
        "graph": found.title,
        "nodes": nodes,
        "edges": edges,
        "notes": [*found.notes, *(numbers.notes if numbers else ())],
    }


def _plain(value: Any) -> Any:
    """An array as nested lists; a number that is not finite is null."""
    if value is None:
        return None
    listed = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(listed, list):
        return [_plain(v) for v in listed]
    return listed if isfinite(listed) else None
