"""Locust against the real service, headless, as a person would start it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from deploy.stack import running
from tests.serving import ROOT, START_S, free_port, serving

KINDS = {"face", "grid", "stream", "compare", "pair", "vote", "image"}


def load(
    url: str, run_s: int, *options: object, **settings: str
) -> subprocess.CompletedProcess[str]:
    """`locust -f loadtest/` for some seconds."""
    command = [sys.executable, "-m", "locust", "-f", "loadtest/", "--headless", "--host", url]
    command += [
        "--users",
        "12",
        "--spawn-rate",
        "100",
        "--run-time",
        f"{run_s}s",
        *map(str, options),
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOAD_")}
    return subprocess.run(
        command, cwd=ROOT, env=kept | settings, capture_output=True, text=True, timeout=120
    )


def test_every_kind_of_user_is_served(random_store: Path, tmp_path: Path) -> None:
    reports = ("--csv", tmp_path / "load", "--html", tmp_path / "load.html")
    with serving(store=random_store, threads=1) as server:
        done = load(
            server.url, 15, *reports, LOAD_FAILED_PERCENT="0", LOAD_WEIGHTS="float=1,partial=3"
        )
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "load_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert {name.split()[0] for name in rows} - {"Aggregated"} == KINDS
    asked = {
        variant: int(rows[f"face [{variant}]"]["Request Count"]) for variant in ("float", "partial")
    }
    assert asked["partial"] > asked["float"] > 0
    assert not any("[full]" in name for name in rows)  # its weight is not given
    assert "face partial" in done.stdout  # the summary by variant
    assert "<html" in (tmp_path / "load.html").read_text()


def test_a_missed_threshold_is_the_exit_code(random_store: Path) -> None:
    with serving(store=random_store, threads=1) as server:
        done = load(server.url, 8, "--tags", "face", LOAD_P95_MS="0.001", LOAD_REQUESTS_PER_S="1e9")
    assert done.returncode == 1
    assert "MISSED: p95 of lone faces was" in done.stderr
    assert "under 1e+09" in done.stderr


def test_a_wrong_setting_is_told() -> None:
    done = load("http://127.0.0.1:1", 1, LOAD_WEIGHTS="partial")
    assert done.returncode != 0
    assert "LOAD_WEIGHTS must be like float=1,full=1,partial=2, not 'partial'" in done.stderr


@pytest.mark.parametrize(
    ("tags", "left_out", "users"),
    [
        ({"partial"}, set(), "Comparer Grids LoneFace Streamer Viewer"),
        ({"vote"}, set(), "Voter"),
        ({"float", "vote"}, {"compare", "grid"}, "LoneFace Streamer Viewer Voter"),
    ],
)
def test_users_without_a_task_stay_away(tags: set[str], left_out: set[str], users: str) -> None:
    """Locust would stop at the first of them. In another process, for Locust patches Python."""
    code = f"""
from argparse import Namespace
from locust.env import Environment
from loadtest import users as u
classes = [u.LoneFace, u.Grids, u.Viewer, u.Streamer, u.Comparer, u.Voter]
environment = Environment(
    user_classes=classes, parsed_options=Namespace(tags={tags!r}, exclude_tags={left_out!r})
)
u.leave_out_idle_users(environment)
print(*sorted(each.__name__ for each in environment.user_classes))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == users


def test_locust_imports_what_does_not_begin_with_an_underscore() -> None:
    code = """
from locust.argument_parser import parse_locustfile_paths
print(*sorted(path.split("/")[-1] for path in parse_locustfile_paths(["loadtest/"])))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["shapes.py", "summary.py", "users.py"]


def test_it_runs_from_locusts_page(random_store: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "locust", "-f", "loadtest/", "--tags", "face"]
    command += ["--web-host", "127.0.0.1", "--web-port", str(port)]
    with (
        serving(store=random_store, threads=1) as server,
        running(command),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as page,
    ):
        wait_until(lambda: page.get("/").is_success)
        form = {"user_count": "2", "spawn_rate": "2", "host": server.url}
        assert page.post("/swarm", data=form).json()["success"]

        def faces() -> int:
            rows = page.get("/stats/requests").json()["stats"]
            return sum(row["num_requests"] for row in rows if row["name"].startswith("face ["))

        wait_until(lambda: faces() > 0)
        page.post("/stop").raise_for_status()
        assert page.get("/stats/requests").json()["errors"] == []


def wait_until(happens: Callable[[], bool]) -> None:
    """Asks until it is so; a connection that is refused is a no."""
    deadline = time.monotonic() + START_S
    while True:
        with suppress(httpx.TransportError):
            if happens():
                return
        assert time.monotonic() < deadline
        time.sleep(0.1)
