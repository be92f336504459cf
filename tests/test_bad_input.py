"""Bad input: the class of error, where the caret stands, what is said and what to try."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest

from matderiv.doors.derive import derive
from matderiv.doors.graph import graph
from matderiv.doors.verify import verify
from matderiv.errors import (
    DomainError,
    LimitError,
    MatderivError,
    ParseError,
    ShapeError,
    UnknownFunction,
    UnknownName,
)
from matderiv.input.resolve import read
from matderiv.language.declare import declarations, stated

# number of the case, text, error, (start, end) of the caret, part of the message, part of the hint
TEXTS: list[tuple[str, str, type[MatderivError], tuple[int, int] | None, str, str]] = [
    ("1", "", ParseError, None, "empty expression", "sum("),
    ("2", " \n\t \n", ParseError, None, "empty expression", "sum("),
    ("3", "# only a comment", ParseError, None, "empty expression", "sum("),
    ("3", "% only a comment", ParseError, None, "empty expression", "sum("),
    ("4", "x +", ParseError, (3, 3), "expected an operand after +", ""),
    ("5", "* x", ParseError, (0, 1), "found *", ".*"),
    ("6", "x * * y", ParseError, (4, 5), "operand after *", ".*"),
    ("7", "(x", ParseError, (0, 1), "never closed", "add )"),
    ("7", "tr(", ParseError, (3, 3), "expected an expression", ""),
    ("7", "y*sum(x + (y", ParseError, (10, 11), "never closed", "add )"),
    ("8", "x)", ParseError, (1, 2), "closes nothing", ""),
    ("9", "[x)", ParseError, (0, 1), "this [ is never closed", ""),
    ("10", "()", ParseError, (1, 2), "expected an expression", ""),
    ("11", "f()", ParseError, (2, 3), "expected an expression", ""),
    ("12", "f(,x)", ParseError, (2, 3), "expected an expression", ""),
    ("13", "1/2x", ParseError, (2, 4), "ambiguous", "1/(2*x)"),
    ("16", "x^^2", ParseError, (2, 3), "expected an exponent", ""),
    ("17", "x**", ParseError, (3, 3), "expected an exponent", ""),
    ("19", "'x", ParseError, (0, 1), "transpose needs something", ""),
    ("20", "1.2.3", ParseError, (0, 5), "one decimal point", ""),
    ("21", "1e", ParseError, (0, 2), "no digits", "1*e"),
    ("21", "a + 1e-", ParseError, (4, 7), "no digits", "1e-3"),
    ("22", "0x10", ParseError, (0, 2), "decimal", ""),
    ("23", "1e999", ParseError, (0, 5), "too large for a float", ""),
    ("23", "1e-999", ParseError, (0, 6), "too small for a float", ""),
    ("24", "7" * 5_000, LimitError, (0, 5_000), "5000 digits, the limit is 50", ""),
    ("25", "x = 3", ParseError, (2, 3), "only an expression", "where"),
    ("26", "x == y", ParseError, (2, 4), "there is no ==", ">= or <="),
    ("27", "x + sum(y) < z < 1", ParseError, (15, 16), "do not chain", "(a < b)"),
    ("28", "x; y", ParseError, (1, 2), "only an expression", "where"),
    ("29", '"abc"', ParseError, (0, 5), "quotation mark", ""),
    ("30", "`id`", ParseError, (0, 1), "GRAVE ACCENT", ""),
    ("LaTeX", r"\frac{1}{2*x", ParseError, (8, 9), "never closed", "add }"),
    ("NumPy", "np.dot(x,y", ParseError, (6, 7), "never closed", "add )"),
    ("31", "x @@ y", ParseError, (3, 4), "operand after", ""),
    ("32", "x $ y", ParseError, (2, 3), "DOLLAR SIGN", ""),
    ("33", "x\0y", ParseError, (1, 2), "U+0000 at offset 1", ""),
    ("34", "x\ud800", ParseError, (1, 2), "U+D800 at offset 1", ""),
    ("36", "x\u202ey", ParseError, (1, 2), "U+202E RIGHT-TO-LEFT OVERRIDE", ""),
    ("36", "x\u200dy", ParseError, (1, 2), "U+200D ZERO WIDTH JOINER", ""),
    ("37", "x + \u0445", ParseError, (4, 5), "CYRILLIC SMALL LETTER HA", "Greek"),
    ("38", "\ufb00", ParseError, (0, 1), "LIGATURE FF", "letters"),
    ("39", "∑x", ParseError, (0, 1), "N-ARY SUMMATION", "sum(x)"),
    ("39", "“x”", ParseError, (0, 3), "quotation mark", ""),
    ("39", "x×y", ParseError, (1, 2), "MULTIPLICATION SIGN", "cross"),
    ("40", "（ｘ）", ParseError, (0, 1), "FULLWIDTH", ""),
    ("41", "x + ٣", ParseError, (4, 5), "ARABIC-INDIC DIGIT", ""),
    ("42", "x*😀", ParseError, (2, 3), "GRINNING FACE", ""),
    ("43", "x" * 100_001, LimitError, None, "100001 characters, the limit is 100000", ""),
    ("43", "x" * 65, LimitError, (0, 65), "65 characters, the limit is 64", ""),
    ("44", "x+" * 10_000 + "x", LimitError, None, "20001 tokens, the limit is 20000", ""),
    ("44", "(" + "+".join(f"x{k}" for k in range(2_001)) + ")", LimitError, None, "2001", ""),
    ("45", "(" * 101 + "x" + ")" * 101, LimitError, (100, 101), "101 deep", ""),
    ("46", "(" * 100_000, LimitError, None, "100000 tokens", ""),
    ("47", "-" * 99_999 + "x", LimitError, None, "100000 tokens", ""),
    ("48", "sin(" * 300 + "x" + ")" * 300, LimitError, (403, 404), "300 deep", ""),
    ("48", "√" * 200 + "x", LimitError, None, "limit of 100", ""),
    ("51", "factorial(10^7)", UnknownFunction, (0, 9), "unknown function factorial", ""),
    ("61", "wyz(x)", UnknownFunction, (0, 3), "unknown function wyz", "wyz*(x)"),
    ("61", "2*x(y + 1)", UnknownFunction, (2, 3), "unknown function x", "x*(y + 1)"),
    ("62", "sofmax(x)", UnknownFunction, (0, 6), "unknown function sofmax", "softmax"),
    ("62", "abstract_map(x)", UnknownFunction, (0, 12), "unknown function abstract_map", ""),
    ("62", "lstm(x,h)", UnknownFunction, (0, 4), "unknown function lstm", "lstm_cell"),
    ("62", "nll_loss(Z,y)", UnknownFunction, (0, 8), "nll_loss", "rules lists the functions"),
    ("62", "rank(A)", UnknownFunction, (0, 4), "rank", "jumps between whole numbers"),
    ("62", "1 + sigmiod(x)", UnknownFunction, (4, 11), "sigmiod", "sigmoid"),
    ("62", "transpose(A)", UnknownFunction, (0, 9), "transpose", "A'"),
    ("63", "sin", ParseError, (0, 3), "needs brackets", "sin(x)"),
    ("64", "dot x", ParseError, (4, 5), "dot needs brackets", "dot(x)"),
    ("64", "sin x*y", ParseError, (0, 3), "what sin covers is not clear", "brackets"),
    ("65", "sin(x,y)", ParseError, (0, 8), "takes 1 argument, 2 given", "sin(x)"),
    ("65", "1 + where(x)", ParseError, (4, 12), "takes 3 arguments, 1 given", "where("),
    ("65", "sum(A,0)", ParseError, (6, 7), "an axis is a number", "sum(x,2)"),
    ("65", "eye(2.5)", ParseError, (4, 7), "a size is", "eye("),
    ("65", 'einsum("i->jj",x)', ParseError, (7, 14), "each letter", "einsum"),
    ("65", "softmax(X)", ShapeError, (0, 10), "needs an axis", "axis=2"),
    ("68", "1 + x*y", ShapeError, (4, 7), "cannot multiply x by y", "x'*y"),
    ("69", "tr(x)", ShapeError, (0, 5), "tr cannot take x: a square matrix is needed", ""),
    ("79", "__import__('os').system('id')", ParseError, (0, 1), "LOW LINE", "letter"),
    ("79", "x.__class__", ParseError, (1, 2), "FULL STOP", ""),
    ("79", "().__class__.__mro__", ParseError, (2, 3), "FULL STOP", ""),
    ("79", "{{7*7}}", ParseError, (0, 1), "LEFT CURLY BRACKET", ""),
    ("79", "${HOME}", ParseError, (0, 1), "DOLLAR SIGN", ""),
    ("79", "$(id)", ParseError, (0, 1), "DOLLAR SIGN", ""),
    ("79", "x;rm", ParseError, (1, 2), "only an expression", ""),
    ("80", "_", ParseError, (0, 1), "LOW LINE", "letter"),
    ("80", "__x__", ParseError, (0, 1), "LOW LINE", "letter"),
    ("80", "x_{\\write18{id}}", ParseError, (3, 9), "the command \\write is not read", ""),
    ("84", "1 + log(0)", DomainError, (4, 10), "log needs a number above 0", ""),
    ("84", "1/0", DomainError, (0, 3), "division by zero", ""),
    ("84", "0/0", DomainError, (0, 3), "division by zero", ""),
    ("84", "x./0", DomainError, (0, 4), "division by zero", ""),
    ("84", "sqrt(-1)", DomainError, (0, 8), "sqrt needs", ""),
    ("84", "0^-1", DomainError, (0, 4), "negative power", ""),
    ("bars", "||x|-y|", ParseError, (3, 4), "bars do not nest", "norm2"),
    ("bars", "|x", ParseError, (0, 1), "never closed", ""),
    ("where", "z where z = x; z = y", ParseError, (15, 20), "has a meaning already", ""),
    ("where", "h where h = z; z = h", ParseError, (12, 13), "before it is defined", ""),
    ("where", "x where", ParseError, (7, 7), "after where", "where z"),
    ("chain", "(a < b < c)", ParseError, (7, 8), "do not chain", ".*"),
]


def refused(text: str, error: type[MatderivError], **context: Any) -> MatderivError:
    """The error that a text raises, with no more than seconds of work."""
    started = time.process_time()
    with pytest.raises(error) as caught:
        read(text, **context)
    assert time.process_time() - started < 5
    assert type(caught.value) is error
    return caught.value


@pytest.mark.parametrize(
    ("row", "text", "error", "span", "message", "hint"),
    TEXTS,
    ids=[f"{row[0]}-{k}" for k, row in enumerate(TEXTS)],
)
def test_text_is_refused(
    row: str,
    text: str,
    error: type[MatderivError],
    span: tuple[int, int] | None,
    message: str,
    hint: str,
) -> None:
    found = refused(text, error)
    assert found.span == span
    assert message in found.message
    assert hint in (found.hint or "")
    assert "?" not in found.message.replace(text, "")
    shown = str(found)
    assert len(shown) < 1_000
    assert shown.isprintable() or "\n" in shown
    shown.replace("\ud800", "").encode()


ACCEPTED = [
    ("14", "2x", "2*x"),
    ("15", "x2", "x2"),
    ("18", "x'''", "x'"),
    ("35", "\ufeffx + y", "x + y"),
    ("39", "a²", "a^2"),
    ("39", "xᵀ*y", "x'*y"),
    ("39", "√a", "sqrt(a)"),
    ("39", "‖x‖", "norm2(x)"),
    ("39", "a·x⊙y", "a*x.*y"),
    ("39", "x – y − z", "x - y - z"),
    ("51", "9^9^9", "(9^9)^9"),
    ("51", "2^(10^9)", "2^(10^9)"),
    ("52", "(a+1)^100000", "(a + 1)^100000"),
    ("53", "A^-1^-1", "(A^-1)^-1"),
    ("53", "inv(" * 60 + "A" + ")" * 60, "inv(" * 60 + "A" + ")" * 60),
    ("54", "*".join(["A"] * 200), "*".join(["A"] * 200)),
    ("80", "v0", "v0"),
]


@pytest.mark.parametrize(("row", "text", "canonical"), ACCEPTED)
def test_odd_text_is_read(row: str, text: str, canonical: str) -> None:
    started = time.process_time()
    assert read(text).read_as == canonical
    assert time.process_time() - started < 5


def test_a_sum_of_1900_terms_is_read_at_once() -> None:
    started = time.process_time()
    assert len(read("+".join(["x"] * 1_900)).expr.args) == 1_900
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "name",
    "lambda E I S N Q O beta gamma zeta e None class import True def axis exec eval".split(),
)
def test_names_of_other_languages_are_variables(name: str) -> None:
    """Row 78."""
    assert read(f"2*{name}").variables[name].name == name


@pytest.mark.parametrize(
    ("typed", "more", "says"),
    [
        ("x'*x plus c", {}, "plus is a word"),
        ("2 x'x minus y'x", {}, "minus is a word"),
        ("half x'*x", {}, "half is a word"),
        ("x'*x const", {}, "const is a word"),
        ("inf*x", {}, "inf is no number"),
        ("x*symmetric", {}, "symmetric is a fact"),
        ("x'*x", {"assume": "x: positive"}, "assume is a dictionary"),
    ],
)
def test_words_are_no_new_names(typed: str, more: dict[str, Any], says: str) -> None:
    with pytest.raises(MatderivError, match=says):
        derive(typed, "x", **more)


@pytest.mark.parametrize("typed", ["x'*x*dx", "A*x + dx"])
def test_the_change_of_a_name_is_one_name(typed: str) -> None:
    assert "dx" in read(typed).variables


# Shapes ------------------------------------------------------------------------------------------

SHAPED: list[tuple[str, str, dict[str, Any], tuple[int, int], list[str], str]] = [
    (
        "66",
        "tr(X * y)",
        {"X": "m,n", "y": "m"},
        (3, 8),
        [
            "cannot multiply X by y",
            "X is m × n, y is m: n and m differ",
            'sizes: m, n from "X: m,n"; m from "y: m"',
        ],
        "X'*y",
    ),
    ("66", "A*B*x", {"A": "m,n", "B": "n,k", "x": "n"}, (0, 5), ["A*B is m × k, x is n"], ""),
    ("66", "A*B", {"A": "m,n", "B": "k,n"}, (0, 3), ["n and k differ"], "A*B'"),
    ("66", "z'*x'", {"z": "m", "x": "n"}, (0, 5), ["cannot multiply z' by x'"], "z*x'"),
    ("66", "A*x'*B'", {"A": "m,n", "B": "k,n", "x": "n"}, (0, 4), ["A by x'"], "A*x"),
    ("67", "A + x", {"A": "m,n", "x": "k"}, (0, 5), ["cannot add x to A", "m and k"], "column"),
    ("67", "A + x", {"A": "m,n", "x": "n"}, (0, 5), ["cannot add x to A"], "A + x'"),
    ("67", "x - A", {"A": "m,n", "x": "n"}, (0, 5), ["cannot subtract A from x"], "x' - A"),
    ("68", "x.*y", {"x": "m", "y": "n"}, (0, 4), ["entry by entry", "m and n differ"], ""),
    ("70", "inv(A)", {"A": "m,n"}, (0, 6), ["inv cannot take A", "m × n"], ""),
    ("71", "det(A)", {"A": "m,n"}, (0, 6), ["det cannot take A", "m × n"], ""),
    ("guess", "A*X + X*A", {"X": "n,d"}, (0, 9), ["d and n differ", 'from "X*A"'], ""),
    ("cross", "cross(x,y)", {"x": "4"}, (0, 10), ["4 and 3 differ"], ""),
    ("axis", "sum(x,2)", {"x": "n"}, (0, 8), ["there is no axis 2"], ""),
]


@pytest.mark.parametrize(("row", "text", "shapes", "span", "said", "hint"), SHAPED)
def test_shapes_that_do_not_fit_are_explained(
    row: str, text: str, shapes: dict[str, Any], span: tuple[int, int], said: list[str], hint: str
) -> None:
    found = refused(text, ShapeError, shapes=shapes)
    assert found.span == span
    shown = str(found)
    for part in said:
        assert part in shown
    assert "?" not in shown
    assert hint in (found.hint or "")


@pytest.mark.parametrize(
    "bad", ["0", "-1", "2.5", "1e400", "n,", "n,0", "x+1", "__x", "n;m", 0, 1.5]
)
def test_sizes_are_whole_numbers_or_names(bad: Any) -> None:
    """Rows 57 to 60."""
    found = refused("X", ShapeError, shapes={"X": bad})
    assert "whole numbers from 1" in found.message
    assert found.source is not None
    assert found.source.startswith("X: ")


def test_huge_sizes_are_refused_with_the_limit() -> None:
    found = refused("X", LimitError, shapes={"X": "n,1000000"})
    assert "1000000, the limit is 100000" in found.message
    assert found.span == (5, 12)


def test_declared_twice_with_different_shapes() -> None:
    """Row 74: the caret stands in the declaration."""
    with pytest.raises(ParseError, match="declared twice") as caught:
        declarations(["x: n; x: m"])
    assert caught.value.span == (5, 10)
    with pytest.raises(ParseError, match="declared twice"):
        read("mu", shapes={"mu": "n", "μ": "m"})
    with pytest.raises(ParseError, match="a name, a colon"):
        declarations(["x n"])


def test_unknown_structure_names_the_nearest() -> None:
    """Row 75."""
    found = refused("A", ParseError, assume={"A": "lower posdeff"})
    assert (found.source, found.span, found.hint) == ("A: lower posdeff", (9, 16), "posdef")
    assert refused("A", ParseError, assume={"A": "spd"}).hint == "posdef"


def test_structures_need_fitting_shapes() -> None:
    """Row 76."""
    found = refused("A", ShapeError, shapes={"A": "m,n"}, assume={"A": "symmetric"})
    assert "only a square matrix is symmetric, A is m × n" in found.message
    assert found.span == (3, 12)
    assert refused("x", ShapeError, shapes={"x": "n"}, assume={"x": "orthogonal"})
    assert refused("a", ShapeError, assume={"a": "simplex"})
    assert refused("x", UnknownName, assume={"Q": "symmetric"})


def test_names_that_cannot_be_declared() -> None:
    for name in ("", "2x", "__x__", "a b", "x{", "\\write18", "x" * 70 + "!"):
        assert "cannot be a name" in refused("x", ParseError, shapes={name: "n"}).message


def test_text_that_is_not_text() -> None:
    for thing in (None, 3, b"x"):
        with pytest.raises(ParseError, match="an expression is text"):
            read(thing)  # type: ignore[arg-type]


def test_a_mistake_costs_neither_numpy_nor_sympy() -> None:
    program = (
        "import sys\n"
        "from matderiv.errors import MatderivError\n"
        "from matderiv.input.resolve import read\n"
        "for text in ('x +', 'x*y', 'foo(x)', 'A*x'):\n"
        "    try:\n"
        "        read(text)\n"
        "    except MatderivError:\n"
        "        pass\n"
        "print('numpy' in sys.modules, 'sympy' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("name", ["a b", "", "G):\n    import os", 3, None])
def test_the_upstream_of_a_vjp_needs_a_name(name: Any) -> None:
    with pytest.raises(MatderivError, match="the upstream needs a name"):
        derive("A*x", "x", kind="vjp", upstream=name)


@pytest.mark.parametrize("points", [0, -1, 10**7, 2.5, True])
def test_a_check_has_some_points_and_not_too_many(points: Any) -> None:
    with pytest.raises(MatderivError, match="points is a whole number from 1 to 1000"):
        derive("x'*x", "x").check(points=points)


def test_a_mistake_is_looked_for_beside_a_default_that_nobody_typed() -> None:
    found = verify("norm2(A)^2", "A", "leaky_relu(svec_left(2))", shapes={"A": "n,n"})
    assert found.verdict == "disproved"


def test_a_result_that_nobody_could_read_is_refused_at_once() -> None:
    found = derive("A" + 40 * "^2", "A", shapes={"A": "n,n"}, check=False)
    started = time.process_time()
    with pytest.raises(LimitError, match="the limit is 200000"):
        str(found)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x'*x" + " " * 8_000 + "+ y'*y", {}),
        ("x^T x" + r"\quad " * 2_000 + "+ 1", {}),
        (r"\min_x x^T x" + r"\quad" * 3_000, {}),
        ("sum(x)" + ", a" * 3_000, {}),
        ("x'*x" + ", x in R^n" * 300, {"x": "R^n"}),
        ("x'*x" + " " * 5_000 + ", x in R^n" + " " * 5_000, {"x": "R^n"}),
    ],
)
def test_what_is_said_behind_a_formula_is_found_at_once(text: str, said: dict[str, str]) -> None:
    started = time.process_time()
    assert stated(text)[1].shapes == said
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("opening", [r"\text{ ", "{", r"\frac{", "x^{"])
def test_braces_that_never_end_are_refused_at_once(opening: str) -> None:
    started = time.process_time()
    with pytest.raises(LimitError, match="nested deeper"):
        derive(r"\alpha" + opening * 2_000, "x")
    assert time.process_time() - started < 2


def test_a_graph_that_would_take_minutes_ends_at_the_bound_of_work() -> None:
    operands, names = ",".join(["ij"] * 800), ", A" * 800
    with pytest.raises(LimitError, match="steps of work"):
        str(graph(f'einsum("{operands}->ij"{names})'))
