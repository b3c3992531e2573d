"""Settings: read from the environment, and described, every one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from kernels import available_isas
from service.settings import Settings, strays, wrong


def test_every_setting_is_described_in_a_sentence() -> None:
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description.endswith(".")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBGEN_PORT", "1234")
    monkeypatch.setenv("PBGEN_EXPERIMENT", '{"partial": 9, "float": 1}')
    monkeypatch.setenv("PBGEN_OPEN_SCOPES", "[]")
    settings = Settings()
    assert settings.port == 1234
    assert settings.experiment == {"partial": 9, "float": 1}
    assert settings.open_scopes == frozenset()


PROXIES = "addresses and networks such as 10.0.0.0/8, separated by commas, or *"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("PORT", "-1", "PBGEN_PORT must be at least 0, not -1"),
        ("PORT", "", 'PBGEN_PORT must be an integer, not ""'),
        ("DEADLINE_S", "0", "PBGEN_DEADLINE_S must be more than 0, not 0"),
        ("TRACING", "maybe", "PBGEN_TRACING must be true or false, not maybe"),
        (
            "STORE",
            "/nonexist",
            "PBGEN_STORE must be a folder that is there, or a URL, not /nonexist",
        ),
        ("TRUSTED_PROXIES", "foo", f"PBGEN_TRUSTED_PROXIES must be {PROXIES}, not foo"),
        ("TRUSTED_PROXIES", "::1,*", f"PBGEN_TRUSTED_PROXIES must be {PROXIES}, not ::1,*"),
        ("EXPERIMENT", "{partial: 1}", "PBGEN_EXPERIMENT must be JSON, not {partial: 1}"),
        ("EXPERIMENT", "[1]", "PBGEN_EXPERIMENT must be an object, not [1]"),
        ("EXPERIMENT", '{"full": "x"}', "PBGEN_EXPERIMENT[full] must be a number, not x"),
        ("EXPERIMENT", '{"full": 0}', "PBGEN_EXPERIMENT[full] must be more than 0, not 0"),
        ("EXPERIMENT", '{"full": NaN}', "PBGEN_EXPERIMENT[full] must be a finite number, not NaN"),
        (
            "CORS_ORIGINS",
            '["https://example.org/"]',
            "PBGEN_CORS_ORIGINS[0] must be an origin such as https://example.org, without a path, "
            "or *, not https://example.org/",
        ),
        ("OPEN_SCOPES", "1", "PBGEN_OPEN_SCOPES must be a list, not 1"),
        (
            "OPEN_SCOPES",
            '["bogus"]',
            "PBGEN_OPEN_SCOPES[0] must be 'generate' or 'vote', not bogus",
        ),
        (
            "OPEN_SCOPES",
            '["admin"]',
            "PBGEN_OPEN_SCOPES[0] must be 'generate' or 'vote', not admin",
        ),
        ("ISA", "z80", f"PBGEN_ISA must be one of {', '.join(available_isas())}, not z80"),
        ("SECRET", "short", "PBGEN_SECRET must be text of at least 16 characters, not …"),
        (
            "REDIS_URL",
            "http://:password@redis",
            "PBGEN_REDIS_URL must be text that matches ^(redis|rediss|unix)://, not …",
        ),
        ("API_KEYS", "{}", "PBGEN_API_KEYS must be a list, not …"),
        ("API_KEYS", "[1]", "PBGEN_API_KEYS[0] must be an object, not …"),
    ],
)
def test_a_wrong_value_is_told_with_its_setting_and_bound(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"PBGEN_{name}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert list(wrong(caught.value)) == [told]


@pytest.mark.parametrize("value", ["", "*", "127.0.0.1", "10.0.0.0/8, ::1,fd00::/8"])
def test_proxies_are_what_uvicorn_takes(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PBGEN_TRUSTED_PROXIES", value)
    assert Settings().trusted_proxies == value


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("THREAD", "PBGEN_THREADS is"),
        ("QUEUE_LIMTI", "PBGEN_QUEUE_LIMIT is"),
        ("RATE", "PBGEN_RATE_LIMIT is"),
        ("COLOUR", "`pbgen serve --help` lists those that are"),
        ("REDIS_PORT", "PBGEN_REDIS_URL is"),  # where no service is linked
    ],
)
def test_what_is_no_setting_is_told_with_the_nearest_one(name: str, right: str) -> None:
    assert list(strays([f"PBGEN_{name}", "COLOUR"])) == [f"PBGEN_{name} is no setting; {right}"]


def test_variables_of_others_are_left_alone() -> None:
    assert list(strays(["PBGEN_PORT", "PBGEN_URL", "PBGEN_KEY", "PBGEN_TEST_EXAMPLES"])) == []
    linked = ["PBGEN_SERVICE_HOST", "PBGEN_SERVICE_PORT_HTTP", "PBGEN_PORT_8000_TCP_ADDR"]
    linked += ["PBGEN_REDIS_SERVICE_HOST", "PBGEN_REDIS_PORT", "PBGEN_REDIS_PORT_6379_TCP"]
    assert list(strays(linked)) == []
