"""Mistakes on the command line: exit codes, what is said, and files that stay as they are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Run

from matderiv.cli import main
from matderiv.doors import derive
from matderiv.numeric.report import CheckReport

# Mistakes -----------------------------------------------------------------------------------------

# number of the case, arguments, exit code, what is said
MISTAKES: list[tuple[str, tuple[str, ...], int, list[str]]] = [
    ("1", ("derive", "", "x"), 2, ["ParseError: empty expression", "try:   an expression such"]),
    ("2", ("derive", " \n ", "x"), 2, ["ParseError: empty expression"]),
    ("3", ("derive", "# only a comment", "x"), 2, ["ParseError: empty expression"]),
    ("4", ("derive", "x +", "x"), 2, ["ParseError: expected an operand after +\n  x +\n     ^"]),
    ("7", ("derive", "(x", "x"), 2, ["never closed\n  (x\n  ^", "add )"]),
    ("13", ("derive", "x y", "x"), 2, ["cannot multiply", "x'*y"]),
    ("24", ("derive", "7" * 5_000, "x"), 2, ["LimitError: a number has 5000 digits"]),
    ("33", ("derive", "x\0y", "x"), 2, ["U+0000 at offset 1"]),
    ("34", ("derive", os.fsdecode(b"x+\xff"), "x"), 2, ["not UTF-8: byte 0xff at offset 2"]),
    ("43", ("derive", "x" * 100_001, "x"), 2, ["100001 characters, the limit is 100000"]),
    ("45", ("derive", "(" * 101 + "x" + ")" * 101, "x"), 2, ["101 deep"]),
    ("46", ("derive", "(" * 100_000, "x"), 2, ["the limit is 20000"]),
    ("57", ("derive", "x", "x", "--shape", "x: 0"), 2, ["whole numbers from 1", "x: 0\n     ^"]),
    ("58", ("derive", "x", "x", "--shape", "x: -1"), 2, ["whole numbers from 1", "x: -1"]),
    ("59", ("derive", "x", "x", "--shape", "x: 2.5"), 2, ["whole numbers from 1"]),
    ("60", ("derive", "x", "x", "--shape", "x: 1e400"), 2, ["whole numbers from 1"]),
    ("61", ("derive", "foo(x)", "x"), 2, ["UnknownFunction: unknown function foo"]),
    ("62", ("derive", "sofmax(x)", "x"), 2, ["unknown function sofmax", "softmax"]),
    ("66", ("derive", "X*y", "y", "--shape", "X: m,n; y: m"), 2, ["n and m differ", "X'*y"]),
    ("73", ("derive", "2*x", "2*x"), 2, ["the derivative is by a variable, not by 2*x"]),
    ("73", ("derive", "A*x", "A*x"), 2, ["by a variable, not by A*x", "one of A, x"]),
    ("73", ("derive", "2*x", "3"), 2, ["by a variable, not by 3"]),
    ("73", ("derive", "2*x", ""), 2, ["by a variable, not by nothing"]),
    ("73", ("derive", "pi*x", "pi"), 2, ["pi is a number"]),
    ("73", ("derive", "sum(x)/n", "n", "--shape", "x: n"), 2, ["n is a size"]),
    ("73", ("derive", "2 + 3", "x"), 2, ["there is no x in 2 + 3", "--shape"]),
    ("74", ("derive", "x", "x", "--shape", "x: n", "--shape", "x: m"), 2, ["x is declared twice"]),
    ("75", ("derive", "A", "A", "--assume", "A: posdeff"), 2, ["unknown structure", "posdef"]),
    ("76", ("derive", "A*x", "x", "--shape", "A: m,n", "--assume", "A: symmetric"), 2, ["square"]),
    ("79", ("derive", "__import__('os').system('id')", "x"), 2, ["LOW LINE"]),
    ("79", ("derive", "$(id)", "x"), 2, ["DOLLAR SIGN"]),
    ("80", ("derive", "x_{\\write18{id}}", "x"), 2, ["\\write is not read"]),
    ("84", ("derive", "log(0)*x", "x"), 2, ["DomainError: log needs a number above 0"]),
    ("84", ("derive", "x/0", "x"), 2, ["DomainError: division by zero"]),
    ("rule", ("derive", "sort_map(x)", "x"), 3, ["NoRule: the derivative of sort_map"]),
    ("power", ("derive", "tr(A^65)", "A"), 4, ["LimitError: matrix powers above 64"]),
    ("kind", ("derive", "x", "x", "--kind", "gradient"), 2, ["try:   --kind jacobian"]),
    ("kind", ("derive", "x", "x", "--kind", "jacobain"), 2, ["one of", "--kind jacobian"]),
    ("layout", ("derive", "x", "x", "--layout", "row"), 2, ["--layout is one of gradient"]),
    ("structure", ("derive", "x", "x", "--structure", "free"), 2, ["--structure is one of"]),
    ("order", ("derive", "x", "x", "--order", "5"), 2, ["--order is a whole number from 1 to 4"]),
    ("points", ("derive", "x", "x", "--points", "0"), 2, ["--points is a whole number from 1"]),
    ("seed", ("derive", "x", "x", "--seed", "-1"), 2, ["--seed is a whole number from 0"]),
    ("seed", ("derive", "x", "x", "--seed", "9" * 400), 2, ["--seed is a whole number"]),
    ("timeout", ("derive", "x", "x", "--timeout", "soon"), 2, ["--timeout is a number of seconds"]),
    ("format", ("derive", "x", "x", "--format", "latx"), 2, ["--format latex"]),
    ("value", ("derive", "x", "x", "--shape"), 2, ["--shape needs a value", '"NAME: SIZES"']),
    ("value", ("derive", "x", "x", "--wrt", "--json"), 2, []),
    ("switch", ("derive", "x", "x", "--no-check=1"), 2, ["--no-check takes no value"]),
    ("option", ("derive", "x", "x", "--layuot", "row"), 2, ["no option --layuot", "--layout"]),
    ("option", ("check", "x", "x", "--output", "f"), 2, ["check has no option --output"]),
    ("far", ("solve", "x", "x", "--given", "x = 1"), 2, ["no option --given", "solve --help"]),
    ("declare", ("derive", "x", "x", "--shape", "x n"), 2, ["a name, a colon and sizes", "x n"]),
    ("declare", ("derive", "A", "A", "--assume", "symmetric"), 2, ['--assume "A: symmetric"']),
    ("option", ("derive", "x", "x", "--latex"), 2, ["try:   --format latex"]),
    ("option", ("derive", "x", "x", "--hessian"), 2, ["try:   --kind hessian"]),
    ("option", ("derive", "x", "x", "-f", "latex"), 2, ["if -f is meant as an option"]),
    ("order", ("derive", "x", "x", "--order", "two"), 2, ["from 1 to 4, not two\n"]),
    ("words", ("derive", "x'*x", "x", "--steps", "foo"), 2, ["--steps is one of chain"]),
    ("words", ("derive", "x'*x", "x", "--hint", "foo"), 2, ["--hint is a whole number"]),
    ("words", ("derive", "x'*x", "x", "--detail", "full"), 2, ["--steps --detail full"]),
    ("words", ("check", "x'*x", "x", "-o", "f"), 2, ["check has no -o"]),
    ("words", ("derive", "x'*x", "x", "-o", ""), 2, ["--output needs a value"]),
    ("near", ("derive", "e^x + e", "x"), 2, ["exp(x), if e is Euler's number"]),
    ("near", ("explain", "afine"), 2, ['matderiv explain "affine map" or']),
    ("near", ("explain", ""), 2, ["explain takes one rule or function"]),
    ("near", ("rules", "affine"), 2, ['matderiv explain "affine map"']),
    ("several", ("derive", "x'*y", "x", "y"), 2, ["several variables have commas", "x,y"]),
    ("several", ("check", "x'*y", "x,y"), 2, ["by one variable at a time", "first x, then y"]),
    ("several", ("derive", "x'*y", "x,z"), 2, ["there is no z in x'*y"]),
    ("steps", ("derive", "x'*x", "x", "--step", "9"), 2, ["has 3 steps", "--step 3"]),
    ("steps", ("derive", "x'*x", "x", "--hint", "9"), 2, ["has 3 steps", "--hint 3"]),
    ("steps", ("derive", "x'*x", "x", "--hint", "--step", "1"), 2, ["exclude each other"]),
    ("steps", ("derive", "x'*x", "x", "--step", "1", "--json"), 2, ["--step is text only"]),
    ("steps", ("derive", "x'*x", "x", "--step", "0"), 2, ["--step is a whole number from 1"]),
    ("latex", ("derive", "x'*x", "x", "--standalone", "--format", "html"), 2, ["made of LaTeX"]),
    ("latex", ("derive", "x'*x", "x", "--notation", "nable"), 2, ["--notation nabla"]),
    ("latex", ("derive", "x'*x", "x", "--bold"), 2, ["--vectors bold"]),
    ("explain", ("explain",), 2, ["explain takes one rule"]),
    (
        "explain",
        ("explain", "produkt"),
        2,
        ["there is no rule produkt", "matderiv explain product"],
    ),
    ("explain", ("explain", "<script>"), 2, ["there is no rule <script>"]),
    ("equation", ("derive", "x = x'*x", "x"), 2, ["""alone: matderiv derive "x'*x" x"""]),
    ("case", ("derive", "exp(x)", "X"), 2, ["there is no X in exp(x)", '"X: k,l"']),
    ("assume", ("derive", "x", "x", "--assume", "Q: symmetric"), 2, ["Q is assumed symmetric"]),
    ("verb", ("x'*A*x", "x"), 2, ["""is not a command\n  try:   matderiv derive "x'*A*x" x"""]),
    ("verb", ("x'*A*x",), 2, ["""matderiv derive "x'*A*x" x"""]),
    ("verb", ("-x'*x", "x"), 2, ["""matderiv derive "-x'*x" x"""]),
    ("verb", ("steps", "x'*x", "x"), 2, ["""try:   matderiv derive "x'*x" x --steps"""]),
    ("verb", ("latex", "x'*x", "x"), 2, ["""try:   matderiv derive "x'*x" x --format latex"""]),
    ("verb", ("torch", "x'*x", "x"), 2, ["""try:   matderiv code "x'*x" x --target torch"""]),
    ("verb", ("grad", "x'*x", "x"), 2, ["""try:   matderiv derive "x'*x" x"""]),
    ("verb", ("derve", "x", "x"), 2, ["there is no command derve\n  try:   matderiv derive"]),
    (
        "verb",
        ("hello",),
        2,
        ["there is no command hello", "one of derive, check, verify"],
    ),
    ("verb", ("homework", "sheet.tex"), 2, ["matderiv verify --file sheet.tex"]),
    ("verb", ("my sheet.md",), 2, ['matderiv verify --file "my sheet.md"']),
    ("verb", ("--quiet", "derive", "x", "x"), 2, ["stands before the command"]),
    ("operand", ("derive",), 2, ["the expression is missing"]),
    ("operand", ("derive", "x'*A*x"), 2, ["variable to differentiate by is missing", "x, or by A"]),
    ("operand", ("derive", "x", "+", "x", "x"), 2, ["4 are given", "double quotes"]),
    ("operand", ("derive", "x", "x", "--wrt", "x"), 2, ["takes one of expression and variable"]),
    ("operand", ("derive", "2"), 2, ["the expression has no variable"]),
    ("operand", ("rules", "inv", "det"), 2, ["explain takes one rule or function"]),
    ("operand", ("examples", "x"), 2, ["examples takes nothing"]),
    ("rules", ("rules", "sigmod"), 2, ["there is no rule sigmod", "matderiv explain sigmoid"]),
    ("quotes", ("derive", "x*A*x", "x"), 2, ["cannot multiply", "only inside double quotes"]),
]


@pytest.mark.parametrize(
    ("row", "arguments", "status", "said"),
    MISTAKES,
    ids=[f"{row[0]}-{k}" for k, row in enumerate(MISTAKES)],
)
def test_mistakes(
    run: Run, row: str, arguments: tuple[str, ...], status: int, said: list[str]
) -> None:
    """The exit code, what is said on standard error, nothing on standard output, at once."""
    told = run(*arguments, seconds=1)
    assert told.status == status
    if "--json" in arguments:
        assert json.loads(told.out)["exit"] == status
        return
    assert told.out == ""
    for part in said:
        assert part in told.err
    assert len(told.err) < 1_500
    ascii_only = run(*arguments, "--ascii", seconds=1)
    assert ascii_only.err.isascii()


# Limits of the check ------------------------------------------------------------------------------

UNDECIDED = [
    ("50", ("a^(10^9)", "a"), "1000000000*a^(10^9 - 1)", "the exponent 1e+09 is too large"),
    ("52", ("(a+1)^100000", "a"), "100000*(a + 1)^99999", "the exponent 100000 is too large"),
    ("56", ("mean(X.^2)", "X", "--shape", "X: 10000,10000"), "X/50000000", "too large to check"),
    ("84", ("sum(log(-square(x)))", "x"), "2./x", "no finite value"),
]


@pytest.mark.parametrize(("row", "arguments", "result", "reason"), UNDECIDED)
def test_what_numbers_cannot_check_is_shown_and_said(
    run: Run, row: str, arguments: tuple[str, ...], result: str, reason: str
) -> None:
    told = run("derive", *arguments)
    assert (told.status, told.out) == (3, result + "\n")
    assert "Checked   undecided: " in told.err
    assert reason in told.err
    quiet = run("derive", *arguments, "-q")
    assert quiet.err.startswith("undecided: ")
    assert "verdict              undecided" in run("check", *arguments).out


WORKS = [
    ("51", "9^9^9*a", "a", ()),
    ("53", "inv(" * 60 + "A" + ")" * 60, "A", ()),
    ("53", "A^-1^-1", "A", ()),
    ("54", "*".join(["A"] * 20), "A", ()),
    ("55", "sum(tanh(A*tanh(B*tanh(C*x))))", "x", ("--order", "3", "--points", "1")),
    ("86", "logdet(X)", "X", ()),
    ("87", "sum(log(1 + exp(1000*x)))", "x", ()),
    ("87", "logsumexp(1000*x)", "x", ()),
    ("87", "sum(sigmoid(-800*x))", "x", ()),
]


@pytest.mark.parametrize(("row", "text", "wrt", "more"), WORKS)
def test_odd_questions_are_answered(
    run: Run, row: str, text: str, wrt: str, more: tuple[str, ...]
) -> None:
    told = run("derive", text, wrt, *more, seconds=20)
    assert told.status in (0, 3)
    assert told.out


def test_a_contradicted_result_is_not_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    report = CheckReport("disproved", 0.5, 0.5, "complex step and central differences", 1, 0)
    monkeypatch.setattr(derive.Derivation, "check", lambda *args, **more: report)
    told = run("derive", "x'*x", "x")
    assert (told.status, told.out) == (70, "")
    assert "Internal error: the derivative that was found does not agree with numbers" in told.err
    assert """please report this mistake in matderiv 0.1.0: matderiv derive "x'*x" x""" in told.err
    assert "2*x" not in told.err
    found = json.loads(run("derive", "x'*x", "x", "--json").out)
    assert (found["error"]["code"], found["exit"]) == ("internal", 70)
    assert run("check", "x'*x", "x").status == 70


def test_our_own_mistakes_are_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **more: object) -> None:
        raise ValueError("planted\nmistake")

    monkeypatch.setattr("matderiv.command.question.derive", broken)
    run = Run(capsys)
    told = run("derive", "x'*x", "x", "-q")
    assert (told.status, told.out) == (70, "")
    assert told.err.startswith(
        "Internal error: ValueError: planted mistake\n  try:   please report"
    )
    assert main(["derive", "x'*x", "x", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


# Files --------------------------------------------------------------------------------------------


def test_a_result_goes_to_a_file(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "gradient.txt"
    told = run("derive", "x'*x", "x", "-q", "-o", str(target))
    assert told == (0, "", "")
    assert target.read_text() == "2*x\n"
    assert run("derive", "x'*x", "x", "-q", "-o", "-").out == "2*x\n"


def test_a_file_is_replaced_only_by_force(run: Run, tmp_path: Path) -> None:
    """Row 95."""
    target = tmp_path / "old.txt"
    target.write_text("old")
    told = run("derive", "x'*x", "x", "-o", str(target))
    assert (told.status, told.out, target.read_text()) == (2, "", "old")
    assert "exists already" in told.err
    assert "--force" in told.err
    assert run("derive", "x +", "x", "-o", str(target), "--force").status == 2
    assert target.read_text() == "old"
    assert run("derive", "x'*x", "x", "-o", str(target), "--force", "--json").status == 0
    assert json.loads(target.read_text())["result"] == "2*x"
    assert [p.name for p in tmp_path.iterdir()] == ["old.txt"]


def test_places_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    """Row 95."""
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for name, more, status in (
        (tmp_path / "no" / "f", (), 2),
        (tmp_path, ("--force",), 2),
        (circle, (), 2),
        (circle, ("--force",), 74),
    ):
        told = run("derive", "x'*x", "x", "-o", str(name), *more)
        assert (told.status, told.out) == (status, "")
        assert "Output: " in told.err or "Usage: " in told.err
    assert [p.name for p in tmp_path.iterdir()] == ["circle"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk(run: Run) -> None:
    """Row 95."""
    told = run("derive", "x'*x", "x", "-o", "/dev/full")
    assert (told.status, told.out) == (74, "")
    assert "Output: cannot write /dev/full: No space left on device" in told.err


def test_an_expression_from_a_file(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "loss.txt"
    source.write_bytes("\ufeffnorm2(X*w\n  - y)^2   # least squares\n".encode())
    assert run("derive", "--file", str(source), "w", "-q").out == "2*X'*(X*w - y)\n"
    assert run("derive", "--file", str(source), "--wrt", "w", "-q").status == 0
    assert run("derive", "--file", str(source), "w", "w").status == 2


def test_files_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    """Row 94."""
    circle, large, binary = tmp_path / "circle", tmp_path / "large", tmp_path / "binary"
    circle.symlink_to(circle)
    with large.open("wb") as stream:
        stream.truncate(2 * 2**30)
    binary.write_bytes(b"\x7fELF\x02\x01\x01\xfe")
    for name, said in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "Is a directory"),
        (circle, "symbolic links"),
        (large, "more than 400000 bytes"),
        (binary, "not UTF-8: byte 0xfe at offset 7"),
    ):
        told = run("derive", "--file", str(name), "x", seconds=1)
        assert (told.status, told.out) == (2, "")
        assert said in told.err
