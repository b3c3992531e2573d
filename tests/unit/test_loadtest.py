"""The parts of loadtest/ that need no server."""

from __future__ import annotations

import pytest

from loadtest._settings import NAMES, SHAPES, load_settings
from loadtest._stages import users_at


def test_nothing_set_means_a_share_for_every_variant_and_no_threshold() -> None:
    settings = load_settings(dict.fromkeys(NAMES, ""))
    assert settings.weights == {"float": 1, "full": 1, "partial": 2}
    assert settings.shape is None
    assert set(vars(settings.thresholds).values()) == {None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOAD_SHAPE", "wave"),
        ("LOAD_WEIGHTS", "half=1"),
        ("LOAD_WEIGHTS", "float=0"),
        ("LOAD_P95_MS", "fast"),
        ("LOAD_P99_MS", "-1"),
        ("LOAD_USERS", "inf"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"{name} .*'{value}'"):
        load_settings({name: value})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("LOAD_USER", "LOAD_USERS"), ("LOAD_P95", "LOAD_P95_MS"), ("LOAD_shape", "LOAD_SHAPE")],
)
def test_a_slip_in_a_name_is_refused(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is no setting; {nearest} is$"):
        load_settings({"HOME": "/", name: ""})


@pytest.mark.parametrize("kind", ["SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_80_TCP_ADDR"])
def test_a_variable_of_others_is_ignored(kind: str) -> None:
    """Kubernetes names the services around, such as one called load-balancer."""
    assert load_settings({f"LOAD_BALANCER_{kind}": "10.0.0.7", "USERS": "5"}) == load_settings({})


def test_steps_rise_and_a_spike_falls_again() -> None:
    steps = [users_at("steps", 50, 100.0, t) for t in (0.0, 25.0, 45.0, 65.0, 99.0)]
    assert steps == [10, 20, 30, 40, 50]
    assert [users_at("spike", 50, 100.0, t) for t in (0.0, 50.0, 70.0)] == [5, 50, 5]
    assert [users_at("soak", 50, 100.0, t) for t in (0.0, 5.0, 10.0, 90.0)] == [1, 25, 50, 50]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_ends(shape: str) -> None:
    assert users_at(shape, 50, 100.0, 100.0) is None
