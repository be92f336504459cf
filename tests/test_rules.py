"""The catalogue of rules: what it says is true. `test_views` finds every rule of a step in it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import reader
from conftest import Run

from matderiv.command.failures import UsageError
from matderiv.command.rules import example, example_steps, explained, listed, symbol
from matderiv.functions.record import Function
from matderiv.language.sentences import plain_words
from matderiv.output.documents.lines import SpokenNames
from matderiv.views.reasons import RULES, Rule, proof_of, rules_of, says

SIZES = {"n": 3, "m": 4, "k": 2}
SHAPES = {"A": "nn", "B": "nn", "C": "nn", "M": "nn", "N": "nn"} | dict.fromkeys("uvxab", "n")

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda r: r.name)


def test_a_rule_without_an_entry_would_be_noticed() -> None:
    with pytest.raises(UsageError):
        explained("magic")
    assert rules_of("chain rule: magic + relu") == ["chain rule", "magic", "relu"]


@each_rule
def test_the_example_of_a_rule_uses_it_and_holds(rule: Rule) -> None:
    d = example(rule)
    assert example_steps(rule, d), f"no step of the {rule.example.view} view is a {rule.name}"
    assert d.check(points=4).verdict == "verified"


@each_rule
def test_a_rule_has_a_statement_two_lines_of_proof_and_a_source(rule: Rule) -> None:
    assert len(rule.proof) == 2
    assert all(said.endswith(".") for said in (rule.says, *rule.proof))
    assert rule.source


def spoken(said: str) -> dict[str, str | None]:
    """The formulas of a sentence, and how they are printed."""
    names = SpokenNames("bold", "top", ())
    return {code: names.spell(code) for code in said.split("`")[1::2]}


@each_rule
def test_the_formulas_of_a_rule_are_printed_as_formulas(rule: Rule) -> None:
    assert None not in spoken(" ".join((rule.says, *rule.proof))).values()


@pytest.mark.parametrize("function", listed(), ids=lambda f: f.name)
def test_the_formulas_of_a_record_are_printed_as_formulas(function: Function) -> None:
    assert None not in spoken(" ".join((says(function), *function.proof))).values()


@pytest.mark.parametrize(
    ("code", "latex"),
    [
        (
            "tr(A*B) = Σ_ij A_ij B_ji",
            r"\operatorname{tr}(\mathbf{A}\mathbf{B}) = \sum_{i,j}A_{ij}B_{ji}",
        ),
        ("∂x_i/∂x_j = δ_ij", r"\frac{\partial x_{i}}{\partial x_{j}} = \delta_{ij}"),
        ("d(A*B) = dA*B", r"\mathrm{d}(\mathbf{A}\mathbf{B}) = \mathrm{d}\mathbf{A}\,\mathbf{B}"),
        ("1/(1 + exp(-x))", r"\frac{1}{1 + \exp(-x)}"),
        ("x > 0", r"\mathbf{x} > 0"),
        ("no formula (", None),
    ],
)
def test_a_formula_of_a_sentence_stays_as_it_is_said(code: str, latex: str | None) -> None:
    assert spoken(f"`{code}`") == {code: latex}


def values(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.standard_normal([SIZES["n"]] * len(axes)) + 2 * np.eye(3)[0]
        for name, axes in SHAPES.items()
    }


@pytest.mark.parametrize("identity", [e for r in RULES for e in r.identities])
def test_the_identities_of_a_rule_hold_for_numbers(identity: str) -> None:
    left, right = identity.split(" = ")
    for seed in (1, 2):
        a, b = (reader.value(side, values(seed), SIZES) for side in (left, right))
        np.testing.assert_allclose(a, b, 1e-9, 1e-9)


def test_an_identity_that_does_not_hold_would_be_noticed() -> None:
    a, b = (reader.value(side, values(1), SIZES) for side in ("tr(A*B)", "tr(A*B')"))
    assert not np.allclose(a, b)


@pytest.mark.parametrize("function", listed(), ids=lambda f: f.name)
def test_every_function_is_explained(function: Function, run: Run) -> None:
    told = run("explain", function.name)
    assert told.status == 0
    refused = function.kind == "refused"
    assert len(proof_of(function)) == (0 if refused else 2)
    assert refused or "proof " in told.out
    assert function.example in told.out or "by " in told.out


@each_rule
def test_every_rule_is_explained_by_its_names(rule: Rule, run: Run) -> None:
    told = run("explain", rule.name)
    assert told.status == 0
    for part in (rule.name, rule.says, *rule.proof, rule.source, rule.example.f, "result "):
        assert plain_words(part) in told.out
    for alias in rule.aliases:
        assert rule.name in run("explain", alias).out
    assert run("explain", rule.name.replace(" ", "-")).out == told.out
    found = json.loads(run("explain", rule.name, "--json").out)
    assert found["schema"] == "matderiv/1"
    assert found["rules"][0]["proof"] == list(map(plain_words, rule.proof))
    assert found["rules"][0]["example"]["steps"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("product rule", "product\n"),
        ("product-rule", "product\n"),
        ("Backprop", "chain rule\n"),
        ("determinant", "determinant (Jacobi)\n"),
        ("euclidean norm", "norm2\n"),
        (".*", ".*\n"),
    ],
)
def test_other_spellings_are_understood(typed: str, found: str, run: Run) -> None:
    assert run("explain", typed).out.startswith(found)


def test_the_list_of_rules_has_rules_and_functions(run: Run) -> None:
    listing = run("rules").out
    for rule in RULES:
        assert re.search(
            rf"^{re.escape(rule.name)} +{re.escape(plain_words(rule.says))}$", listing, re.M
        )
    lines = listing.splitlines()
    second = lines[0].index(plain_words(RULES[0].says))
    assert all(line[second - 2 : second] == "  " for line in lines)
    assert all(line[second] != " " for line in lines)
    assert "softmax        " in listing
    for function in listed():
        assert re.search(rf"^{re.escape(symbol(function))} ", listing, re.M), function.name
