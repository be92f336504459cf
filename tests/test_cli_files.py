"""Files in and out: names that choose a format, values that are damaged, endless or marked."""

from __future__ import annotations

import json
import os
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matderiv.errors import MatderivError
from matderiv.input.values import values_from_file

# Out ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("f.html", "<!DOCTYPE html>"),
        ("f.HTM", "<!DOCTYPE html>"),
        ("f.tex", "\\documentclass"),
        ("f.md", "$$"),
        ("f.json", "{"),
        ("f.txt", "2*x"),
        ("f", "2*x"),
        ("f.v2", "2*x"),
    ],
)
def test_the_name_of_a_file_chooses_its_format(
    run: Any, tmp_path: Path, name: str, begins: str
) -> None:
    file = tmp_path / name
    assert run("derive", "x'*x", "x", "-q", "-o", str(file)).status == 0
    assert file.read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("derive", "x'*x", "x", "-o", "f.pdf"), "pdflatex makes a .pdf"),
        (("derive", "x'*x", "x", "-o", "f.docx"), "ends in .docx"),
        (("derive", "x'*x", "x", "-o", "f.html", "--format", "latex"), "latex is asked for"),
        (("derive", "x'*x", "x", "-o", "f.tex", "--json"), "json is asked for"),
        (("code", "x'*x", "x", "-o", "f.html"), "ends in .html"),
        (("verify", "x'*x", "x", "--batch", "f.csv", "-o", "f.pdf"), "ends in .pdf"),
    ],
)
def test_a_name_of_another_format_is_refused(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run(*arguments)
    assert told.status == 2
    assert said in told.out + told.err
    assert not list(tmp_path.iterdir())


def test_a_format_that_is_typed_holds_for_names_that_say_nothing(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "f.txt"
    asked = ("derive", "x'*x", "x", "-q", "--format", "markdown", "-o", str(file))
    assert run(*asked).status == 0
    assert file.read_text().startswith("$$")
    page = tmp_path / "f.tex"
    assert run("derive", "x'*x", "x", "-q", "--standalone", "-o", str(page)).status == 0
    assert page.read_text().startswith("\\documentclass")


@pytest.mark.parametrize("name", ["a" * 300, "é" * 200, "a" * 300 + ".html"])
def test_a_name_that_no_file_can_have_is_refused(run: Any, tmp_path: Path, name: str) -> None:
    told = run("derive", "x'*x", "x", "-o", str(tmp_path / name))
    assert told.status == 2
    assert "cannot write" in told.err
    assert len(told.err) < 300


def test_a_name_of_many_bytes_can_be_written(run: Any, tmp_path: Path) -> None:
    file = tmp_path / ("é" * 120)
    assert run("derive", "x'*x", "x", "-q", "-o", str(file)).status == 0
    assert file.read_text() == "2*x\n"


# Values ------------------------------------------------------------------------------------------


def test_values_come_from_regular_files_only(run: Any, tmp_path: Path) -> None:
    link, pipe = tmp_path / "z.json", tmp_path / "p.json"
    link.symlink_to("/dev/zero")
    os.mkfifo(pipe)
    for file in (link, pipe):
        told = run("graph", "2*x", "--values", str(file))
        assert told.status == 2
        assert "is no regular file" in told.err


def test_a_mark_of_the_byte_order_is_no_content(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": 3}).encode())
    assert run("graph", "2*a", "--values", str(file)).status == 0


def damaged(content: bytes, seed: int) -> bytes:
    """A file with a few bytes changed, cut or repeated."""
    rng = random.Random(seed)
    out = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(out))
        out[place] = rng.randrange(256)
    if seed % 3 == 0:
        out = out[: rng.randrange(len(out))]
    return bytes(out)


@pytest.mark.parametrize("kind", ["npy", "npz", "deflated"])
def test_damaged_arrays_are_refused(tmp_path: Path, kind: str) -> None:
    whole = tmp_path / ("v.npy" if kind == "npy" else "v.npz")
    if kind == "npy":
        np.save(whole, np.arange(50.0))
    else:
        save = np.savez if kind == "npz" else np.savez_compressed
        save(whole, x=np.arange(50.0), y=np.eye(4))
    content = whole.read_bytes()
    for seed in range(150):
        whole.write_bytes(damaged(content, seed))
        try:
            values_from_file(f"x={whole}" if kind == "npy" else str(whole))
        except MatderivError:
            continue


def test_an_encrypted_member_is_refused(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "v.npz"
    np.savez(file, x=np.arange(3.0))
    content = bytearray(file.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(mark) + offset
        flags = struct.unpack("<H", content[place : place + 2])[0]
        content[place : place + 2] = struct.pack("<H", flags | 1)
    file.write_bytes(bytes(content))
    told = run("graph", "sum(x)", "--values", str(file))
    assert told.status == 2
    assert "holds no arrays of numbers" in told.err
