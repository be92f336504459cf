"""The command line: what is printed where, documents, help and rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run

from matderiv.calculus.derivative import KINDS, LAYOUTS
from matderiv.calculus.structure import STRUCTURES
from matderiv.command import flags, rules, verbs
from matderiv.command.failures import EXIT_CODES
from matderiv.command.streams import SPELLINGS, in_ascii
from matderiv.language.declare import FACTS
from matderiv.language.sentences import plain_words
from matderiv.views.reasons import says

LOGISTIC = "sum(log(1 + exp(-y.*(X*w))))"


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


OPERATORS = [
    ("divergence", "A*x", ("--shape", "A: n,n"), "tr(A)"),
    ("laplacian", "sum(x.^3)", (), "6*sum(x)"),
    ("implicit", "A*x - b", ("--shape", "A: n,n", "--by", "b"), "inv(A)"),
    ("taylor", "x'*A*x", ("--assume", "A: symmetric"), "x'*A*x + 2*dx'*A*x + dx'*A*dx"),
]


@pytest.mark.parametrize(("verb", "f", "declared", "wanted"), OPERATORS)
def test_operators_are_verbs(
    run: Run, verb: str, f: str, declared: tuple[str, ...], wanted: str
) -> None:
    told = run(verb, f, "x", *declared)
    assert (told.status, told.out) == (0, f"{wanted}\n")
    assert "Checked   the derivatives in it" in told.err
    assert json.loads(run(verb, f, "x", *declared, "--json").out)["result"] == wanted
    assert r"\mathbf{" in run(verb, f, "x", *declared, "--format", "latex").out


def test_what_an_exact_identity_decided_is_not_called_undecided(run: Run) -> None:
    told = run("derive", "abs(sum(P.^2 - 1))", "P", "--assume", "P: labels")
    assert told.out == "2*sign(sum(P.^2 - 1))*P\n"
    assert told.err.splitlines()[-1].startswith("Checked   verified: exact identity test at sizes")


PRINTED = [
    (("derive", "x'*A*x", "x", "--assume", "A: symmetric"), "2*A*x"),
    (("derive", "x'*A*x", "--wrt", "x"), "(A + A')*x"),
    (("derive", "--wrt=x", "x'*x"), "2*x"),
    (("derive", "-x'*x", "x"), "-2*x"),
    (("derive", "-q'*x", "x"), "-q"),
    (("derive", "--", "--x", "x"), "eye(n)"),
    (("derive", "x'*x", "x", "--order", "2"), "2*eye(n)"),
    (("derive", "x'*A*x", "x", "--layout", "numerator", "--assume=A: symmetric"), "2*x'*A"),
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


@pytest.mark.parametrize(
    ("f", "x", "shape", "says"),
    [
        ("[c^2, c, 1; 2*c, 3, sin(c)]", "c", "c:", "in the shape of f: 2 × 3"),
        ("[x_1*x_2; sin(x_2); x_1]", "x", "x: 2", "entry (j, i) is ∂f_i/∂x_j: 2 × 3"),
        ("c*X", "c", "X: 2,3; c: 1", "entry (i, j) is ∂f_ij/∂c: 2 × 3"),
    ],
)
def test_the_layout_says_the_shape_that_is_shown(
    run: Run, f: str, x: str, shape: str, says: str
) -> None:
    assert says in run("derive", f, x, "--shape", shape, "--layout", "denominator").err


def test_no_matrix_form_gives_index_and_vec_form(run: Run) -> None:
    told = run("derive", "A*X*B", "X")
    assert "Layout    entry (i, j, k, l) is ∂f_ij/∂X_kl: m × q × n × p" in told.err
    assert "Vec form  ∂vec(f)/∂vec(X)' = kron(B',A)" in told.err


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
    assert all(v in told.out for v in verbs.VERBS)
    assert all(f" {code:>3}  {said}" in told.out for code, said in EXIT_CODES.items())
    assert told.out == run("help").out == run("-h").out
    assert max(map(len, told.out.splitlines())) <= 96
    examples = [f"matderiv {c}" for _, c in verbs.EXAMPLES[: verbs.FIRST]]
    for command in examples:
        assert command in told.out
        assert run(*words(command)[1:]).status == 0


@pytest.mark.parametrize("verb", list(verbs.VERBS))
def test_every_command_has_a_page_with_examples_that_run(
    run: Run, verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "derivation.tex").write_text(r"$f = x^\top x$, so $\nabla f = 2x$.")
    (tmp_path / "answers.csv").write_text("student,answer\nA,(A + A')*x\n")
    told = run(verb, "--help")
    assert told.out == run("help", verb).out
    assert max(map(len, told.out.splitlines())) <= 80
    for option in verbs.VERBS[verb].options:
        assert option.flag in told.out
    if verb == "serve":  # runs until it is interrupted; the tests of the page start it
        return
    for command in verbs.VERBS[verb].examples:
        assert run(*words(command)[1:]).status == 0


def test_without_arguments_the_help_is_an_error(run: Run) -> None:
    told = run()
    assert (told.status, told.out) == (2, "")
    assert told.err == run("--help").out


def test_version(run: Run) -> None:
    assert run("--version") == (0, "matderiv 0.1.0\n", "")


def test_the_words_of_the_options_are_those_of_the_library() -> None:
    assert (flags.KINDS, flags.LAYOUTS) == (KINDS, LAYOUTS)
    assert flags.STRUCTURES == tuple(STRUCTURES)
    facts = next(o.says for o in flags.ASKED if o.flag == "--assume")
    assert all(f in facts for f in FACTS)


def words(command: str) -> list[str]:
    """A command line of ours as a shell splits it: blanks, and double quotes around the rest."""
    pieces = command.split('"')
    found: list[str] = []
    for k, piece in enumerate(pieces):
        found += [piece] if k % 2 else piece.split()
    return found


def test_every_example_is_told(run: Run) -> None:
    told = run("examples").out
    assert all(f"# {about}\nmatderiv {c}\n" in told for about, c in verbs.EXAMPLES)


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
    assert plain_words(says(function)) in told.out
    assert function.example in told.out
    if function.kind not in ("constant", "refused") and function.example[-2:-1].isalpha():
        assert "  by " in told.out


def test_a_rule_says_what_a_person_asks(run: Run) -> None:
    told = run("rules", "inv").out
    assert "by X     d(inv(X)) = -inv(X)*dX*inv(X)" in told
    assert "needs    an argument that is invertible" in told
    assert "no derivative where x = 0" in run("rules", "relu").out
    assert "no derivative is known here" in run("rules", "sort_map").out
    assert run("rules", "ln").out == run("rules", "log").out
    assert run("rules", "max").out.count("example") == 2


def test_every_sign_we_print_has_an_ascii_spelling() -> None:
    for sign, spelled in SPELLINGS.items():
        assert spelled.isascii()
        assert in_ascii(sign) == spelled
    assert in_ascii("х") == "\\u0445"
