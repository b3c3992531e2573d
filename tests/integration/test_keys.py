"""API keys over HTTP: what is open, what each scope opens, how a key is made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.keys import Key, hash_key
from tests.serving import ROOT, serving

ADMIN = {"authorization": "Bearer admin-key"}
KEYS = [
    Key(name="ops", sha256=hash_key("admin-key"), scopes=frozenset({"admin"})),
    Key(name="app", sha256=hash_key("app-key"), scopes=frozenset({"generate"})),
    Key(name="jury", sha256=hash_key("jury-key"), scopes=frozenset({"vote"})),
]
API_KEYS = json.dumps([key.model_dump(mode="json") for key in KEYS])


@pytest.fixture(scope="module")
def client(random_store: Path) -> Iterator[httpx.Client]:
    with (
        serving(store=random_store, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer nobody's", 401),
        ("Basic admin-key", 401),
        ("Bearer app-key", 403),
        ("Bearer admin-key", 200),
    ],
)
def test_admin_calls_need_a_key_with_the_scope(
    client: httpx.Client, authorization: str | None, status: int
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = client.put("/variants/partial", json={"model": "partial@1"}, headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def test_admin_calls_are_refused_unless_a_key_is_set(http: httpx.Client) -> None:
    answer = http.put("/variants/partial", json={"model": "partial@1"}, headers=ADMIN)
    assert answer.status_code == 401
    assert http.put("/variants/partial", json={"model": "partial@1"}).status_code == 403


@pytest.fixture(scope="module")
def closed(random_store: Path) -> Iterator[httpx.Client]:
    with (
        serving(store=random_store, api_keys=API_KEYS, open_scopes="[]") as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        yield client


def test_a_closed_service_lets_only_keys_generate(closed: httpx.Client) -> None:
    assert closed.post("/generate").status_code == 401
    assert closed.get("/images/partial/1.png").status_code == 401
    assert closed.post("/generate", headers=ADMIN).status_code == 403
    app = {"authorization": "Bearer app-key"}
    assert closed.post("/generate", headers=app).status_code == 200
    kept = closed.get("/images/partial/1.png", headers=app).headers["cache-control"]
    assert kept == "private, max-age=60"
    assert closed.get("/readyz").status_code == 200


WRONG = [  # method, path, what it is declared as, body: each is wrong in all that it says
    ("POST", "/generate?count=65", "/generate", b"{garbage"),
    ("POST", "/generate/stream?seed=x", "/generate/stream", b""),
    ("POST", "/compare?colour=red", "/compare", b""),
    ("GET", f"/images/{'x' * 81}/-1.png", "/images/{variant}/{seed}.png", b""),
    ("POST", "/arena/pairs", "/arena/pairs", b"[]"),
    ("POST", "/arena/votes", "/arena/votes", b"{garbage"),
    ("PUT", f"/variants/{'x' * 81}", "/variants/{variant}", b"[]"),
]


@pytest.mark.parametrize(("method", "path", "route", "body"), WRONG)
def test_the_key_is_looked_at_before_the_content(
    closed: httpx.Client, method: str, path: str, route: str, body: bytes
) -> None:
    assert closed.request(method, path, content=body).status_code == 401, route
    other = {"authorization": "Bearer app-key" if method == "PUT" else "Bearer admin-key"}
    assert closed.request(method, path, content=body, headers=other).status_code == 403


def test_every_call_that_may_need_a_key_is_among_those(closed: httpx.Client) -> None:
    calls = {
        (method.upper(), route)
        for route, methods in closed.get("/openapi.json").json()["paths"].items()
        for method, operation in methods.items()
        if "security" in operation
    }
    assert calls == {(method, route) for method, _, route, _ in WRONG}


def test_keys_are_made_and_told_once() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "service.keys", "ops", "admin", "vote"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    *told, setting = run.stdout.splitlines()
    key, entry = (line.split(maxsplit=1)[1] for line in told)
    made = Key.model_validate_json(entry)
    assert (made.name, made.scopes) == ("ops", {"admin", "vote"})
    assert made.sha256 == hash_key(key)
    assert key not in entry
    assert setting == f"PBGEN_API_KEYS='[{entry}]'"
