"""A store that does not answer, beside all that does not need it."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import httpx
import pytest

from service.keys import Key, hash_key
from tests.serving import serving

pytest.importorskip("fsspec", reason="stores at a URL need: pip install '.[remote]'")

ADMIN = {"authorization": "Bearer admin-key"}
API_KEYS = json.dumps(
    [Key(name="ops", sha256=hash_key("admin-key"), scopes={"admin"}).model_dump(mode="json")]
)


@contextmanager
def http_store(root: Path) -> Iterator[tuple[str, set[str]]]:
    """A store's URL, and the ends of paths that it does not answer for the time being."""
    held: set[str] = set()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def send_head(self) -> BinaryIO | None:
            while self.path.endswith(tuple(held)):
                time.sleep(0.02)
            return super().send_head()

        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Handler, directory=str(root))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", held
        finally:
            held.clear()
            server.shutdown()
            thread.join()


def test_a_store_that_hangs_holds_up_nothing_else(versions: Path) -> None:
    with (
        http_store(versions) as (url, held),
        serving(store=url, deadline_s=4, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
        ThreadPoolExecutor(16) as pool,
    ):

        def swap(model: str) -> httpx.Response:
            return client.put("/variants/partial", json={"model": model}, headers=ADMIN)

        held.add("/2.safetensors")
        began = time.perf_counter()
        hung = [pool.submit(client.get, "/models/partial/2") for _ in range(8)]
        hung += [pool.submit(swap, "partial@2") for _ in range(2)]
        hung += [pool.submit(client.post, "/generate?variant=partial@2") for _ in range(2)]
        assert swap("partial@10").status_code == 200  # no swap
        assert client.post("/generate?variant=partial@9").status_code == 404
        assert client.post("/generate?variant=partial@1").status_code == 200
        assert client.get("/models/partial/9").status_code == 404
        assert client.get("/models").status_code == 200
        assert not any(each.done() for each in hung)
        held.add("/partial/")
        hung += [pool.submit(client.get, "/models") for _ in range(6)]
        assert swap("partial@10").status_code == 200
        assert client.post("/compare?a=float&b=partial").status_code == 200
        assert client.get("/arena/results").status_code == 200
        assert not any(each.done() for each in hung)
        for each in hung:
            assert each.result().status_code == 504
            assert each.result().json()["type"] == "urn:pbgen:problem:deadline"
        assert time.perf_counter() - began < 12
        held.clear()
        assert swap("partial@2").json()["model"] == "partial@2"


def test_a_store_that_hangs_does_not_hold_up_the_end(versions: Path) -> None:
    with (
        http_store(versions) as (url, held),
        serving(store=url, deadline_s=1, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        held.add("/2.safetensors")
        assert client.get("/models/partial/2").status_code == 504
        server.process.terminate()
        assert server.process.wait(timeout=10) == 0


def test_a_store_that_vanishes_is_told_and_stops_no_face(versions: Path) -> None:
    elsewhere = versions.with_name("elsewhere")
    with (
        serving(store=versions, api_keys=API_KEYS) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):

        def swap() -> httpx.Response:
            return client.put("/variants/partial", json={"model": "partial@2"}, headers=ADMIN)

        documented = client.get("/openapi.json").json()["paths"]
        versions.rename(elsewhere)
        for answer, path in (
            (client.get("/models"), "/models"),
            (client.get("/models/partial/2"), "/models/{name}/{version}"),
            (client.get("/images/partial@2/7.png"), "/images/{variant}/{seed}.png"),
            (client.post("/generate?variant=partial@2"), "/generate"),
            (client.post("/compare?a=float&b=partial@2"), "/compare"),
            (swap(), "/variants/{variant}"),
        ):
            assert answer.status_code == 503
            assert "503" in documented[path][answer.request.method.lower()]["responses"]
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"] == "The model store cannot be read now."
            assert answer.headers["retry-after"] == "1"
            assert str(versions) not in answer.text
        for path in ("/livez", "/readyz", "/variants", "/images/partial/7.png"):
            assert client.get(path).status_code == 200
        assert client.post("/generate?variant=float").headers["x-pbgen-model"] == "float@1"
        elsewhere.rename(versions)
        assert swap().json()["model"] == "partial@2"
