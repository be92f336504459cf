"""`matderiv graph`: figures, JSON, numbers from files, every mistake with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# The command line --------------------------------------------------------------------------------


def test_the_figure_of_the_lecture_on_the_command_line(run: Any) -> None:
    told = run("graph", "(x+y)*z", "--at", "x=-2,y=5,z=-4")
    assert told.status == 0
    rows = {line.split()[0]: line.split() for line in told.out.splitlines()[2:] if line}
    assert rows["u1"][4:6] == ["3", "-4"]
    assert [rows[n][2:4] for n in "xyz"] == [["-2", "-4"], ["5", "-4"], ["-4", "3"]]
    assert rows["f"][2:4] == ["-12", "1"]


def test_the_json_document(run: Any) -> None:
    told = run("graph", "sum(relu(x))", "--at", "x=[-1,2]", "--json")
    found = json.loads(told.out)
    assert found["schema"] == "matderiv/1"
    assert {n["name"]: n["gradient_value"] for n in found["nodes"]} == {
        "x": [0.0, 1.0],
        "h1": [1.0, 1.0],
        "f": 1.0,
    }
    assert found["edges"][1]["local"] == "diag(step(x))"


def test_pictures_are_written_once_and_replaced_with_force(run: Any, tmp_path: Any) -> None:
    files = {kind: tmp_path / f"g.{kind}" for kind in ("svg", "dot", "mermaid", "tikz")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    told = run("graph", "a*b", *options)
    assert told.status == 0
    assert told.out.startswith("f = a*b")
    begins = {"svg": "<svg", "dot": "digraph", "mermaid": "flowchart", "tikz": "\\documentclass"}
    for kind, path in files.items():
        assert path.read_text().startswith(begins[kind])
    assert "exists already" in run("graph", "a*b", *options).err
    assert run("graph", "a*b", *options, "--force").status == 0


@pytest.mark.parametrize(
    ("option", "begins"), [("--svg", "<svg"), ("--dot", "digraph"), ("--mermaid", "flowchart")]
)
def test_pictures_go_to_standard_output(run: Any, option: str, begins: str) -> None:
    told = run("graph", "a*b", "--at", "a=2,b=3", option, "-", "-q")
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith(begins)


def test_formulas_without_numbers(run: Any) -> None:
    told = run("graph", "norm2(X*w - y)^2", "--wrt", "w", "--explain", "--step", "-q")
    assert (told.status, told.err) == (0, "")
    assert "X'*delta_a1" in told.out
    assert "1. f = norm2(z1)^2 has the gradient 1" in told.out


def test_the_upstream_of_something_that_is_no_scalar(run: Any) -> None:
    given = ("graph", "W*x", "--at", "W=[[1,2],[3,4]],x=[1,1]")
    assert "G is all ones" in run(*given).err
    told = run(*given, "--upstream", "[1,-1]")
    assert "G is all ones" not in told.err
    assert "[[1, 1], [-1, -1]]" in told.out


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ("norm2(x)", "x=[0,0]", "no derivative at these numbers by x"),
        ("log(a)", "a=-1", "f has no finite value, so there are no gradients"),
        ("log(1 + exp(a))", "a=1000", "no derivative at these numbers by h1, u1"),
    ],
)
def test_odd_numbers_are_said(run: Any, text: str, at: str, said: str) -> None:
    told = run("graph", text, "--at", at)
    assert told.status == 0
    assert said in told.err


def test_a_size_that_no_array_shows_is_given_by_its_name(run: Any) -> None:
    given = ("graph", "a*tr(eye(k))", "--shape", "x: k")
    assert "no value says how large k is" in run(*given, "--at", "a=2").err
    assert "the size k is 2.5" in run(*given, "--at", "a=2,k=2.5").err
    told = run(*given, "--at", "a=2,k=3")
    assert "6" in told.out.splitlines()[-1]


def test_numbers_from_files(run: Any, tmp_path: Any) -> None:
    (tmp_path / "v.json").write_text('{"W": [[1, 2], [3, 4]], "unused": 3}')
    np.save(tmp_path / "x.npy", np.array([1.0, -1.0]))
    np.savez(tmp_path / "all.npz", W=np.eye(2), x=np.ones(2))
    told = run(
        *("graph", "sum(W*x)", "--values", str(tmp_path / "v.json")),
        *("--values", f"x={tmp_path / 'x.npy'}"),
    )
    assert told.status == 0, told.err
    assert "-1, -1" in told.out
    assert run("graph", "sum(W*x)", "--values", str(tmp_path / "all.npz")).status == 0


BAD_FILES = [
    ("v.json", b'{"x": [1, NaN]}', "NaN is not a number"),
    ("v.json", b'{"x": [[1, 2], [3]]}', "not a regular array"),
    ("v.json", b'{"x": ["a"]}', "holds text"),
    ("v.json", b'{"x": null}', "holds None"),
    ("v.json", b'{"x": 1, "x": 2}', "x has two values"),
    ("v.json", b"[1, 2]", "holds no names"),
    ("v.json", b"{", "cannot be read as JSON"),
    ("v.json", b"\xff\xfe", "cannot be read as JSON"),
    ("v.json", b"[" * 100_000, "cannot be read as JSON"),
    ("v.npz", b"not a zip", "holds no arrays"),
    ("v.npy", b"not an array", "without a name"),
    ("v.txt", b"1 2 3", "is no .json, .npz or .npy file"),
]


@pytest.mark.parametrize(("name", "content", "said"), BAD_FILES)
def test_files_with_something_else_are_refused(
    run: Any, tmp_path: Any, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    told = run("graph", "sum(x)", "--values", str(path))
    assert told.status == 2
    assert said in told.err


class Trap:
    """What must not run when a file is read."""

    def __reduce__(self) -> Any:
        return (print, ("the trap ran",))


def test_pickled_objects_are_never_loaded(run: Any, tmp_path: Any) -> None:
    trap = np.empty(1, dtype=object)
    trap[0] = Trap()
    np.save(tmp_path / "x.npy", trap, allow_pickle=True)
    np.savez(tmp_path / "x.npz", x=trap)
    for given in (f"x={tmp_path / 'x.npy'}", str(tmp_path / "x.npz")):
        told = run("graph", "sum(x)", "--values", given)
        assert told.status == 2
        assert "holds no arrays of numbers" in told.err
        assert "the trap ran" not in told.out + told.err


REFUSED = [
    (["(x+y)*z", "--at", "x=1,y=2,z=a"], "the value of z is not a number"),
    (["(x+y)*z", "--at", "x=1"], "there is no value for y (scalar), z (n)"),
    (["a*b", "--at", "a=1"], "there is no value for b (scalar)"),
    (["a*b", "--at", "a=1,b=2,c=3"], "there is no c in the expression"),
    (["a*b", "--at", "a=1,b"], "a value is a name, an equals sign and numbers"),
    (["a*b", "--at", "a=1,a=2"], "a has two values"),
    (["a*b", "--at", "a=1", "--at", "a=2"], "a has two values"),
    (["W*x", "--at", "W=[[1,2],[3,4]],x=[1,2,3]"], "n is 2 (from W: m × n) and 3"),
    (["W*x", "--at", "W=[[1,2],[3]],x=[1,2]"], "not a regular array"),
    (["sum(x)", "--at", "x=[1,Infinity]"], "not a number or a list of numbers"),
    (["sum(x)", "--at", "x=[1e999,1]"], "has an entry that is inf"),
    (["sum(x)", "--at", "x=[]"], "has no entries"),
    (["sum(x)", "--at", 'x=["a"]'], "holds text"),
    (["W*x", "--at", "W=[[1,2]],x=[1,2]", "--upstream", "[1,2]"], "the upstream gradient is 2"),
    (["a*b", "--wrt", "c"], "there is no c in the expression"),
    ([], "the expression is missing"),
    (["a*b", "a"], "the expression alone is wanted"),
    (["a*b", "--svg", "-", "--dot", "-"], "only one thing goes to standard output"),
    (["a*b", "--svg", "x.svg", "--dot", "x.svg"], "is to hold two pictures"),
    (["a*b", "--svg", "/nowhere/x.svg"], "there is no directory"),
    (["a*b", "--values", "/nowhere/x.json"], "cannot read /nowhere/x.json"),
    (["a*", "--svg", "-"], "expected"),
    (["a*b", "-o", "x.svg"], "graph has no -o"),
    (["a*b", "--svg", ""], "--svg needs a value"),
    (["2+3", "--at", "x=1"], "there is no x in the expression"),
    (["2+3", "--at", "x=1"], "there are no names"),
    (["a*b", "--at", "a=1,b=1", "--upstream", "foo"], "--upstream [1,2]"),
    (["a*b", "--upstream", "2"], "--upstream needs numbers for the names"),
    (["x'*y", "--at", "x=[1,2] y=[3,4]"], "a comma before y"),
    (["a*b", "--at", "a=1/0,b=1"], "the value of a is not a number"),
    (["a*b", "--collapse", "--no-collapse"], "exclude each other"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=lambda v: str(v)[:40])
def test_mistakes_are_said(run: Any, arguments: list[str], said: str) -> None:
    told = run("graph", *arguments)
    assert told.status == 2, told.out
    assert told.out == ""
    assert said in told.err


def test_the_gradient_that_arrives_has_a_name_in_the_formulas(run: Any) -> None:
    asked = ("norm2(W*x)^2", "--at", "x=[1,2,3],W=[[1,2,3]]", "--upstream", "2")
    rows = {line.split()[0]: line for line in run("graph", *asked).out.splitlines() if line}
    assert "[56]" in rows["z1"]
    assert rows["z1"].endswith("delta1 = 2*G*z1")
    assert rows["f"].split()[-2:] == ["2", "G"]
    found = json.loads(run("graph", *asked, "--json").out)
    (z1,) = [n for n in found["nodes"] if n["name"] == "z1"]
    assert (z1["gradient"], z1["gradient_value"]) == ("2*G*z1", [56.0])


def test_numbers_may_be_quotients_and_have_a_typographic_minus(run: Any) -> None:
    told = run("graph", "a*sum(x)", "--at", "a=−1/2,x=[.5,-1/4]", "--json")
    values = {n["name"]: n.get("value") for n in json.loads(told.out)["nodes"]}
    assert (values["a"], values["x"], values["f"]) == (-0.5, [0.5, -0.25], -0.125)


@pytest.mark.parametrize(
    ("text", "at", "said", "name"),
    [
        ("x/y", "x=1,y=0", "f = x/y is inf at these numbers", "x"),
        ("log(a)", "a=-1", "f = log(a) is nan at these numbers", "a"),
        ("exp(a)", "a=1000", "f = exp(a) is inf at these numbers", "a"),
        ("sqrt(a)", "a=0", "no derivative at these numbers by a", "a"),
    ],
)
def test_no_gradient_where_there_is_no_value(
    run: Any, text: str, at: str, said: str, name: str
) -> None:
    told = run("graph", text, "--at", at, "-q")
    assert said in told.err
    (row,) = [line for line in told.out.splitlines() if line.startswith(f"{name} ")]
    assert row.split()[3] == "none"
    nodes = json.loads(run("graph", text, "--at", at, "--json").out)["nodes"]
    assert all(n["gradient_value"] is None for n in nodes if n["name"] == name)


def test_one_name_or_number_alone_is_still_f(run: Any) -> None:
    assert run("graph", "x", "--at", "x=3").out.startswith("f = x\n")
    assert run("graph", "3").out.startswith("f = 3\n")


def test_names_of_a_file_that_are_not_used_are_said(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text('{"a": 2, "b": 1, "k": 1}', encoding="utf-8")
    assert "not in the expression: k" in run("graph", "a*b", "--values", str(file)).err


def test_large_graphs_fold_unless_they_are_told_not_to(run: Any) -> None:
    h = "x"
    for k in range(1, 15):
        h = f"tanh(W{k}*{h})"
    assert "more such layers (W3 to W14)" in run("graph", h).out
    whole = run("graph", h, "--no-collapse").out
    assert "more such" not in whole
    assert "W7" in whole


def test_a_function_without_a_rule_is_refused_by_name(run: Any) -> None:
    told = run("graph", "sum(sort_map(x))")
    assert told.status == 3
    assert "sort_map" in told.err
