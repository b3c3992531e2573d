"""Allowances, the experiment, kept swaps; and replicas that share a Redis, which is then broken."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from model_store import Store, artifact
from service.keys import Key, hash_key
from tests import factories
from tests.redis_server import RedisServer, needs_redis, redis_server, slowed
from tests.serving import serving
from tests.waiting import until

ADMIN = {"authorization": "Bearer admin-key"}
API_KEYS = json.dumps(
    [Key(name="ops", sha256=hash_key("admin-key"), scopes={"admin"}).model_dump(mode="json")]
)
SECRET = "a secret of all replicas"


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """partial@1 (active) and partial@2, and float@1."""
    root = factories.store(tmp_path_factory.mktemp("versions"), ("partial", "float"))
    new = tmp_path_factory.mktemp("new") / "new.safetensors"
    spec = factories.generator("partial", seed=2)
    artifact.write(new, spec, factories.manifest(spec, "partial"))
    Store(root).add(new)
    return root


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def metric(client: httpx.Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.split()[-1]) for line in lines if line.startswith(name)), 0.0)


def vote(client: httpx.Client) -> int:
    pair = client.post("/arena/pairs").json()
    return client.post("/arena/votes", json={"token": pair["token"], "choice": "left"}).status_code


def served(client: httpx.Client) -> str:
    return client.get("/images/partial/1.png").headers["x-pbgen-model"]


def test_a_client_that_asks_for_too_much_waits(random_store: Path) -> None:
    with (
        serving(store=random_store, rate_limit=20, rate_burst=1) as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert client.post("/generate?count=64").status_code == 200  # owes 64; may owe 1
        refused = client.post("/generate")
        assert refused.status_code == 429
        wait_s = int(refused.headers["retry-after"])
        assert 1 <= wait_s <= 4  # of 3.15 s that have begun
        assert refused.json()["type"] == "urn:pbgen:problem:rate-limit"
        assert client.post("/compare").status_code == 429
        assert client.post("/generate/stream").status_code == 429
        assert client.post("/arena/pairs").status_code == 429
        assert client.get("/variants").status_code == 200
        time.sleep(wait_s)
        assert client.post("/generate").status_code == 200
        assert metric(client, 'pbgen_requests_rejected_total{reason="rate_limit"}') == 4


def test_auto_is_a_clients_variant_for_good(random_store: Path) -> None:
    with serving(store=random_store, experiment='{"float": 1, "full": 3}') as server:
        drawn: Counter[str] = Counter()
        for i in range(60):
            # The server trusts X-Forwarded-For of a balancer on its own machine.
            headers = {"x-forwarded-for": f"10.0.0.{i}"}
            answers = [
                httpx.post(f"{server.url}/generate?variant=auto", headers=headers) for _ in range(2)
            ]
            variants = {answer.headers["x-pbgen-variant"] for answer in answers}
            assert len(variants) == 1
            drawn[variants.pop()] += 1
        metrics = httpx.get(f"{server.url}/metrics").text
    assert 5 <= drawn["float"] <= 27
    assert drawn["float"] + drawn["full"] == 60
    assert 'pbgen_experiment_weight{variant="float"} 0.25' in metrics


def test_auto_means_nothing_without_an_experiment(http: httpx.Client) -> None:
    answer = http.post("/generate?variant=auto")
    assert answer.status_code == 404
    assert "experiment" in answer.json()["detail"]


def test_a_swap_lasts_over_a_restart(versions: Path, tmp_path: Path) -> None:
    settings = {"store": versions, "data": tmp_path, "api_keys": API_KEYS}
    with serving(**settings) as server, httpx.Client(base_url=server.url) as client:
        assert served(client) == "partial@1"
        body = {"model": "partial@2"}
        assert client.put("/variants/partial", json=body, headers=ADMIN).status_code == 200
    with serving(**settings) as server, httpx.Client(base_url=server.url) as client:
        assert served(client) == "partial@2"


def test_a_kept_swap_whose_file_is_late_is_served_once_it_is_there(
    versions: Path, tmp_path: Path
) -> None:
    store, away = tmp_path / "store", tmp_path / "away.safetensors"
    shutil.copytree(versions, store)
    settings = {"store": store, "data": tmp_path, "api_keys": API_KEYS}
    with serving(**settings) as server, httpx.Client(base_url=server.url) as client:
        body = {"model": "partial@2"}
        assert client.put("/variants/partial", json=body, headers=ADMIN).status_code == 200
    (store / "partial" / "2.safetensors").rename(away)
    with serving(**settings) as server, httpx.Client(base_url=server.url) as client:
        assert served(client) == "partial@1"
        away.rename(store / "partial" / "2.safetensors")
        until(lambda: served(client) == "partial@2")


@needs_redis
def test_replicas_agree(versions: Path, redis: RedisServer) -> None:
    settings = {"store": versions, "redis_url": redis.url, "api_keys": API_KEYS, "secret": SECRET}
    settings |= {"redis_timeout_s": 2, "rate_limit": 10, "rate_burst": 200}
    with (
        serving(**settings) as one,
        serving(**settings) as two,
        httpx.Client(base_url=one.url) as a,
        httpx.Client(base_url=two.url) as b,
    ):
        assert a.get("/images/partial/5.png").content == b.get("/images/partial/5.png").content
        assert metric(b, 'pbgen_cache_requests_total{outcome="hit"}') == 1
        pair = a.post("/arena/pairs").json()
        ballot = {"token": pair["token"], "choice": "right"}
        assert b.post("/arena/votes", json=ballot).status_code == 200
        assert a.post("/arena/votes", json=ballot).status_code == 409
        assert a.get("/arena/results").json() == b.get("/arena/results").json()
        body = {"model": "partial@2"}
        assert a.put("/variants/partial", json=body, headers=ADMIN).status_code == 200
        until(lambda: served(b) == "partial@2")
        for _ in range(20):
            if a.post("/generate?count=64").status_code == 429:
                break
        assert b.post("/generate").status_code == 429
    with serving(**settings) as late, httpx.Client(base_url=late.url) as c:
        assert served(c) == "partial@2"


@needs_redis
def test_a_replica_whose_store_is_late_catches_up(
    versions: Path, redis: RedisServer, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    shutil.copytree(versions, late)
    file = late / "partial" / "2.safetensors"
    file.unlink()
    settings = {"redis_url": redis.url, "redis_timeout_s": 2, "api_keys": API_KEYS}
    with (
        serving(store=versions, **settings) as one,
        serving(store=late, **settings) as two,
        httpx.Client(base_url=one.url) as a,
        httpx.Client(base_url=two.url) as b,
    ):
        body = {"model": "partial@2"}
        assert a.put("/variants/partial", json=body, headers=ADMIN).status_code == 200
        time.sleep(0.5)
        assert served(b) == "partial@1"
        shutil.copy(versions / "partial" / "2.safetensors", file)
        until(lambda: served(b) == "partial@2")


@needs_redis
@pytest.mark.parametrize("failure", ["killed", "paused"])
def test_images_go_on_without_redis_and_all_heals(
    versions: Path, redis: RedisServer, failure: str
) -> None:
    settings = {"store": versions, "redis_url": redis.url, "secret": SECRET, "rate_limit": 1e6}
    settings |= {"redis_timeout_s": 0.3}
    with serving(**settings) as server, httpx.Client(base_url=server.url, timeout=10) as client:
        until(lambda: vote(client) == 200)
        (redis.kill if failure == "killed" else redis.pause)()
        began = time.monotonic()
        for seed in range(30):
            assert client.post(f"/generate?seed={seed}").status_code == 200
            assert client.get(f"/images/partial/{seed}.png").status_code == 200
        # At most three time-outs until the breaker opens, and one a second after that.
        assert time.monotonic() - began < 15  # it would be 27
        until(lambda: metric(client, "pbgen_state_breaker_open") == 1)
        answer = client.post(
            "/arena/votes",
            json={"token": client.post("/arena/pairs").json()["token"], "choice": "tie"},
        )
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert client.get("/readyz").status_code == 200
        (redis.start if failure == "killed" else redis.resume)()
        until(lambda: vote(client) == 200)
        assert metric(client, "pbgen_state_breaker_open") == 0
        # The votes that were acknowledged, before and after, and no others.
        results = client.get("/arena/results").json()
        assert results["votes"] >= 2
        assert sum(each["both_bad"] + each["ties"] for each in results["pairs"]) == 0


@needs_redis
def test_a_slow_redis_slows_nothing_down_for_long(versions: Path, redis: RedisServer) -> None:
    with slowed(redis.port, delay_s=0.5) as port:
        settings = {"store": versions, "redis_url": f"redis://127.0.0.1:{port}", "rate_limit": 1e6}
        with serving(**settings) as server, httpx.Client(base_url=server.url) as client:
            began = time.monotonic()
            for _ in range(50):
                assert client.post("/generate").status_code == 200
            assert time.monotonic() - began < 4


@needs_redis
def test_the_service_starts_while_redis_is_away(versions: Path) -> None:
    with serving(store=versions, redis_url="redis://127.0.0.1:1/0") as server:
        assert httpx.post(f"{server.url}/generate").status_code == 200
        assert httpx.get(f"{server.url}/arena/results").status_code == 503
