"""Shells complete verbs, options and the words that options take."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from conftest import Run


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last of some words."""
    typed = " ".join(f"'{w}'" for w in words)
    program = f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _matderiv\n"
    program += 'printf "%s\\n" "${COMPREPLY[@]}"'
    found = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    return found.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash")
def test_bash_completes(run: Run) -> None:
    script = run("completion", "bash").out
    assert completed(script, "matderiv", "ver") == ["verify"]
    assert "--steps" in completed(script, "matderiv", "derive", "x", "x", "--st")
    assert completed(script, "matderiv", "derive", "x", "x", "--steps", "diff") == ["differential"]
    assert completed(script, "matderiv", "serve", "--po") == ["--port"]


def test_other_shells(run: Run) -> None:
    assert "bashcompinit" in run("completion", "zsh").out
    assert "-l kind" in run("completion", "fish").out
    told = run("completion", "tcsh")
    assert told.status == 2
    assert "bash, zsh, fish" in told.err
