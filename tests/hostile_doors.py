"""The public doors: what is asked of each at random, and what it gives to be looked at.

A `Trial` says what is asked as one may type it again; asking gives pairs of a kind and a text.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import hostile_inputs as hostile
import numpy as np
import sympy as sp

import matderiv as md
from matderiv.cli import main as command_line
from matderiv.page.replies import reply

EXITS = (0, 1, 2, 3, 4, 74)


@dataclass(frozen=True)
class Trial:
    """What is asked, as one may type it again, and the asking; it gives (kind, text) pairs."""

    said: str
    ask: Callable[[], Iterator[tuple[str, str]]]


# Doors --------------------------------------------------------------------------------------------


def deriving(r: Random) -> Trial:
    f, wrt = hostile.any_formula(r), r.choice(hostile.NAMES)
    more: dict[str, Any] = {"shapes": hostile.shapes(r), "assume": hostile.assume(r)}
    if r.random() < 0.2:
        more["kind"] = r.choice(["gradient", "jacobian", "hessian", "vjp", "jvp", "differential"])
    if r.random() < 0.1:
        more["layout"] = r.choice(["numerator", "denominator", "mixed"])
    if r.random() < 0.1:
        more["structure"] = r.choice(["independent", "none"])
    if r.random() < 0.07:
        more["order"] = r.choice([2, 2, 3, 4, 0, "2", None])
    if r.random() < 0.03:
        wrt = r.choice([hostile.soup(r), hostile.characters(r), "x, y", "", None, 3])
    shown = r.choices(FORMS, FORM_WEIGHTS)[0]
    number = r.randrange(10**6)

    def ask() -> Iterator[tuple[str, str]]:
        found = md.derive(f, _occurring(f, wrt, number), **more)
        for d in found if isinstance(found, list) else [found]:
            yield "derived", str(d)
            yield "text", repr(d)
            yield from shown[1](d)

    return Trial(f"derive({f!r}, {wrt!r}, **{more!r}) [{shown[0]}]", ask)


def _occurring(f: Any, wrt: Any, number: int) -> Any:
    """Most of the time a variable that the formula has, where it can be read."""
    if number % 8 == 0 or not isinstance(wrt, str):
        return wrt
    names = re.findall(r"[A-Za-z]\w*", f)
    names = [n for n in names if n in hostile.NAMES or len(n) == 1]
    return names[number % len(names)] if names else wrt


FORMS: list[tuple[str, Callable[[md.Derivation], Iterator[tuple[str, str]]]]] = [
    ("text", lambda d: iter([("text", d.index)])),
    ("latex", lambda d: iter([("tex", d.latex()), ("tex", d.equation())])),
    ("page", lambda d: iter([("html", d.html(None))])),
    ("html", lambda d: iter([("html", d.html())])),
    ("steps", lambda d: iter([("text", d.text()), ("tex", d.latex("chain", standalone=True))])),
    ("views", lambda d: iter([("text", d.text("differential")), ("text", d.text("index"))])),
    ("markdown", lambda d: iter([("text", d.markdown())])),
    ("code", lambda d: iter([("code", d.code())])),
    ("notebook", lambda d: iter([("tex", d._repr_mimebundle_()["text/latex"])])),
    ("json", lambda d: iter([("text", json.dumps(d.json(), allow_nan=False))])),
    ("evaluate", lambda d: iter([("text", str(d.evaluate(_some_values(d))))])),
]
FORM_WEIGHTS = [30, 10, 4, 3, 2, 2, 2, 5, 4, 2, 6]


def _some_values(d: md.Derivation) -> dict[str, Any]:
    """Numbers for the names of a derivation, all sizes 2."""
    named = {} if d.reading is None else d.reading.variables
    shapes = {n: [s if isinstance(s, int) else 2 for s in v.shape] for n, v in named.items()}
    return {n: np.broadcast_to(0.5, shape) for n, shape in shapes.items()}


def verifying(r: Random) -> Trial:
    known = r.choice(hostile.ANSWERS)
    f, wrt, answer = known["expr"], known["wrt"], known["answer"]
    if r.random() < 0.2:
        f = hostile.mutated(r, f, hostile.TEXTS)
    if r.random() < 0.7:
        answer = hostile.mutated(r, answer, hostile.TEXTS)
    elif r.random() < 0.7:
        answer = hostile.any_formula(r)
    more: dict[str, Any] = {"shapes": known["shapes"], "assume": known["assume"]}
    if r.random() < 0.1:
        more["kind"] = r.choice(["gradient", "jacobian", "hessian", "vjp", "jvp", "differential"])
    if r.random() < 0.1:
        more["shapes"] = hostile.shapes(r)

    def ask() -> Iterator[tuple[str, str]]:
        found = md.verify(f, wrt, answer, **more)
        yield "text", str(found)
        yield "text", found.hint

    return Trial(f"verify({f!r}, {wrt!r}, {answer!r}, **{more!r})", ask)


def stepping(r: Random) -> Trial:
    content, _ = hostile.document(r)
    text = content.decode("utf-8", "surrogateescape" if r.random() < 0.1 else "replace")
    more = {"shapes": hostile.shapes(r)} if r.random() < 0.1 else {}

    def ask() -> Iterator[tuple[str, str]]:
        found = md.verify_steps(text, **more)
        yield "text", str(found)
        yield "text", found.shown(hint=True)

    return Trial(f"verify_steps({text!r}, **{more!r})", ask)


def graphing(r: Random) -> Trial:
    f = hostile.any_formula(r)
    form = r.choice(["text", "svg", "dot", "mermaid", "tikz", "explain", "backward"])
    values = None
    if r.random() < 0.25:
        values = {r.choice(hostile.NAMES): r.choice(hostile.JSON_VALUES) for _ in range(3)}
    number = r.randrange(10**6)

    def ask() -> Iterator[tuple[str, str]]:
        found = md.graph(f, values=values)
        yield "text", str(found)
        if form == "backward":
            names = [] if found.reading is None else found.reading.variables
            back = found.backward({n: 1 + number % 5 for n in names})
            yield "text", "".join(back.notes)
        else:
            kind = {"svg": "xml", "tikz": "tex", "mermaid": "text"}.get(form, "text")
            yield kind, getattr(found, form)()

    return Trial(f"graph({f!r}, values={values!r}).{form}", ask)


def programming(r: Random) -> Trial:
    f = hostile.any_formula(r)
    wrt = str(_occurring(f, r.choice(["x", "w", "x, y", "W, b", hostile.soup(r)]), r.randrange(99)))
    target = r.choice(["numpy", "torch", "jax"])

    def ask() -> Iterator[tuple[str, str]]:
        found = md.value_and_gradients(f"sum({f})", wrt)
        yield "code", found.code(target)

    return Trial(f"value_and_gradients({f!r}, {wrt!r}).code({target!r})", ask)


SYMBOLS: list[Any] = [sp.MatrixSymbol("A", 3, 3), sp.MatrixSymbol("x", 3, 1)]
SYMBOLS += [sp.MatrixSymbol("B", 2, 3), sp.MatrixSymbol("X<b>", sp.Symbol("n"), sp.Symbol("n"))]
SYMBOLS += [sp.Symbol(n) for n in ("a", "t", "x<b>", "x_{1}", r"\write18", "\u202ex", "", "a b")]
SYMBOLS += [sp.Integer(2), sp.Rational(1, 3), sp.Float("1e308"), sp.pi, sp.oo, sp.nan, sp.I, sp.E]


def _entry(a: Any, b: Any) -> Any:
    """An entry, but of no power, for which SymPy looks for a Jordan form without end."""
    return a if a.has(sp.MatPow) else a[0, 0]


MAKING: list[Callable[..., Any]] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a**b, lambda a, b: a.T, lambda a, b: a.I,
    lambda a, b: sp.sin(a), lambda a, b: sp.exp(a), lambda a, b: sp.Trace(a * b), lambda a, b: -a,
    lambda a, b: sp.Determinant(a), lambda a, b: sp.Derivative(a, b), lambda a, b: sp.Abs(a),
    lambda a, b: sp.Sum(a, (b, 1, 3)), lambda a, b: sp.Piecewise((a, b > 0), (b, True)),
    lambda a, b: sp.HadamardProduct(a, b), lambda a, b: sp.Function("f")(a), lambda a, b: sp.log(a),
    lambda a, b: sp.Matrix([[a, b]]), _entry, lambda a, b: sp.Integral(a, b),
    lambda a, b: sp.Max(a, b), lambda a, b: sp.MatrixSymbol("M", a, b), lambda a, b: a / b,
]  # fmt: skip


def symbolic(r: Random) -> Trial:
    found = r.choice(SYMBOLS)
    for _ in range(r.randrange(1, 5)):
        with contextlib.suppress(Exception):
            found = r.choice(MAKING)(found, r.choice(SYMBOLS))
    wrt = r.choice(SYMBOLS)

    def ask() -> Iterator[tuple[str, str]]:
        d = md.derive(found, wrt)
        yield "text", str(d)
        yield "tex", d.latex()
        yield "html", d.html(None)

    return Trial(f"derive({sp.srepr(found)}, {sp.srepr(wrt)})", ask)


# The command line ---------------------------------------------------------------------------------

SHARED = "--json|--ascii|-q|--shape x:n|--shape X:2,3|--assume A:symmetric|--timeout 1".split("|")
CHECKED = "--order 2|--kind vjp|--upstream dx|--layout numerator|--structure none|--points 2".split(
    "|"
)
CHECKED += "--seed 5|--from latex|--from python|--from text|--kind jvp|--order 3".split("|")
PRINTED = "--steps|--steps index|--steps differential|--hint|--hint 2|--step 1|--no-check".split(
    "|"
)
PRINTED += "--format latex|--format html|--format markdown|--standalone|--format json".split("|")
PRINTED += "--format latex --steps|--detail full --steps|--notation nabla|--vectors arrow".split(
    "|"
)
BOGUS = "--wrt|--order 9|--points 0|--bogus|--|-h|--seed -1|--timeout x|--shape|--from x".split("|")
OPTIONS = {
    "derive": CHECKED + PRINTED * 2,
    "check": CHECKED,
    "verify": [*CHECKED, "--hint"],
    "graph": "--fold|--expand|--explain|--collapse|--svg -|--dot -|--tikz -|--mermaid -".split("|"),
    "code": "--target torch|--target jax|--target numpy".split("|"),
    "explain": [],
}
TOLD = {"html": "html", "latex": "tex", "markdown": "text"}


def commanding(r: Random) -> Trial:
    verb = r.choice(["derive", "derive", "derive", "check", "verify", "graph", "code", "explain"])
    f = hostile.any_formula(r) if verb != "explain" else r.choice(hostile.FUNCTIONS)
    words = [verb, f]
    if verb in ("derive", "check", "verify", "code"):
        words.append(str(_occurring(f, r.choice(hostile.NAMES), r.randrange(100))))
    if verb == "verify":
        words.append(hostile.any_formula(r))
    for _ in range(r.choice([0, 1, 1, 2, 3])):
        words += r.choice(SHARED + OPTIONS[verb] * 2 if r.random() < 0.95 else BOGUS).split()
    if verb == "graph" and r.random() < 0.5:
        words += ["--at", r.choice(["x=1,y=2", "x=[1,2]", "x=1e400", hostile.soup(r)])]
    if r.random() < 0.03:
        words = [hostile.soup(r) for _ in range(r.randrange(4))]
    words = [w for w in words if w not in ("-o", "--output")]  # nothing is written
    kind = "text"
    if (
        not {"--json", "json"} & set(words)
        and verb == "derive"
        and not {"--hint", "--step"} & set(words)
    ):
        asked = [w for before, w in pairwise(words) if before == "--format"]
        kind = next((TOLD[w] for w in asked[::-1] if w in TOLD), "text")
        kind = "tex" if "--standalone" in words else kind
    return _told(words, kind)


def _told(words: list[str], kind: str = "text", stdin: bytes | None = None) -> Trial:
    def ask() -> Iterator[tuple[str, str]]:
        out, err = _Stream(), _Stream()
        before = sys.stdin
        sys.stdin = io.TextIOWrapper(io.BytesIO(stdin or b""), "utf-8")
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = command_line(words)
        finally:
            sys.stdin = before
        if status not in EXITS:
            raise AssertionError(f"exit {status}: {err.getvalue()[-300:]}{out.getvalue()[-300:]}")
        if "Warning:" in err.getvalue().replace("Warning   ", "").replace("warning:", ""):
            raise AssertionError(f"a warning reached the terminal: {err.getvalue()[:300]}")
        yield kind if status in (0, 3) else "text", out.getvalue()
        yield "text", err.getvalue()

    return Trial(f"matderiv {words!r}" + (f" < {stdin!r}" if stdin else ""), ask)


class _Stream(io.StringIO):
    encoding = "utf-8"  # type: ignore[assignment]


def _file(content: bytes, suffix: str) -> str:
    path = Path(tempfile.gettempdir()) / f"hostile-{os.getpid()}.{suffix}"
    path.write_bytes(content)
    return str(path)


def filing(r: Random) -> Trial:
    content, suffix = hostile.document(r)
    options = r.choice([[], [], [], ["--json"], ["--hint"], ["--wrt", "x"], ["--timeout", "1"]])
    return _with_file(content, suffix, lambda name: ["verify", "--file", name, *options])


def batching(r: Random) -> Trial:
    content, suffix = hostile.table(r)
    options = r.choice([[], [], [], ["--json"], ["--hint"], ["--wrt", "x"], ["--timeout", "1"]])
    return _with_file(content, suffix, lambda name: ["verify", "--batch", name, *options])


def valuing(r: Random) -> Trial:
    content, suffix = hostile.values(r)
    f = r.choice(["sum(x)", "norm2(W*x + b)^2", "x'*A*x", "a*t", hostile.any_formula(r)])
    prefix = "x=" if suffix == "npy" else ""
    return _with_file(content, suffix, lambda name: ["graph", f, "--values", prefix + name])


def _with_file(content: bytes, suffix: str, words: Callable[[str], list[str]]) -> Trial:
    if suffix in ("csv", "jsonl", "txt") and len(content) % 5 == 0:
        return _told(words("-"), stdin=content)
    name = f"hostile-{os.getpid()}.{suffix}"
    trial = _told(words(str(Path(tempfile.gettempdir()) / name)))

    def ask() -> Iterator[tuple[str, str]]:
        _file(content, suffix)
        yield from trial.ask()

    return Trial(f"{trial.said} with {content!r}", ask)


def writing(r: Random) -> Trial:
    said = [hostile.characters(r) + r.choice(hostile.MARKUP) + hostile.soup(r) for _ in range(6)]
    form = r.choice(["latex", "html", "markdown", "text"])

    def ask() -> Iterator[tuple[str, str]]:
        part = md.Part(said[0], says=said[1], table=[said[2:4], said[3:5]], listing=said[4])
        sheet = md.Sheet(said[5], [part], author=said[0])
        yield {"latex": "tex", "html": "html"}.get(form, "text"), getattr(sheet, form)()
        yield "text", str(sheet)

    return Trial(f"Sheet{tuple(said)!r}.{form}", ask)


MARKUP = ("html", "read", "math", "mathml", "correction")  # what the page takes for elements


def texts(reply: Any) -> Iterator[tuple[str, str]]:
    """The texts in a reply, each with the name that it stands under."""
    stack: list[tuple[str, Any]] = [("", reply)]
    while stack:
        name, top = stack.pop()
        if isinstance(top, dict):
            stack += top.items()
        elif isinstance(top, list):
            stack += [(name, item) for item in top]
        elif isinstance(top, str):
            yield name, top


def paging(r: Random) -> Trial:
    """What the page asks, with something hostile in one of its fields."""
    question: dict[str, Any] = {"f": "norm2(A*x - b)^2", "by": "x", "answer": "2*A'*(A*x - b)"}
    field = r.choices(["f", "answer", "by", "view", "kind", "order"], [12, 4, 2, 1, 1, 1])[0]
    question[field] = r.choice([hostile.any_formula, hostile.soup, hostile.characters])(r)
    question |= (
        {"shapes": hostile.shapes(r), "assume": hostile.assume(r)} if r.random() < 0.3 else {}
    )
    question["ask"] = r.choice(["derive", "derive", "verify", "steps", "hint", "graph", "code"])

    def ask() -> Iterator[tuple[str, str]]:
        found = reply(question)
        json.dumps(found, allow_nan=False)
        for name, text in texts(found):
            yield "html" if name in MARKUP else "text", text

    return Trial(f"reply({question!r})", ask)


DOORS: dict[str, tuple[int, Callable[[Random], Trial]]] = {
    "derive": (60, deriving),
    "verify": (5, verifying),
    "steps": (4, stepping),
    "graph": (6, graphing),
    "program": (4, programming),
    "sympy": (4, symbolic),
    "command": (8, commanding),
    "file": (3, filing),
    "batch": (3, batching),
    "values": (3, valuing),
    "sheet": (1, writing),
    "page": (3, paging),
}
