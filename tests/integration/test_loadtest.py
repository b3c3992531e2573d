"""Locust against the real service, headless, as a person would start it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import httpx
import pytest

from deploy.running import running
from tests.serving import ROOT, free_port, serving
from tests.waiting import until

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


@pytest.mark.parametrize(
    ("settings", "code", "missed"),
    [
        ({"LOAD_P95_MS": "90"}, 1, ["p95 of lone faces was", "over 90"]),
        ({"LOAD_REQUESTS_PER_S": "150"}, 1, ["requests/s were answered, under 150"]),
        ({"LOAD_P95_MS": "9000"}, 1, []),  # by Locust, which wants no failure
        ({"LOAD_P95_MS": "9000", "LOAD_FAILED_PERCENT": "99"}, 0, []),
    ],
)
def test_a_refusal_is_no_answer(settings: dict[str, str], code: int, missed: list[str]) -> None:
    """However quick: the 12 users' answers, of 100 ms each, are 120 a second at most."""
    with refusing() as url:
        done = load(url, 3, "--tags", "face", **settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("MISSED" in done.stderr) == bool(missed)
    assert all(words in done.stderr for words in missed)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LOAD_WEIGHTS", "partial", "must be like float=1,full=1,partial=2, not 'partial'"),
        ("LOAD_SHAPE", "bogus", "must be one of steps, spike, soak, not 'bogus'"),
        ("LOAD_USER", "5", "is no setting; LOAD_USERS is"),
    ],
)
def test_a_wrong_setting_is_one_line(name: str, value: str, told: str) -> None:
    done = load("http://127.0.0.1:1", 1, **{name: value})
    assert done.returncode == 1
    assert done.stderr == f"error: {name} {told}\n"


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
        until(lambda: is_up(page))
        form = {"user_count": "2", "spawn_rate": "2", "host": server.url}
        assert page.post("/swarm", data=form).json()["success"]

        def faces() -> int:
            rows = page.get("/stats/requests").json()["stats"]
            return sum(row["num_requests"] for row in rows if row["name"].startswith("face ["))

        until(lambda: faces() > 0)
        page.post("/stop").raise_for_status()
        assert page.get("/stats/requests").json()["errors"] == []


@contextmanager
def refusing() -> Iterator[str]:
    """A service that answers one of 50 requests, after 100 ms, and the others at once with 503."""
    asked = count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            answers = next(asked) % 50 == 0
            if answers:
                time.sleep(0.1)
            body = b"\x89PNG\r\n\x1a\n" if answers else b"{}"
            self.send_response(200 if answers else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def is_up(page: httpx.Client) -> bool:
    with suppress(httpx.TransportError):
        return page.get("/").is_success
    return False
