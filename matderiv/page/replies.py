"""What the page is told: every request is an object, every reply one that JSON can carry."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from matderiv.arguments import require_text, require_word
from matderiv.circuit.drawing import drawing
from matderiv.command.answer import check_sentence, layout_sentence, or_none, report_lines
from matderiv.doors.derivation import VIEWS
from matderiv.doors.derive import Derivation, derive
from matderiv.doors.graph import graph
from matderiv.doors.sheet import Part, Sheet
from matderiv.errors import MatderivError, visible
from matderiv.expr import Expr, is_, variables
from matderiv.input.asking import read_question
from matderiv.input.guesses import KINDS, guesses
from matderiv.input.resolve import Reading
from matderiv.input.spelling import Spelled
from matderiv.language.declare import FACTS
from matderiv.output.documents.html import document_body, equation_html, mathml
from matderiv.output.documents.notebooks import Steps, by_entries, steps_of_several
from matderiv.output.documents.text import hint
from matderiv.output.graphs.svg import graph_svg
from matderiv.output.latex.formula import formula
from matderiv.output.latex.names import LatexNames
from matderiv.page.faults import fault
from matderiv.page.verdicts import class_judged, judged, sheet_judged
from matderiv.shapes import shape_text

Request = Mapping[str, Any]
Reply = dict[str, Any]
MOST_COPIED = 5_000  # symbols that SymPy, which is slow there, spells
UNSPELLED = f"no form for SymPy, which takes long where there are over {MOST_COPIED:,} symbols"
MOST_DOUBTS = 6  # names that are tried with another kind
USUAL = ("x", "w", "theta", "X", "W", "beta", "z", "A")  # what is differentiated by, if nobody says


def reply(request: Request) -> Reply:
    """The reply to a request; what was wrong with it is under "error".

    >>> found = reply({"ask": "derive", "f": "x'*A*x", "by": "x"})
    >>> found["results"][0]["text"], found["names"][0]["kind"]
    ("(A + A')*x", 'vector')
    """
    verb = _VERBS.get(str(request.get("ask")))
    if verb is None:
        return failure("request", "the page asked something that there is not")
    try:
        return verb(request)
    except MatderivError as error:
        return {"error": fault(error, request)}
    except (MemoryError, RecursionError):
        return failure("limit", "there is not enough memory for this")


def failure(code: str, message: str) -> Reply:
    """A reply that says only what went wrong."""
    return {"error": {"code": code, "message": message, "field": "", "tries": []}}


# What is asked ------------------------------------------------------------------------------------


def _text(request: Request, name: str) -> str:
    return require_text(request.get(name, ""), name)


def _mapping(request: Request, name: str) -> dict[str, str]:
    found = request.get(name) or {}
    if not isinstance(found, Mapping):
        raise MatderivError(f"{name} has names and what is said of them")
    return {str(k): str(v) for k, v in found.items()}


def _declared(request: Request) -> dict[str, Any]:
    """Sizes and facts; a name of which only the kind was chosen gets sizes that fit."""
    found: dict[str, Any] = {
        "shapes": _mapping(request, "shapes"),
        "assume": _mapping(request, "assume"),
    }
    chosen = {n: k for n, k in _mapping(request, "kinds").items() if n not in found["shapes"]}
    if chosen:
        axes = {n: KINDS.index(k) for n, k in chosen.items() if k in KINDS}
        names = read_question(_expression(request), kinds=axes, **found).variables
        found["shapes"] |= {n: ",".join(map(str, names[n].shape)) for n in axes if n in names}
    return found


def _expression(request: Request) -> str:
    text, spelling = _text(request, "f"), _text(request, "spelling")
    return Spelled(text, spelling) if spelling else text


def _conventions(request: Request) -> dict[str, Any]:
    """Kind, order and layout where they are not as usual."""
    found: dict[str, Any] = {n: _text(request, n) for n in ("kind", "layout", "structure")}
    order = request.get("order") or 1
    said: dict[str, Any] = {n: v for n, v in found.items() if v}
    return said | {"order": int(order) if str(order) in "1234" else order}


def _style(request: Request) -> dict[str, str]:
    return {n: v for n in ("vectors", "transpose", "gradient") if (v := _text(request, n))}


def _derivations(request: Request) -> list[Derivation]:
    by = _text(request, "by") or usual(read_question(_expression(request), **_declared(request)))
    how = _conventions(request) | _declared(request)
    found = derive(_expression(request), by, **how)
    return found if isinstance(found, list) else [found]


def usual(reading: Reading) -> str:
    """The variable that is probably meant.

    >>> usual(read_question("norm2(A*w - b)^2"))
    'w'
    """
    names = reading.variables
    return next((n for n in USUAL if n in names), next(iter(names), ""))


# Answers ------------------------------------------------------------------------------------------


def derived(request: Request) -> Reply:
    """How the input was read, the names in it, and the derivatives."""
    declared, typed = (
        _declared(request),
        {**_mapping(request, "shapes"), **_mapping(request, "kinds")},
    )
    reading = read_question(_expression(request), **declared, about=_names(request), wirtinger=True)
    names = LatexNames(roots=[reading.expr])
    by = _text(request, "by") or usual(reading)
    told: Reply = {
        "read": mathml(formula(reading.expr, names), display=True),
        "read_as": reading.read_as,
        "spelling": reading.spelling,
        "names": _table(reading, typed),
        "facts": list(FACTS),
        "by": visible(by),
        "results": [],
    }
    if not by:
        return told
    try:
        found = _derivations({**request, "by": by})
    except MatderivError as error:
        return told | {"error": fault(error, request)}
    reading = found[0].reading or reading
    told["names"] = _table(reading, typed)
    return told | {"results": [_result(d, request) for d in found]}


def doubted(request: Request) -> Reply:
    """Names that were guessed to be numbers, and would give another derivative as vectors.

    Small letters stand for both; where both make sense beside all others, a person has to say.
    """
    declared = {**_mapping(request, "shapes"), **_mapping(request, "kinds")}
    found = _derivations(request)
    names = {v.name: v for v in variables(*(d.f for d in found))}
    asked = [g.name for g in found[0].guesses if g.name in names and g.name not in declared]
    doubts = []
    for name in [n for n in asked if not names[n].shape][:MOST_DOUBTS]:
        kinds = {n: _kind(v) for n, v in names.items() if n not in declared} | {name: "vector"}
        with suppress(MatderivError):
            told = _derivations({**request, "kinds": _mapping(request, "kinds") | kinds})
            if [d.formula for d in told] != [d.formula for d in found]:
                doubts.append({"name": name, "kind": "vector", "text": told[0].formula})
    return {"doubts": doubts}


def _names(request: Request) -> tuple[str, ...]:
    return tuple(n for n in _text(request, "by").replace(",", " ").split() if n.isidentifier())


def _table(reading: Reading, typed: Mapping[str, str]) -> list[Reply]:
    """Every name with its kind, sizes and facts, and why it was taken so."""
    why = {g.name: g.why for g in guesses(reading)}
    return [
        {
            "name": name,
            "kind": _kind(v),
            "sizes": ", ".join(map(str, v.shape)),
            "facts": sorted(v.params[2]),
            "guessed": why.get(name, ""),
            "declared": name in typed,
        }
        for name, v in reading.variables.items()
        if is_(v, "variable")
    ]


def _kind(v: Expr) -> str:
    row = len(v.shape) == 2 and v.shape[0] == 1
    return "row" if row else KINDS[min(len(v.shape), 3)]


def _entries(d: Derivation, request: Request) -> str:
    """The derivative entry by entry, where it is shown as a matrix."""
    shown = d.has_matrix_form and d.wrt.shape
    return equation_html(by_entries(d, _style(request))) if shown else ""


def _result(d: Derivation, request: Request) -> Reply:
    equation = d.equation(**_style(request))
    known = set(d.reading.notes if d.reading else ())
    short = d.displayed.weight <= MOST_COPIED
    return {
        "by": d.wrt.name,
        "html": equation_html(equation),
        "text": d.formula,
        "index": or_none(lambda: _entries(d, request)) or "",
        "sum": mathml(form.latex(), display=True) if (form := d.sum_form) else "",
        "latex": d.latex(),
        "equation": equation,
        "mathml": mathml(equation, display=True),
        "sympy": (short and or_none(lambda: str(d.result or ""))) or "",
        "layout": layout_sentence(d),
        "shape": shape_text(d.shape) if d.shape else "a number",
        "notes": [n for n in d.notes if n not in known] + [UNSPELLED] * (not short),
        "facts": or_none(lambda: ", ".join(d.facts_used)) or "",
        "doubt": d.doubt,
        "checked": check_sentence(d.checked) if d.checked else "",
        "numbers": report_lines(d.checked) if d.checked else [],
    }


def steps(request: Request) -> Reply:
    """The derivation in a view, as HTML; several variables share their passes where they can."""
    told = _documents(request)
    detail, style = _text(request, "detail") or "normal", _style(request)
    bodies = (
        document_body(one, detail, inside=f"part-{k}-" if len(told) > 1 else "", **style)
        for k, one in enumerate(told)
    )
    return {"html": "\n".join(line for body in bodies for line in body)}


def hinted(request: Request) -> Reply:
    """The next step: what it is about and which rule it takes, never its result."""
    told, number = _documents(request), request.get("number")
    number = number if isinstance(number, int) else 1
    while len(told) > 1 and number > len(told[0]):
        number -= len(told.pop(0))
    found = hint(told[0], number)
    return {"title": found.title, "rows": [list(r) for r in found.rows], "of": len(told[0])}


def _documents(request: Request) -> list[Steps]:
    view = require_word(_text(request, "view") or "chain", "view", VIEWS)
    return steps_of_several(_derivations(request), view)


def code(request: Request) -> Reply:
    """The derivative by the variable that the page shows, as a program."""
    found, place = _derivations(request), request.get("which")
    shown = found[place if isinstance(place, int) and 0 <= place < len(found) else 0]
    return {"code": shown.code(_text(request, "target") or "numpy")}


def drawn(request: Request) -> Reply:
    """The computational graph with formulas, or with numbers, and its backward pass in words."""
    values = request.get("values") or None
    if values is not None and not isinstance(values, Mapping):
        raise MatderivError("values are names and numbers")
    wrt = _text(request, "by") or None
    found = graph(_expression(request), **_declared(request), wrt=wrt, values=values)
    passed = list(found.steps())
    return {
        "svg": graph_svg(drawing(found.picture()), styled=False),
        "file": found.svg(),
        "tikz": found.tikz(standalone=True),
        "table": found.text(),
        "steps": [{"node": s.node, "to": [x.to for x in s.shares], "says": str(s)} for s in passed],
        "inputs": [
            {"name": v.name, "sizes": [str(s) for s in v.shape]}
            for v in variables(found.circuit.root.expr)
        ],
    }


def sheet(request: Request) -> Reply:
    """Collected questions as one file: HTML, LaTeX, Markdown or text."""
    asked = request.get("parts")
    if not isinstance(asked, list) or not all(isinstance(p, Mapping) for p in asked):
        raise MatderivError("a sheet is a list of questions")
    parts = []
    for number, question in enumerate(asked, 1):
        view = _text(question, "view") or None
        heading = _text(question, "heading") or f"Exercise {number}"
        parts.append(Part(heading, _derivations(question), view))
    made = Sheet(_text(request, "title") or "Derivatives", parts)
    form = _text(request, "format") or "html"
    writers = {"html": made.html, "latex": made.latex, "markdown": made.markdown, "text": made.text}
    return {"file": writers[require_word(form, "format of a sheet", writers)]()}


_VERBS: dict[str, Callable[[Request], Reply]] = {
    "derive": derived,
    "doubts": doubted,
    "steps": steps,
    "hint": hinted,
    "code": code,
    "graph": drawn,
    "sheet": sheet,
    "verify": judged,
    "class": class_judged,
    "turned": sheet_judged,
}
