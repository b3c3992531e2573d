"""The service with more to do than it can: who is refused, and what goes on meanwhile."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.exposition import sample
from tests.serving import Server, serving
from tests.waiting import until

# One client can hold all places.
CROWDED = {"threads": 1, "isa": "numpy", "queue_limit": 2, "batch_limit": 1, "deadline_s": 60}


def in_progress(client: httpx.Client) -> float:
    return sample(client, "pbgen_requests_in_progress", variant="full")


@contextmanager
def taking_all_places(server: Server, client: httpx.Client, address: str) -> Iterator[None]:
    """While a stream that nobody reads holds them: its first chunk takes seconds."""
    query = "/generate/stream?variant=full&count=1000000&format=npy"
    headers = {"x-forwarded-for": address}
    with httpx.stream("POST", server.url + query, headers=headers, timeout=60) as answer:
        assert answer.status_code == 200
        until(lambda: in_progress(client))
        yield


def test_overload_deadline_and_a_client_that_leaves(shipped_size_store: Path) -> None:
    with (
        serving(
            store=shipped_size_store, threads=1, isa="numpy", queue_limit=32, deadline_s=1.0
        ) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        statuses: list[int] = []

        def ask(count: int) -> None:
            answer = httpx.post(f"{server.url}/generate?variant=full&count={count}", timeout=30)
            statuses.append(answer.status_code)
            if answer.status_code == 503:
                assert int(answer.headers["retry-after"]) >= 1

        crowd = [threading.Thread(target=ask, args=(64,)) for _ in range(12)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()
        assert set(statuses) <= {200, 503, 504}
        assert 503 in statuses
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/generate?variant=full&count=64", timeout=0.1)
        until(lambda: sample(client, "pbgen_requests_rejected_total", reason="client_left"))
        until(lambda: not in_progress(client))
        assert sample(client, "pbgen_requests_rejected_total", reason="client_left") == 1
        assert sample(client, "pbgen_queue_depth", variant="full") == 0
        assert sample(client, "pbgen_requests_rejected_total", reason="overload") >= 1
        assert client.get("/livez").status_code == 200


def test_many_jobs_of_one_request_have_its_deadline_and_its_client(slow_store: Path) -> None:
    with (
        serving(store=slow_store, threads=1, isa="numpy", batch_limit=1, deadline_s=2.0) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
    ):
        assert client.post("/compare?c=full&count=64").status_code == 504
        with pytest.raises(httpx.ReadTimeout):
            client.post("/compare?c=full&count=64", timeout=0.15)
        until(lambda: sample(client, "pbgen_requests_rejected_total", reason="client_left"))
        assert sample(client, "pbgen_requests_rejected_total", reason="deadline") == 1
        # A body that nobody asked for is bounded too, announced or not.
        body = (b" " * 2**16 for _ in range(160))
        assert client.post("/compare?c=full&count=64", content=body).status_code == 413


def test_a_body_that_comes_too_slowly_is_not_waited_for(random_store: Path) -> None:
    with serving(store=random_store, deadline_s=0.65) as server:
        address = httpx.URL(server.url)
        pieces: list[bytes] = []
        began = time.monotonic()
        with socket.create_connection((address.host, address.port), timeout=10) as client:
            client.sendall(
                b"POST /generate HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n"
            )
            # A byte may cross with the end, and reset the connection behind the answer.
            with suppress(ConnectionError):
                while not select.select([client], [], [], 0.1)[0]:  # ten a second
                    client.sendall(b"{")
            with suppress(ConnectionError):
                pieces.extend(iter(lambda: client.recv(4096), b""))  # until it is closed
        assert 0.65 <= time.monotonic() - began < 6  # it would be 10, were it waited for
        head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 504 ")
        assert b"connection: close" in head.lower()
        told = "The body must be there 0.65 s after the request began."
        assert json.loads(body)["detail"] == told
        assert httpx.get(f"{server.url}/readyz").status_code == 200


def test_a_client_that_leaves_before_its_body_is_there_is_no_failure(random_store: Path) -> None:
    with serving(store=random_store) as server, httpx.Client(base_url=server.url) as client:
        address = httpx.URL(server.url)
        for path in ("/generate", "/arena/votes"):
            with socket.create_connection((address.host, address.port), timeout=10) as leaving:
                leaving.sendall(
                    f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
                    "Content-Length: 500\r\n\r\nhello".encode()
                )
            left = {"route": path, "variant": "", "code": "499"}
            until(partial(sample, client, "pbgen_http_requests_total", **left), 5)


def test_a_length_of_thousands_of_zeros_is_none(random_store: Path) -> None:
    with serving(store=random_store) as server:
        address = httpx.URL(server.url)
        with socket.create_connection((address.host, address.port), timeout=10) as client:
            zeros = b"0" * 5000
            client.sendall(
                b"POST /generate HTTP/1.1\r\nHost: here\r\nContent-Length: %b\r\n\r\n" % zeros
            )
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_what_is_refused_for_want_of_room_costs_nothing(slow_store: Path) -> None:
    with (
        serving(store=slow_store, **CROWDED, rate_limit=0.01, rate_burst=8) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        with taking_all_places(server, client, "10.0.0.1"):
            refused = [client.get(f"/images/full/{seed}.png").status_code for seed in range(12)]
        assert refused == [503] * 12
        # What was charged for would be 429 for minutes.
        until(lambda: client.get("/images/full/1.png").status_code == 200)


def test_one_clients_grids_leave_room_for_anothers_face(shipped_size_store: Path) -> None:
    with (
        serving(
            store=shipped_size_store, threads=1, isa="numpy", queue_limit=32, deadline_s=60
        ) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):

        def ask(count: int, address: str) -> int:
            query = f"{server.url}/generate?variant=full&count={count}"
            # The server trusts X-Forwarded-For of a balancer on its own machine.
            return httpx.post(query, headers={"x-forwarded-for": address}, timeout=60).status_code

        with ThreadPoolExecutor(6) as pool:
            greedy = [pool.submit(ask, 64, "10.0.0.1") for _ in range(6)]
            until(lambda: sample(client, "pbgen_requests_rejected_total", reason="overload"))
            # There are fewer places for a moment if the event loop is late, as on a busy machine.
            until(lambda: ask(1, "10.0.0.2") == 200)
            assert in_progress(client) >= 1  # still
            assert 200 not in [each.result() for each in greedy if each.done()]
        assert {each.result() for each in greedy} == {200, 503}


def test_what_there_is_no_room_for_is_refused_early(slow_store: Path) -> None:
    with (
        serving(store=slow_store, **CROWDED) as server,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        with taking_all_places(server, client, "127.0.0.1"):
            told = client.post("/generate?seed=1&variant=full", headers={"x-request-id": "mine"})
            assert told.status_code == 503
            assert told.headers["content-type"] == "application/problem+json"
            assert told.headers["x-request-id"] == "mine"
            assert int(told.headers["retry-after"]) >= 1
            assert told.headers["x-content-type-options"] == "nosniff"
            problem = told.json()
            assert problem["instance"] == "urn:pbgen:request:mine"
            assert " places for images of full are taken, " in problem["detail"]
            # What would have another answer gets that, and what is not for the kernels goes on.
            assert client.post("/generate?variant=none").status_code == 404
            assert client.get("/generate?variant=full").status_code == 405
            wrong = {"authorization": "Bearer nobody"}
            assert client.post("/generate?variant=full", headers=wrong).status_code == 401
            assert client.get("/livez").status_code == 200
            assert client.post("/generate?variant=full&variant=partial").status_code == 422
            assert client.post("/generate?variant=partial").status_code == 200
            assert in_progress(client) == 1  # still
        until(lambda: not in_progress(client))
        assert client.post("/generate?variant=full").status_code == 200
        assert sample(client, "pbgen_requests_rejected_total", reason="overload") == 1
        refused = {"route": "/generate", "variant": "full", "code": "503"}
        assert sample(client, "pbgen_http_requests_total", **refused) == 1
        server.process.terminate()
        _, log = server.process.communicate(timeout=30)
    lines = [json.loads(line) for line in log.splitlines()]
    (counted,) = [line for line in lines if line["status"] == 503]
    assert (counted["requests"], counted["variant"]) == (1, "full")
