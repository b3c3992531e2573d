"""Prometheus and the dashboard: real scrapes of the real service, every expression evaluated."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from deploy import preview
from deploy.dashboard import COLOURS, PATH, UID, dashboard
from deploy.panels import ROWS
from deploy.queries import Panel
from deploy.stack import RULES
from tests.prometheus_server import Prometheus, needs_prometheus, prometheus_server
from tests.serving import ROOT, serving

EXPRESSIONS = [
    pytest.param(query.expr, id=f"{panel.title}, {query.legend}")
    for row in ROWS
    for panel in row.panels
    for query in panel.queries
]
RULE_FILES = sorted((RULES / "rules").glob("*.yml"))
ALERTS = yaml.safe_load((RULES / "rules" / "alerts.yml").read_text())["groups"][0]["rules"]
COMPARISON = re.compile(r"\s*(==|>|<)\s*[\d.]+(\s*\*\s*[\d.]+)?")


def use_everything(url: str) -> None:
    """A request of every kind that a panel shows, refusals included."""
    with httpx.Client(base_url=url, timeout=30) as client:
        for variant in ("float", "full", "partial"):
            client.post(f"/generate?variant={variant}").raise_for_status()
            for _ in range(2):  # a hit
                client.get(f"/images/{variant}/1.png").raise_for_status()
        for choice in ("left", "right", "tie"):
            token = client.post("/arena/pairs").raise_for_status().json()["token"]
            cast = {"token": token, "choice": choice}
            client.post("/arena/votes", json=cast).raise_for_status()
        assert client.post("/generate?variant=none").status_code == 404
        grids = (client.post("/generate?count=64") for _ in range(100))
        refused = next(grid for grid in grids if grid.status_code == 429)
        time.sleep(float(refused.headers["retry-after"]))  # then the client may ask again


@pytest.fixture(scope="module")
def prometheus(
    random_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    settings = {
        "experiment": '{"partial": 9, "float": 1}',
        "rate_limit": 100,  # which a few grids exceed
        "rate_burst": 50,
    }
    folder = tmp_path_factory.mktemp("prometheus")
    with serving(store=random_store, threads=1, **settings) as server:
        use_everything(server.url)
        with prometheus_server(folder, server.url.removeprefix("http://")) as running:
            running.wait_for("pbgen_model_info")
            use_everything(server.url)
            running.wait_for("variant:pbgen_generate_seconds_per_image:mean5m > 0")
            running.wait_for("pbgen:slow_faces:ratio6h")
            yield running


@needs_prometheus
@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_every_panel_has_data(prometheus: Prometheus, expr: str) -> None:
    filled = expr.replace("$__rate_interval", "1m").replace("$variant", ".+")
    assert "$" not in filled.replace('"$1"', ""), "a variable that Grafana would leave empty"
    samples = prometheus.samples(filled)
    assert samples
    assert [each for each in samples if each["value"][1] == "NaN"] == []


@needs_prometheus
def test_the_panels_tell_variants_apart(prometheus: Prometheus) -> None:
    (ratio,) = prometheus.samples(ROWS[0].panels[0].queries[0].expr)
    assert float(ratio["value"][1]) > 1  # float holds more
    votes = {
        each["metric"]["variant"]: float(each["value"][1])
        for each in prometheus.samples(
            next(p for row in ROWS for p in row.panels if p.title == "Votes won").queries[0].expr
        )
    }
    assert set(votes) <= set(COLOURS)
    assert sum(votes.values()) == 4  # of six votes two were ties


@needs_prometheus
def test_every_rule_is_healthy_and_nothing_fires(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert len(rules) == sum(
        len(group["rules"])
        for path in RULE_FILES
        for group in yaml.safe_load(path.read_text())["groups"]
    )
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"] == []
    for rule in rules:
        if rule["type"] == "recording":
            assert prometheus.samples(rule["name"]), rule["name"]
        elif "Latency" in rule["name"]:  # a busy machine may be slow for a moment
            assert rule["state"] != "firing", rule["name"]
        else:
            assert rule["state"] == "inactive", rule["name"]


@needs_prometheus
@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_compares_something(prometheus: Prometheus, alert: dict[str, str]) -> None:
    """An alert without data would be silent for ever."""
    measured = COMPARISON.sub("", alert["expr"])
    if measured.startswith("absent"):
        measured = measured.removeprefix("absent")
    assert prometheus.samples(measured)


@needs_prometheus
@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "deploy/prometheus/prometheus.yml"),
        ("test", "rules", "deploy/prometheus/alerts_test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_prometheus
def test_the_preview_draws_every_panel(prometheus: Prometheus, tmp_path: Path) -> None:
    picture = tmp_path / "dashboard.png"
    preview.draw(prometheus.url, 10, picture)
    with Image.open(picture) as drawn:
        assert drawn.width == 1600
        assert len(drawn.convert("RGB").getcolors(2**24) or ()) > 100  # not an empty plate


def test_the_committed_dashboard_is_what_the_code_says() -> None:
    assert PATH.read_text() == dashboard(), "run: python -m deploy.dashboard"


def panel(title: str) -> tuple[Panel, dict[str, Any]]:
    """A panel as we have it, and as Grafana gets it."""
    (ours,) = (each for row in ROWS for each in row.panels if each.title == title)
    board = json.loads(PATH.read_text())
    (theirs,) = (each for each in board["panels"] if each["title"] == title)
    return ours, theirs["fieldConfig"]["defaults"]


@pytest.mark.parametrize(
    ("share", "colour"),
    [(0.899, "red"), (0.98, "orange"), (0.9899, "orange"), (0.99, "green"), (1.0, "green")],
)
def test_a_missed_objective_is_not_green(share: float, colour: str) -> None:
    ours, theirs = panel("Within 250 ms")
    assert preview.colour_at(ours, share) == preview.NAMED[colour]
    steps = theirs["thresholds"]["steps"]
    assert [each["color"] for each in steps if share >= (each["value"] or 0)][-1] == colour


def test_the_burn_rate_has_lines_where_the_alerts_fire() -> None:
    _, theirs = panel("Burn rate of the latency budget")
    lines = {each["value"] for each in theirs["thresholds"]["steps"]} - {None}
    alerts = (RULES / "rules" / "alerts.yml").read_text()
    assert lines == {float(each) for each in re.findall(r"> ([\d.]+) \* 0.01", alerts)}
    assert lines == {6, 14.4}
    assert theirs["custom"]["thresholdsStyle"] == {"mode": "dashed"}


def test_no_two_panels_overlap() -> None:
    board = json.loads(PATH.read_text())
    assert board["uid"] == UID
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_grafana_provisions_the_data_source_that_the_panels_name() -> None:
    provisioning = ROOT / "deploy" / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())
    named = set(re.findall(r'"type": "prometheus",\s+"uid": "([^"]+)"', PATH.read_text()))
    assert named == {source["uid"] for source in sources["datasources"]}
    every = yaml.safe_load((RULES / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert sources["datasources"][0]["jsonData"]["timeInterval"] == every
