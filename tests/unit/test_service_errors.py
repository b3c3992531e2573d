"""Errors: short whatever was sent, and of kinds that the document lists."""

from __future__ import annotations

import pytest

from service.errors import shown, types


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("text", "text"),
        (None, "null"),
        ({"a": [1.5, True]}, '{"a": [1.5, true]}'),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 80 + "…"),
        ([0] * 10**6, "[0" + ", 0" * 26 + "…"),
    ],
)
def test_a_value_is_told_as_in_json_and_short(value: object, told: str) -> None:
    assert shown(value) == told


def test_no_more_of_a_value_is_looked_at_than_is_told() -> None:
    deep: object = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "[" * 80 + "…"


def test_every_kind_of_problem_that_is_told_has_its_own_type() -> None:
    told = list(types())
    assert len(set(told)) == len(told)
    assert "urn:pbgen:problem:rate-limit" in told  # a kind of a kind
    assert "urn:pbgen:problem:client-left" not in told  # nobody is there to read it
