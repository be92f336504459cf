"""The public verbs as an editor and a type checker see them."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import matderiv as md

VERBS = ("derive", "verify", "graph", "value_and_gradients", "minimize")
SEEN = """
import matderiv as md
D = md.derive("x'*A*x", "x", assume={"A": "symmetric"})
reveal_type(D)
reveal_type(D.latex())
reveal_type(md.derive("x'*y", ["x", "y"]))
reveal_type(md.hvp("x'*x", "x"))
reveal_type(md.verify("x'*x", "x", "2*x"))
reveal_type(md.graph("x'*x"))
md.derive("x'*x", "x", ordr=2)
"""


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_what_every_argument_is(verb: str) -> None:
    function = getattr(md, verb)
    words = set(re.findall(r"\w+", inspect.getdoc(function) or ""))
    arguments = set(inspect.signature(function).parameters)
    assert not arguments - words - {"shapes", "assume"}, arguments - words
    assert verb not in ("derive", "verify") or {"shapes", "assume"} <= words


def test_a_type_checker_knows_the_results(tmp_path: Path) -> None:
    api = pytest.importorskip("mypy.api")
    path = tmp_path / "seen.py"
    path.write_text(SEEN)
    told, _, _ = api.run(
        [str(path), "--strict", "--cache-dir", str(tmp_path), "--no-site-packages"]
    )
    found = re.findall(r'Revealed type is "([\w.]*?)(\w+)"', told)
    names = ["Derivation", "str", "Derivations", "Derivation", "Verdict", "Graph"]
    assert [name for _, name in found] == names
    assert "ordr" in told
