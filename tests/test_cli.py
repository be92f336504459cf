"""The command line in one process: what stands where, exit codes, and what is said about mistakes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from matderiv import api
from matderiv.cli import main
from matderiv.command import manual, options, rules
from matderiv.command.failures import EXIT_CODES
from matderiv.command.streams import SPELLINGS, in_ascii
from matderiv.derivation import KINDS, LAYOUTS
from matderiv.input.declare import FACTS
from matderiv.report import CheckReport
from matderiv.structure import STRUCTURES

LOGISTIC = "sum(log(1 + exp(-y.*(X*w))))"


class Told(NamedTuple):
    """The outcome of a run."""

    status: int
    out: str
    err: str


class Run:
    """Runs a command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, seconds: float = 2) -> Told:
        started = time.perf_counter()
        status = main(arguments)
        assert time.perf_counter() - started < seconds
        told = Told(status, *self.capsys.readouterr())
        assert "Traceback" not in told.out + told.err
        return told


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run in a terminal that takes every character."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm")
    return Run(capsys)


# What is printed ----------------------------------------------------------------------------------


def test_the_logistic_loss(run: Run) -> None:
    told = run("derive", LOGISTIC, "w")
    assert told.status == 0
    assert told.out == "-X'*(y.*sigmoid(-y.*(X*w)))\n"
    lines = told.err.splitlines()
    assert lines[0] == f"Read as   f = {LOGISTIC}"
    assert lines[1] == 'Sizes     y: m, X: m × n, w: n (guessed; --shape "y: m" says so)'
    assert lines[2] == "Layout    the gradient has the shape of w: n"
    assert lines[3].startswith("Checked   verified with finite differences, 8 points, worst")
    assert lines[3].endswith("seed 0")
    assert len(lines) == 4


PRINTED = [
    (("derive", "x'*A*x", "x", "--assume", "A: symmetric"), "2*A*x"),
    (("derive", "x'*A*x", "--wrt", "x"), "(A + A')*x"),
    (("derive", "--wrt=x", "x'*x"), "2*x"),
    (("derive", "-x'*x", "x"), "-2*x"),
    (("derive", "-q'*x", "x"), "-q"),
    (("derive", "--", "--x", "x"), "eye(n)"),
    (("derive", "x'*x", "x", "--order", "2"), "2*eye(n)"),
    (("derive", "x'*A*x", "x", "--layout", "numerator", "--assume=A: symmetric"), "(2*A*x)'"),
    (("derive", "A*x", "x", "--layout", "denominator"), "A'"),
    (("derive", "W*x + b", "W", "--shape", "b: m", "--kind", "vjp"), "G*x'"),
    (("derive", "W*x", "W", "--kind", "vjp", "--upstream", "D"), "D*x'"),
    (("derive", "inv(X)", "X", "--kind", "differential"), "-inv(X)*dX*inv(X)"),
    (("derive", "(A+A')*x", "x", "--structure", "none"), "A + A'"),
    (("derive", "a^2", "a"), "2*a"),
    (("derive", "μ*x'*x", "μ"), "x'*x"),
    (("derive", "A*X*B", "X"), "∂f_ij/∂X_kl = A_ik B_lj"),
    (("derive", "tr(A*X)", "X", "--format", "latex"), r"\mathbf{A}^{\top}"),
    (("derive", "x", "y", "--shape", "y: k; x: n"), "zeros(n,k)"),
]


@pytest.mark.parametrize(("arguments", "result"), PRINTED)
def test_the_result_alone_is_on_standard_output(
    run: Run, arguments: tuple[str, ...], result: str
) -> None:
    told = run(*arguments)
    assert (told.status, told.out) == (0, result + "\n")
    assert "Read as" in told.err
    quiet = run(arguments[0], "-q", *arguments[1:])
    assert quiet == (0, result + "\n", "")
    unchecked = run(arguments[0], "--no-check", *arguments[1:])
    assert unchecked.out == told.out
    assert "Checked   no, as --no-check asks" in unchecked.err


def test_a_name_that_does_not_occur_is_warned_about(run: Run) -> None:
    """Row 72: declared it gives zero, undeclared it is a mistake."""
    told = run("derive", "x'*x", "y", "--shape", "y: k")
    assert (told.status, told.out) == (0, "zeros(k)\n")
    assert "Warning   y does not occur in the expression" in told.err
    refused = run("derive", "x'*x", "y")
    assert (refused.status, refused.out) == (2, "")
    assert 'try:   x; or --shape "y: k" declares it' in refused.err


def test_no_matrix_form_gives_index_and_vec_form(run: Run) -> None:
    told = run("derive", "A*X*B", "X")
    assert "Layout    jacobian with the entries ∂f_ij/∂X_kl: m × p × n × k" in told.err
    assert "Vec form  ∂vec(f)/∂vec(X)' = kron(B',A)" in told.err


def test_guesses_that_look_odd_are_said_in_the_words_of_the_command_line(run: Run) -> None:
    told = run("derive", "norm2(A*x - b)^2", "x")
    assert 'b is taken as a scalar; declare it with --shape "b: m"' in told.err
    assert "b is taken" not in run("derive", "norm2(A*x - b)^2", "x", "--shape", "b: m").err


def test_check_tells_everything(run: Run) -> None:
    told = run("check", "sum(relu(W*x))", "W", "--seed", "7", "--points", "3")
    assert told.status == 0
    rows = dict(line.split(maxsplit=1) for line in told.out.splitlines() if line)
    assert rows["verdict"] == "verified"
    assert rows["points"] == "3, drawn with seed 7"
    assert "complex step         worst relative error" in told.out
    assert "central differences  worst relative error" in told.out
    assert "Result    step(W*x)*x'" in told.err


def test_the_same_seed_gives_the_same_bytes(run: Run) -> None:
    """Row 102."""
    for arguments in (("derive", LOGISTIC, "w", "--json"), ("check", LOGISTIC, "X", "--seed", "3")):
        assert run(*arguments) == run(*arguments)
    assert run("check", LOGISTIC, "w") != run("check", LOGISTIC, "w", "--seed", "1")


# JSON ---------------------------------------------------------------------------------------------


def test_a_document_holds_everything(run: Run) -> None:
    for arguments in (["--json"], ["--format", "json"], ["--format=json"]):
        told = run("derive", "x'*A*x", "x", "--assume", "A: symmetric", *arguments)
        assert (told.status, told.err) == (0, "")
        found = json.loads(told.out)
        assert found["schema"] == "matderiv/1"
        assert found["expression"] == found["read_as"] == "x'*A*x"
        assert (found["wrt"], found["kind"], found["order"]) == ("x", "gradient", 1)
        assert (found["layout"], found["result"], found["shape"]) == ("gradient", "2*A*x", ["n"])
        assert found["index"].startswith("∂f/∂x_i = ")
        assert found["shapes"] == {"x": ["n"], "A": ["n", "n"]}
        assert found["assume"] == {"A": ["symmetric"]}
        assert found["latex"] == r"2\mathbf{A}\mathbf{x}"
        assert found["check"]["verdict"] == "verified"
        assert found["check"]["seed"] == 0
        assert told.out.isascii()


def test_a_document_without_matrix_form_or_check(run: Run) -> None:
    found = json.loads(run("derive", "A*X*B", "X", "--json", "--no-check").out)
    assert (found["result"], found["vec"], found["check"]) == (None, "kron(B',A)", None)
    undecided = run("derive", "a^(10^9)", "a", "--json")
    assert undecided.status == 3
    assert json.loads(undecided.out)["check"]["error"] is None


def test_errors_are_documents_too(run: Run) -> None:
    told = run("derive", "x +\ny +* z", "x", "--json")
    assert (told.status, told.err) == (2, "")
    found = json.loads(told.out)
    assert (found["schema"], found["exit"]) == ("matderiv/1", 2)
    error = found["error"]
    assert (error["code"], error["class"]) == ("parse", "ParseError")
    assert (error["offset"], error["length"], error["line"], error["column"]) == (7, 1, 2, 4)
    assert "expected an operand after +" in error["message"]
    for arguments in (("derive",), ("derive", "foo(x)", "x"), ("nothing",), ("rules", "foo")):
        told = run(*arguments, "--json")
        assert told.status == json.loads(told.out)["exit"] == 2
    assert json.loads(run("derive", "\ud800", "x", "--json").out)["error"]["code"] == "parse"


# Help ---------------------------------------------------------------------------------------------


def test_help_is_a_page_with_examples_that_run(run: Run) -> None:
    told = run("--help")
    assert (told.status, told.err) == (0, "")
    assert all(v in told.out for v in options.VERBS)
    assert all(f" {code:>3}  {said}" in told.out for code, said in EXIT_CODES.items())
    assert told.out == run("help").out == run("-h").out
    assert max(map(len, told.out.splitlines())) <= 96
    examples = [c for c, _ in manual.EXAMPLES]
    assert len(examples) == 4
    for command in examples:
        assert command in told.out
        assert run(*words(command)[1:]).status == 0


@pytest.mark.parametrize("verb", list(options.VERBS))
def test_every_command_has_a_page_with_examples_that_run(run: Run, verb: str) -> None:
    told = run(verb, "--help")
    assert told.out == run("help", verb).out
    assert max(map(len, told.out.splitlines())) <= 80
    for option in options.VERBS[verb].options:
        assert option.flag in told.out
    for command in options.VERBS[verb].examples:
        assert run(*words(command)[1:]).status == 0


def test_without_arguments_the_help_is_an_error(run: Run) -> None:
    told = run()
    assert (told.status, told.out) == (2, "")
    assert told.err == run("--help").out


def test_version(run: Run) -> None:
    assert run("--version") == (0, "matderiv 0.1.0\n", "")


def test_the_words_of_the_options_are_those_of_the_library() -> None:
    assert (options.KINDS, options.LAYOUTS) == (KINDS, LAYOUTS)
    assert options.STRUCTURES == tuple(STRUCTURES)
    facts = next(o.says for o in options.ASKED if o.flag == "--assume")
    assert all(f in facts for f in FACTS)


def words(command: str) -> list[str]:
    """A command line of ours as a shell splits it: blanks, and double quotes around the rest."""
    pieces = command.split('"')
    found: list[str] = []
    for k, piece in enumerate(pieces):
        found += [piece] if k % 2 else piece.split()
    return found


@pytest.mark.parametrize("command", [c for _, c in rules.EXAMPLES])
def test_examples_run(run: Run, command: str) -> None:
    assert f"matderiv {command}\n" in run("examples").out
    assert run(*words(command)).status == 0


# Rules --------------------------------------------------------------------------------------------


def test_rules_list_every_function(run: Run) -> None:
    told = run("rules")
    assert (told.status, told.err) == (0, "")
    listed = [line.split(maxsplit=1)[0] for line in told.out.splitlines()]
    assert {"logdet", "softmax", "*", "'", ".*", "attention"} <= set(listed)
    assert "variable" not in listed
    assert len(json.loads(run("rules", "--json").out)["rules"]) == len(listed)


@pytest.mark.parametrize("function", rules.listed(), ids=lambda f: f.name)
def test_every_rule_is_shown_with_its_differential(run: Run, function: rules.Function) -> None:
    told = run("rules", rules.symbol(function))
    assert told.status == 0
    assert function.says in told.out
    assert function.example in told.out
    if function.kind not in ("constant", "refused") and function.example[-2:-1].isalpha():
        assert "  by " in told.out


def test_a_rule_says_what_a_person_asks(run: Run) -> None:
    told = run("rules", "inv").out
    assert "by X     d(inv(X)) = -inv(X)*dX*inv(X)" in told
    assert "needs    an argument that is invertible" in told
    assert "no derivative where x = 0" in run("rules", "relu").out
    assert "no derivative is known here" in run("rules", "cholesky").out
    assert run("rules", "ln").out == run("rules", "log").out
    assert run("rules", "max").out.count("example") == 2


# Mistakes -----------------------------------------------------------------------------------------

# number of the case, arguments, exit code, what is said
MISTAKES: list[tuple[str, tuple[str, ...], int, list[str]]] = [
    ("1", ("derive", "", "x"), 2, ["ParseError: empty expression", "try:   an expression such"]),
    ("2", ("derive", " \n ", "x"), 2, ["ParseError: empty expression"]),
    ("3", ("derive", "# only a comment", "x"), 2, ["ParseError: empty expression"]),
    ("4", ("derive", "x +", "x"), 2, ["ParseError: expected an operand after +\n  x +\n     ^"]),
    ("7", ("derive", "(x", "x"), 2, ["never closed\n  (x\n  ^", "add )"]),
    ("13", ("derive", "x y", "x"), 2, ["an operator is missing", "x*y"]),
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
    ("80", ("derive", "x_{\\write18{id}}", "x"), 2, ["LEFT CURLY BRACKET"]),
    ("84", ("derive", "log(0)*x", "x"), 2, ["DomainError: log needs a number above 0"]),
    ("84", ("derive", "x/0", "x"), 2, ["DomainError: division by zero"]),
    ("rule", ("derive", "cholesky(A)", "A"), 3, ["NoRule: the derivative of cholesky"]),
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
    ("declare", ("derive", "x", "x", "--shape", "x n"), 2, ["a name, a colon and sizes", "x n"]),
    ("assume", ("derive", "x", "x", "--assume", "Q: symmetric"), 2, ["Q is assumed symmetric"]),
    ("verb", ("x'*A*x", "x"), 2, ["""is not a command\n  try:   matderiv derive "x'*A*x" x"""]),
    ("verb", ("x'*A*x",), 2, ["""matderiv derive "x'*A*x" x"""]),
    ("verb", ("-x'*x", "x"), 2, ["""matderiv derive "-x'*x" x"""]),
    ("verb", ("derve", "x", "x"), 2, ["there is no command derve\n  try:   matderiv derive"]),
    ("verb", ("hello",), 2, ["there is no command hello", "derive, check, rules, examples"]),
    ("verb", ("--quiet", "derive", "x", "x"), 2, ["stands before the command"]),
    ("operand", ("derive",), 2, ["the expression is missing"]),
    ("operand", ("derive", "x'*A*x"), 2, ["variable to differentiate by is missing", "x, or by A"]),
    ("operand", ("derive", "x", "x", "x"), 2, ["3 are given", "double quotes"]),
    ("operand", ("derive", "x", "x", "--wrt", "x"), 2, ["takes one of expression and variable"]),
    ("operand", ("derive", "2"), 2, ["the expression has no variable"]),
    ("operand", ("rules", "inv", "det"), 2, ["rules takes one name"]),
    ("operand", ("examples", "x"), 2, ["examples takes nothing"]),
    ("rules", ("rules", "sigmod"), 2, ["there is no function sigmod", "matderiv rules sigmoid"]),
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
    ("56", ("sum(X*w)", "w", "--shape", "X: 100000,100000"), "sum(X,1)'", "too large to check"),
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
    monkeypatch.setattr(api.Derivation, "check", lambda *args, **more: report)
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


def test_every_sign_we_print_has_an_ascii_spelling() -> None:
    for sign, spelled in SPELLINGS.items():
        assert spelled.isascii()
        assert in_ascii(sign) == spelled
    assert in_ascii("х") == "\\u0445"
