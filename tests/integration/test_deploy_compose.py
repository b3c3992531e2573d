"""docker-compose.yml, proved as far as it can be without Docker."""

from __future__ import annotations

import re
from typing import Any

import compose_spec
import pytest
import yaml

from loadtest import _settings
from service.settings import Settings
from tests.serving import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text()
BALANCER = ROOT / "deploy" / "haproxy" / "haproxy.cfg"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
each_service = pytest.mark.parametrize("name", SERVICES)


def validate(compose: dict[str, Any]) -> None:
    """Raises ValueError where a file is not of the compose specification."""
    compose_spec.PyOptions().from_yaml(yaml.safe_dump(compose))  # safe_load has merged the anchors


def test_the_file_is_of_the_compose_specification() -> None:
    validate(yaml.safe_load(TEXT))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("read_only: true", "read_only: perhaps"),
        ("cap_drop:", "cap_dropped:"),
        ("condition: service_healthy", "condition: well"),
    ],
)
def test_the_validation_would_see_a_mistake(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wrong.split(": ")[-1].rstrip(":"))):
        validate(yaml.safe_load(TEXT.replace(right, wrong)))


@each_service
def test_a_service_is_locked_down(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0, "root"
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert re.search(r":v?\d+\.\d+\.\d+", service["image"]), "an image that may change"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@each_service
def test_a_service_is_waited_for_until_it_is_healthy(name: str) -> None:
    service = SERVICES[name]
    # The Dockerfile holds our own image's check.
    assert "healthcheck" in service or service["image"].startswith("pbgen:")
    for other, wanted in service.get("depends_on", {}).items():
        assert other in SERVICES
        assert wanted == {"condition": "service_healthy"}
        # What a service needs must run wherever it does.
        assert set(SERVICES[other].get("profiles", ())) <= set(service.get("profiles", ()))


@each_service
def test_every_mounted_file_exists(name: str) -> None:
    volumes = yaml.safe_load(TEXT)["volumes"]
    for mount in SERVICES[name].get("volumes", ()):
        source, _, options = mount.partition(":")
        if source.startswith("./"):
            assert (ROOT / source).exists(), source
            assert options.endswith(":ro"), mount
        else:
            assert source in volumes


@each_service
def test_every_environment_name_is_read_by_somebody(name: str) -> None:
    ours = {f"PBGEN_{field.upper()}" for field in Settings.model_fields}
    known = ours | set(_settings.NAMES) | {"PYTHONDONTWRITEBYTECODE"}
    names = set(SERVICES[name].get("environment", {}))
    assert names - known == {each for each in names if each.startswith("GF_")}


def test_the_load_test_gets_every_setting_of_its_own() -> None:
    given = SERVICES["loadtest"]["environment"]
    assert {name: given.get(name) for name in _settings.NAMES} == {
        name: f"${{{name}:-}}" for name in _settings.NAMES
    }


@pytest.mark.parametrize("page", ["README.md", "docs/operations.md"])
def test_the_secret_stands_where_the_command_does(page: str) -> None:
    """Without it `docker compose up` stops at once."""
    (once,) = re.findall(r"^# Once before: (.*)", TEXT, re.MULTILINE)
    assert f"`{once}`" in (ROOT / page).read_text()


def test_the_services_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBGEN_SECRET", "s" * 32)
    for name, value in SERVICES["service"]["environment"].items():
        if not value.startswith("${"):
            monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.threads == int(SERVICES["service"]["deploy"]["resources"]["limits"]["cpus"])
    assert sum(settings.experiment.values()) == 3


def test_addresses_name_services_of_the_file() -> None:
    named = set(re.findall(r"(?:http|redis)://([a-z]+):\d+", TEXT))
    grafana = (ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text()
    named |= set(re.findall(r"http://([a-z]+):\d+", grafana))
    assert {"service", "redis", "prometheus"} == named
    (job,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())[
        "scrape_configs"
    ]
    aliases = SERVICES["service"]["networks"]["default"]["aliases"]
    assert job["dns_sd_configs"][0]["names"] == aliases
    assert SERVICES["replica"]["networks"]["default"]["aliases"] == aliases
    assert f"{aliases[0]}:{job['dns_sd_configs'][0]['port']}" in BALANCER.read_text()


def test_the_image_is_of_this_version() -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert SERVICES["service"]["image"] == f"pbgen:{version[1]}"
