"""Code for MATLAB, run by Octave against the stored derivatives; code for Julia by its form."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from problems import Problem, problems

import matderiv as md
from matderiv.errors import NoRule
from matderiv.output.code.program import TARGETS

OCTAVE = shutil.which("octave-cli") or shutil.which("octave")
TWO_AXES = [p for p in problems() if len(p.derivation().shape) <= 2]


def literal(value: Any) -> str:
    """An array as MATLAB writes it; a vector is a column."""
    array = np.asarray(value, float)
    rows = array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)
    inner = "; ".join(" ".join(f"{x:.17g}" for x in row) for row in rows)
    return f"[{inner}]" if array.size else f"zeros({rows.shape[0]}, {rows.shape[1]})"


def written(problem: Problem, folder: Path, k: int) -> str | None:
    """The lines that call the code of a problem and print its result; None where it is refused."""
    d = problem.derivation()
    try:
        source = d.code("matlab")
    except NoRule:
        return None
    name = f"f{k}"
    head = re.search(r"^function \[(.*)\] = (\w+)\((.*)\)$", source, re.M)
    assert head
    (folder / f"{name}.m").write_text(source.replace(f" = {head[2]}(", f" = {name}(", 1))
    point = problem.points[0]
    values = {**point.sizes, **point.values}
    given = [values.get(n, values.get({"theta": "θ"}.get(n, n))) for n in head[3].split(", ") if n]
    results = [f"r{j}" for j, _ in enumerate(head[1].split(", "))]
    call = f"[{', '.join(results)}] = {name}({', '.join(map(literal, given))});"
    return f"{call}\nprintf('%d: ', {k}); printf('%.17g ', {results[-1]}.'); printf('\\n');"


@pytest.mark.skipif(OCTAVE is None, reason="needs Octave")
def test_octave_finds_the_stored_derivatives(tmp_path: Path) -> None:
    chosen = TWO_AXES[::3]
    calls = {k: written(p, tmp_path, k) for k, p in enumerate(chosen)}
    guarded = "try\n{}\ncatch e\ndisp(['{}: ', e.message])\nend"
    lines = [guarded.format(call, k) for k, call in calls.items() if call]
    (tmp_path / "every_case.m").write_text("\n".join(lines))
    command = [str(OCTAVE), "--norc", "--no-gui", "--quiet", "every_case.m"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    found = dict(line.split(": ", 1) for line in ran.stdout.splitlines() if ": " in line)
    assert sum(c is not None for c in calls.values()) >= 0.9 * len(chosen)
    for k, call in calls.items():
        if call is not None:
            truth = np.ravel(chosen[k].points[0].truth)
            told = f"{chosen[k].id}: {found.get(str(k), ran.stderr)}\n{chosen[k].derivation()}"
            assert re.fullmatch(r"[-+.\deInfNa ]+", found.get(str(k), "")), told
            numbers = np.array(found[str(k)].split(), float)
            scale = 1 + np.abs(truth).max(initial=0)
            assert np.allclose(numbers, truth, rtol=1e-6, atol=1e-8 * scale), told


def test_a_language_of_matrices_is_one_short_file() -> None:
    folder = Path(md.__file__).parent / "output" / "code"
    for name in ("julia", "matlab"):
        assert len((folder / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_julia_writes_products_with_dots_and_vectors_as_columns() -> None:
    told = md.derive("norm2(X*w - y)^2", "w").code("julia")
    assert "    z1 = X * w .- y\n" in told
    assert "    grad_w = 2 * (X' * z1)\n" in told
    assert told.endswith("    return value, grad_w\nend\n")
    for problem in TWO_AXES[::10]:
        try:
            told = problem.derivation().code("julia")
        except NoRule:
            continue
        opened = len(re.findall(r"^(?:function|if|for)\b", told, re.M))
        assert opened == len(re.findall(r"^end$", told, re.M))
        assert not re.search(r"np\.|\*\*|\.T\b", told), told


def test_every_target_is_in_the_list_of_the_command_line() -> None:
    from matderiv.command.flags import TARGETS as LISTED

    assert set(LISTED) == set(TARGETS)
