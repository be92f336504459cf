"""The measurements run and mean what they say; bars on growth and speed only with -m benchmark.

Bars are ratios within one run, except the two that a user meets: seconds and memory at 512 layers.
"""

from __future__ import annotations

import statistics

import pytest
from benchmarks import against_sympy, checks, growth, hessians, networks, programs, share, start
from benchmarks.measure import slope
from problems import problems

from matderiv.doors.derive import derive
from matderiv.expr import walk

FEW = (4, 8, 16)


def test_a_slope_is_the_exponent() -> None:
    assert abs(slope([1, 2, 4], [5, 20, 80]) - 2) < 1e-12


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_results_of_deep_networks_are_small_and_right(name: str) -> None:
    for layers in FEW:
        found = derive(*networks.NETWORKS[name](layers))
        assert sum(1 for _ in walk(found.displayed)) <= 12 * layers, layers
        assert found.check(points=2).verdict in ("verified", "undecided"), layers


@pytest.mark.parametrize("name", networks.SUMS)
def test_sums_of_many_terms_are_right(name: str) -> None:
    assert derive(*networks.SUMS[name](12)).check(points=2).verdict == "verified"


def test_sympy_is_right_where_it_is_compared() -> None:
    assert len(against_sympy.QUESTIONS) >= 20
    right, theirs, ours = against_sympy.compared(against_sympy.QUESTIONS[1])
    assert right
    assert theirs > 0
    assert ours > 0


@pytest.mark.parametrize("name", start.LIGHT)
def test_light_commands_import_no_heavy_library(name: str) -> None:
    assert start.heavy_imports(start.LIGHT[name]) == []


def test_a_check_does_import_numpy() -> None:
    assert "numpy" in start.heavy_imports(start.FIRST["derive, checked"])


@pytest.mark.parametrize("kind", ["hessian", "hvp"])
@pytest.mark.parametrize("name", hessians.TASKS)
def test_hessians_have_the_values_of_those_by_hand(name: str, kind: str) -> None:
    assert hessians.measured(name, kind, rounds=1).hand > 0


@pytest.mark.parametrize("name", hessians.STRUCTURED)
def test_hessians_in_parts_have_the_values_of_those_by_hand(name: str) -> None:
    assert hessians.in_parts(name, rounds=1)[1] > 0


def test_the_check_at_birth_is_measured_beside_a_control() -> None:
    ((checked, control),) = checks.ratios(problems()[:1])
    assert checked > 0
    assert control > 0


def test_every_stage_gets_its_share() -> None:
    found = share.shares(lambda: str(derive("sum(tanh(A*x))", "x")))
    assert abs(sum(found.values()) - 1) < 1e-9
    assert found["raising and simplifying"] > 0
    assert share.stage_of("/somewhere/matderiv/input/text.py") == "reading"
    assert share.stage_of("/usr/lib/python3/ast.py") == "library"


@pytest.mark.parametrize("task", programs.TASKS, ids=lambda task: task.name)
def test_compiled_gradients_equal_those_written_by_hand(task: programs.Task) -> None:
    found = programs.measured(task, task.sizes[0], rounds=1)
    assert found.ours > 0
    assert found.hand > 0


# Bars --------------------------------------------------------------------------------------------


@pytest.mark.benchmark
def test_derivation_takes_a_third_of_sympys_time() -> None:
    rows = against_sympy.measured()
    assert sum(row[1] for row in rows) >= 20
    assert against_sympy.median_ratio(rows) <= 1 / 3


@pytest.mark.benchmark
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_time_and_size_grow_linearly_with_depth(name: str) -> None:
    found = growth.grown(name)
    slopes = found.slopes()
    if name == "squares":
        del slopes["letters"]  # exponents up to 2^k have k digits
    assert all(value <= 1.15 for value in slopes.values()), found
    assert found.derived[-1] < 2
    assert found.printed[-1] < 2
    assert found.megabytes[-1] < 300


@pytest.mark.benchmark
@pytest.mark.parametrize("name", growth.WRITTEN)
def test_typed_formulas_grow_linearly_with_their_length(name: str) -> None:
    found = growth.typed(name)
    assert found["time"] <= 1.15, found
    assert found["letters"] <= 1.15, found
    assert found["MB"] < 300, found


@pytest.mark.benchmark
def test_the_first_derivation_from_the_shell_is_quick() -> None:
    base = start.reference()
    for arguments in start.FIRST.values():
        assert statistics.median([start.wall(start.program(arguments))]) <= 1.5 * base


@pytest.mark.benchmark
@pytest.mark.parametrize("name", networks.SUMS)
def test_time_grows_nearly_linearly_with_the_number_of_terms(name: str) -> None:
    taken = share.growth(name)
    big = [k for k, n in enumerate(share.TERMS) if n >= share.FROM]
    found = slope([share.TERMS[k] for k in big], [taken[k] for k in big])
    assert found <= 1.25, taken


@pytest.mark.benchmark
@pytest.mark.parametrize("task", programs.TASKS, ids=lambda task: task.name)
def test_compiled_gradients_are_as_fast_as_those_written_by_hand(task: programs.Task) -> None:
    for size in task.sizes:
        found = programs.measured(task, size)
        assert found.ratio <= 1.15, found
