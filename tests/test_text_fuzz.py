"""Broken, random and half-declared texts: only our errors, and what is read reads back."""

from __future__ import annotations

from contextlib import suppress

import pytest
from expressions import SHAPES, expressions
from hypothesis import given
from hypothesis import strategies as st
from test_text import EASY, GRAMMAR

from matderiv.errors import MatderivError
from matderiv.expr import Expr
from matderiv.input.resolve import read
from matderiv.language.printer import text


@pytest.mark.parametrize("typed", [canonical for _, canonical in GRAMMAR])
def test_mutilated_texts_raise_only_our_errors(typed: str) -> None:
    for k in range(len(typed)):
        for broken in (typed[:k], typed[:k] + typed[k + 1 :], typed[:k] + ")" + typed[k:]):
            with suppress(MatderivError):
                read(broken)


@EASY
@given(expressions(), st.sets(st.sampled_from(sorted(SHAPES))))
def test_what_is_guessed_is_consistent_or_explained(expr: Expr, kept: set[str]) -> None:
    declared = {name: SHAPES[name] for name in kept}
    found: MatderivError | None = None
    try:
        reading = read(text(expr), shapes=declared)
    except MatderivError as error:
        found = error
    if found is None:
        assert read(reading.read_as, shapes=declared).expr is reading.expr
    else:
        assert "?" not in str(found)
        assert found.source is not None


SOUP = "x y A B a 2 0.5 1e-3 + - * .* / ./ ^ .^ ' ( ) , = ; | || ‖ < >= \\ √ ² ᵀ T n e σ # eye pi"
SOUP += " sum( max( axis= where z vec( diag( inv( tr( solve( outer( kron( vector( 1 ) ) ) ) eye("


@EASY
@given(st.lists(st.sampled_from(SOUP.split()), min_size=1, max_size=12))
def test_token_soup_raises_only_our_errors(tokens: list[str]) -> None:
    typed = " ".join(tokens)
    with suppress(MatderivError):
        reading = read(typed, shapes={"A": "m,n", "y": "m"})
        assert read(reading.read_as, shapes={"A": "m,n", "y": "m"}).expr is reading.expr


@EASY
@given(st.text(max_size=40))
def test_any_text_raises_only_our_errors(typed: str) -> None:
    try:
        read(typed)
    except MatderivError as error:
        str(error)
