"""Twelve derivations that were read by a person, stored line by line in `tests/golden`.

`python tests/goldens.py` writes the files again. A line is `left = right | rule`; the right sides
are compared as expressions, so that a change of spelling is no difference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from matderiv.doors.derive import Derivation, derive
from matderiv.expr import Expr
from matderiv.input.resolve import read
from matderiv.output.documents.text import equation
from matderiv.views.chain import chain
from matderiv.views.differential import differential
from matderiv.views.document import Document, Section
from matderiv.views.index import index

FOLDER = Path(__file__).parent / "golden"
VIEWS: dict[str, Callable[..., Document]] = {
    "chain": chain,
    "differential": differential,
    "index": index,
}


@dataclass(frozen=True)
class Case:
    """A derivation to be stored."""

    name: str
    expr: str
    wrt: str
    shapes: dict[str, str]
    asked: dict[str, Any] = field(default_factory=dict)

    def derivation(self) -> Derivation:
        """What matderiv derives."""
        found: Derivation = derive(self.expr, self.wrt, shapes=self.shapes, **self.asked)
        return found


CASES = (
    Case("linear-layer-W", "W*x + b", "W", {"W": "m,d", "x": "d", "b": "m"}, {"kind": "vjp"}),
    Case("relu-layer-W", "relu(W*x + b)", "W", {"W": "m,d", "x": "d", "b": "m"}, {"kind": "vjp"}),
    Case(
        "logistic-w",
        "sum(log(1 + exp(-y.*(X*w))))",
        "w",
        {"X": "n,d", "w": "d", "y": "n"},
    ),
    Case(
        "softmax-cross-entropy-z",
        "-sum(y.*log(softmax(z)))",
        "z",
        {"z": "k", "y": "k"},
        {"assume": {"y": "onehot"}},
    ),
    Case("quadratic-form-x", "x'*A*x", "x", {"A": "n,n", "x": "n"}),
    Case("least-squares-x", "norm2(A*x - b)^2", "x", {"A": "m,n", "x": "n", "b": "m"}),
    Case("trace-XAX", "tr(X'*A*X)", "X", {"A": "n,n", "X": "n,p"}),
    Case("logdet-X", "logdet(X)", "X", {"X": "n,n"}),
    Case("inverse-X", "a'*inv(X)*b", "X", {"X": "n,n", "a": "n", "b": "n"}),
    Case(
        "two-layers-W1",
        "norm2(W2*relu(W1*x + b1) + b2 - y)^2",
        "W1",
        {"W1": "h,d", "W2": "k,h", "b1": "h", "b2": "k", "x": "d", "y": "k"},
    ),
    Case("batchnorm-X", "batchnorm(X, 0.1)", "X", {"X": "n,d"}, {"kind": "vjp"}),
    Case(
        "attention-Q",
        "attention(Q, K, V)",
        "Q",
        {"Q": "n,d", "K": "m,d", "V": "m,p"},
        {"kind": "vjp"},
    ),
)


def lines(document: Document) -> list[str]:
    """Headings in brackets, then `left = right | rule`, right sides of their own line after `=`."""
    out = []
    answer = replace(document.answers[-1], continues=False)
    for section in (*document.sections, Section("Answer", (answer,))):
        out.append(f"[{section.title}]")
        for step in section.steps:
            left, right = equation(step, document)
            out.append(f"{left} = {right} | {step.rule}".strip())
    return out


def path(case: Case) -> Path:
    """Where a derivation is stored."""
    return FOLDER / f"{case.name}.txt"


def stored(case: Case) -> dict[str, list[str]]:
    """The lines of each view."""
    views: dict[str, list[str]] = {}
    for line in path(case).read_text(encoding="utf-8").splitlines():
        if line.startswith("== "):
            views[line.split()[1]] = []
        elif line and not line.startswith("#"):
            views[list(views)[-1]].append(line)
    return views


def write(case: Case) -> None:
    """Store the derivation as it is now."""
    d = case.derivation()
    out = [f"# {case.expr} by {case.wrt}: {d}"]
    for name, view in VIEWS.items():
        out += ["", f"== {name}", *lines(view(d))]
    path(case).write_text("\n".join(out) + "\n", encoding="utf-8")


def same_line(document: Document, ours: str, theirs: str) -> bool:
    """True for lines whose left sides and rules agree and whose right sides are one expression."""
    if ours == theirs:
        return True
    if "|" not in ours or "|" not in theirs:
        return False
    (a, rule), (b, other) = (line.rsplit(" | ", 1) for line in (ours, theirs))
    (left, right), (left_b, right_b) = (line.split("= ", 1)[::1] for line in (a, b))
    if rule != other or left.replace(" ", "") != left_b.replace(" ", ""):
        return False
    first, second = parsed(document, right), parsed(document, right_b)
    if first is None or second is None:
        return right.replace(" ", "") == right_b.replace(" ", "")
    return first is second


def parsed(document: Document, written: str) -> Expr | None:
    """A right side as an expression over the names of the document; None for index notation."""
    if "∂" in written or "Σ" in written or "_" in written:
        return None
    known = [*document.declarations, *(s.variable for s in document.symbols)]
    shapes = {}
    for k, v in enumerate(sorted(known, key=lambda v: -len(v.name))):
        name = v.name
        if not name.isidentifier():
            name = f"change{k}"
            written = written.replace(v.name, name)
        shapes[name] = ",".join(str(s) for s in v.shape)
    return read(written, shapes=shapes).expr


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for chosen in CASES:
        write(chosen)
    sys.stdout.write(f"{len(CASES)} derivations written\n")
