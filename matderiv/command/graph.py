"""The verb `graph`: the computational graph of an expression, with numbers and pictures."""

from __future__ import annotations

from math import isfinite
from typing import Any

from matderiv.command import answer
from matderiv.command.derive import json_text
from matderiv.command.failures import FINE, SCHEMA, TimeLimitError, UsageError
from matderiv.command.interrupts import TimeUp, limited
from matderiv.command.options import Request
from matderiv.command.question import declared, encoded
from matderiv.command.streams import (
    Terminal,
    file_text,
    refuse_to_overwrite,
    standard_input,
    write_file,
)
from matderiv.errors import UnknownName
from matderiv.graphs import Graph, graph
from matderiv.input.values import checked_values, values_from_file, values_in
from matderiv.output.graph_text import steps_text
from matderiv.shapes import is_scalar

PICTURES = ("svg", "dot", "mermaid", "tikz")
_EXAMPLE = """matderiv graph "(x+y)*z" --at x=-2,y=5,z=-4"""


def run(request: Request, terminal: Terminal, reading_done: list[bool]) -> int:
    """Answer `graph`; the exit code. Raises MatderivError for bad input."""
    files = _files(request)
    try:
        with limited(request.timeout):
            return _answer(request, terminal, files, reading_done)
    except TimeUp as error:
        raise TimeLimitError(
            f"no graph within {request.timeout:g} s", hint="--timeout 0 for no limit"
        ) from error


def _answer(
    request: Request, terminal: Terminal, files: dict[str, str], reading_done: list[bool]
) -> int:
    found, values = _understood(request)
    upstream = _upstream(request)
    reading_done.append(True)
    if not request.json and found.reading is not None:
        for label, said in answer.reading_remarks(found.reading):
            if label != "Read as":
                terminal.remark(label, said)
    collapse = True if request.collapse else None
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
        printed = [json_text(document(found, values, upstream))]
    elif not printed:
        printed.append(found.text(values, upstream, collapse=collapse))
        printed += ["", found.explain(values, upstream)] if request.explain else []
        printed += ["", steps_text(found.steps(values, upstream))] if request.step else []
    terminal.result("\n".join(printed))
    if not request.json:
        for note in _notes(found, values, upstream):
            terminal.remark("Note", note)
    return FINE


def _notes(found: Graph, values: dict[str, Any] | None, upstream: Any) -> tuple[str, ...]:
    """What is to be known about the numbers."""
    root = found.circuit.root
    if values is None:
        return ()
    notes = found.backward(values, upstream).notes
    if upstream is None and not is_scalar(root.shape):
        said = (
            f"{root.name} is no scalar: G is all ones, the gradients are those of sum({root.name})"
        )
        notes = (said, *notes)
    return notes


def _files(request: Request) -> dict[str, str]:
    """Where the pictures go; UsageError before any work where they cannot go there."""
    files = {kind: request.values[kind] for kind in PICTURES if request.values[kind]}
    if sum(name == "-" for name in files.values()) + request.json > 1:
        raise UsageError("only one thing goes to standard output", hint="name the other files")
    named = [name for name in files.values() if name != "-"]
    twice = next((n for n in named if named.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is to hold two pictures", hint="one file for each")
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
    found = graph(
        f,
        shapes=declared(request.shape, "--shape", "X: n,d"),
        assume=declared(request.assume, "--assume", "A: symmetric"),
        wrt=request.wrt,
        values=values,
        fold=request.fold,
        expand=request.expand,
    )
    _refuse_unknown(found, typed)
    return found, values


def _refuse_unknown(found: Graph, typed: dict[str, Any]) -> None:
    """A name in --at that the expression does not have is a slip."""
    reading = found.reading
    if reading is None:
        return
    odd = [n for n in typed if n not in reading.variables and n not in reading.sizes]
    if odd:
        raise UnknownName(
            f"there is no {odd[0]} in the expression",
            hint=f"values for {', '.join(list(reading.variables)[:8])}",
        )


def _upstream(request: Request) -> Any:
    if request.upstream is None:
        return None
    return checked_values(values_in(f"upstream={request.upstream}"))["upstream"]


def document(found: Graph, values: dict[str, Any] | None, upstream: Any) -> dict[str, Any]:
    """The graph as a JSON document; numbers where there are values."""
    numbers = found.backward(values, upstream) if values is not None else None
    nodes = []
    for n in found.nodes:
        entry: dict[str, Any] = {
            "name": n.name,
            "role": n.role,
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
        edge: dict[str, Any] = {
            "source": e.source,
            "target": e.target,
            "local": e.local,
            "share": e.share or None,
        }
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
