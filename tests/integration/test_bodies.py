"""Bodies of the permitted size that are made to cost much: the answer is short, and prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.keys import Key, hash_key
from service.settings import Settings
from tests.serving import Server, serving

ADMIN = {"authorization": "Bearer admin-key"}
KEY = Key(name="ops", sha256=hash_key("admin-key"), scopes=frozenset({"admin"}))
LARGEST = Settings.model_fields["body_limit_bytes"].default
CALLS = [("POST", "/generate"), ("POST", "/arena/votes"), ("PUT", "/variants/partial")]
NAMES = json.dumps({f"{i:x}": 0 for i in range(90_000)})
BODIES = {
    "numbers": '{"latents":[[' + ",".join(["5"] * 520_000) + "]]}",
    "rows": '{"latents":[' + ",".join(["[9]"] * 260_000) + "]}",
    "names": NAMES,
    "nested names": f'{{"interpolate":{NAMES}}}',
    "a long value": '{"token":[' + ",".join(["5"] * 520_000) + "]}",
    "a deep value": '{"model":' + "[" * 900 + "]" * 900 + "}",
    "escapes": json.dumps({"\0" * 60_000 + f"{i}": "\0" * 1000 for i in range(2)}),
    "many of each": json.dumps({"\0" * 100 + f"{i}": "\0" * 100 for i in range(16)}),
    "an honest mistake": json.dumps({"latents": [[(-1) ** i * 1.37 for i in range(100)]] * 64}),
}


@pytest.fixture(scope="module")
def server(random_store: Path) -> Iterator[Server]:
    keys = json.dumps([KEY.model_dump(mode="json")])
    with serving(store=random_store, api_keys=keys, threads=1) as server:
        yield server


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_hostile_body_costs_little(server: Server, body: str) -> None:
    assert len(body) <= LARGEST
    for method, path in CALLS:
        headers = ADMIN | {"content-type": "application/json"}
        before_s = server.cpu_s()
        answer = httpx.request(method, server.url + path, content=body, headers=headers, timeout=60)
        assert answer.status_code == 422
        assert len(answer.content) < 11_000  # five names and values, twice, of 80 escapes
        # The client's own work is longer, and waits for other processes; it was 4 to 32 s.
        assert server.cpu_s() - before_s < 1
    assert server.peak_bytes() < 300e6  # it was 1.3 GB


@pytest.mark.parametrize("path", ["/generate/stream?count=2", "/compare", "/arena/pairs"])
def test_a_body_is_refused_where_none_is_documented(http: httpx.Client, path: str) -> None:
    for body in (b'{"latents": [[0]]}', (part for part in (b"{", b"}"))):  # its length told or not
        answer = http.post(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 422
        assert "body must be absent, since this call takes none, not {" in answer.json()["detail"]
    for nothing in (None, b"", (part for part in (b"",))):
        assert http.post(path, content=nothing).status_code == 200
    assert http.post("/arena/pairs", headers={"content-length": "0"}).status_code == 200


def test_a_name_that_is_not_known_is_refused_but_by_get(http: httpx.Client) -> None:
    for method, path in (("POST", "/arena/pairs"), ("POST", "/arena/votes")):
        answer = http.request(method, f"{path}?seed=3")
        assert answer.status_code == 422
        assert answer.json()["detail"] == "seed must be absent (it is not known), not 3."
    image = http.get("/images/partial/1.png?v=2")
    assert image.content == http.get("/images/partial/1.png").content


def test_a_swap_takes_no_query(server: Server) -> None:
    url = f"{server.url}/variants/partial?force=1"
    answer = httpx.put(url, headers=ADMIN, json={"model": "partial"})
    assert answer.json()["detail"] == "force must be absent (it is not known), not 1."
    assert httpx.put(url.partition("?")[0], headers=ADMIN, json={"model": "partial"}).is_success


def test_every_call_with_a_body_is_among_those(server: Server) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    calls = [
        (method.upper(), path.format(variant="partial"))
        for path, methods in paths.items()
        for method, operation in methods.items()
        if "requestBody" in operation
    ]
    assert sorted(calls) == sorted(CALLS)


def test_a_few_errors_are_told_and_the_rest_counted(http: httpx.Client) -> None:
    told = http.post("/generate", json={f"name{i}": i for i in range(9)}).json()
    assert len(told["errors"]) == 5
    assert told["detail"].endswith("latents, interpolate are), not 4; and 4 more.")
    many = "&".join(f"name{i}" for i in range(17))
    assert "of at most 16 names" in http.post(f"/generate?{many}").json()["detail"]
