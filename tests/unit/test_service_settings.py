"""Settings: read from the environment, and documented, every one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from service.settings import Settings, misspelt, table


def test_every_setting_is_described_in_a_sentence() -> None:
    for name, field in Settings.model_fields.items():
        assert f"`PBGEN_{name.upper()}`" in table()
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("THREADS", "0"),
        ("DEADLINE_S", "0"),
        ("SECRET", "short"),
        ("API_KEYS", "[1]"),
    ],
)
def test_values_out_of_bounds_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"PBGEN_{name}", value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_misspelt_setting_is_told_and_other_variables_are_not() -> None:
    others = ["PBGEN_PORT", "PBGEN_URL", "PBGEN_KEY", "PBGEN_SERVICE_HOST", "PBGEN_TEST_EXAMPLES"]
    assert list(misspelt(others)) == []
    assert list(misspelt(["PBGEN_THREAD"])) == ["PBGEN_THREAD is no setting; PBGEN_THREADS is"]
    assert list(misspelt(["PBGEN_QUEUE_LIMTI"])) == [
        "PBGEN_QUEUE_LIMTI is no setting; PBGEN_QUEUE_LIMIT is"
    ]
