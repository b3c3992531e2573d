"""The service for long: a stream of many images, and many requests with swaps among them."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import artifacts
from benchmarks.serving import requests
from benchmarks.serving.client import drive
from benchmarks.serving.costs import kernel_times
from benchmarks.serving.extent import Extent
from benchmarks.serving.processes import Server, service
from benchmarks.serving.rows import summary
from model_store import Store
from service.keys import Key, hash_key

CHUNK = 1 << 20  # bytes a read
LOOKS = 100  # at the memory, during a stream
SETTLED = LOOKS // 10  # looks from which on its growth counts
MEMBER_BYTES = 512 + 25 * 512  # a tar's header, and the .npy of a picture in whole blocks
SOAK_CONNECTIONS, SETTLING_S, LONGEST_SOAK_S = 16, 2.0, 900.0
KEY = "for this measurement only"


def stream(extent: Extent) -> dict[str, Any]:
    """One client reads a stream of .npy by the shipped `partial` as fast as it comes; beside it,
    what the kernels make by themselves on as many threads.
    """
    alone = kernel_times(Store().open("partial").spec)
    with service() as server:
        began = time.perf_counter()
        size, resident = _read(server, extent.stream)
        took_s = time.perf_counter() - began
    return {
        "model": "full size",
        "images": extent.stream,
        "bytes": size,
        "images_a_second": extent.stream / took_s,
        "kernels_images_a_second": alone["images_a_second"],
        "rss_grown_bytes": max(resident[SETTLED:]) - resident[SETTLED],
    }


def _read(server: Server, images: int) -> tuple[int, list[int]]:
    """Reads a stream to its end: its bytes, and the server's resident memory on the way.

    Raises RuntimeError if it breaks off.
    """
    head = f"POST /generate/stream?format=npy&seed=0&count={images} HTTP/1.1\r\nHost: localhost\r\n"
    size, resident, end = 0, [server.rss_bytes()], b""
    buffer = bytearray(CHUNK)
    with socket.create_connection(server.address) as connection:
        connection.sendall(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        while count := connection.recv_into(buffer):
            size += count
            end = (end + buffer[max(0, count - 5) : count])[-5:]
            while size >= len(resident) * images * MEMBER_BYTES / LOOKS:
                resident.append(server.rss_bytes())
    if end != b"0\r\n\r\n":  # the last chunk's mark
        raise RuntimeError(f"the stream broke off after {size} bytes")
    return size, resident


def soak(extent: Extent) -> dict[str, Any]:
    """Many faces by a generator of base 64, while two versions of it are swapped."""
    key = Key(name="measurement", sha256=hash_key(KEY), scopes=frozenset({"admin"}))
    keys = json.dumps([key.model_dump(mode="json")])
    flow = requests.faces(SOAK_CONNECTIONS)
    with (
        TemporaryDirectory() as folder,
        service(store=artifacts.store(Path(folder), 64, versions=2), api_keys=keys) as server,
    ):
        _swap(server, 1)
        _swap(server, 2)
        (first,) = drive(server.address, [flow], SETTLING_S)
        before = server.rss_bytes()
        began = time.perf_counter()
        with Swapper(server, extent.swaps, extent.soak / first.rate):
            (answers,) = drive(server.address, [replace(flow, count=extent.soak)], LONGEST_SOAK_S)
        answers.seconds = time.perf_counter() - began
        grown = server.rss_bytes() - before
    return {**summary(answers), "swaps": extent.swaps, "rss_grown_bytes": grown}


class Swapper:
    """Swaps the served version so many times in about these seconds; the context ends after all."""

    def __init__(self, server: Server, swaps: int, seconds: float) -> None:
        self._server = server
        self._due_s = [seconds * i / swaps for i in range(swaps)]
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        began = time.perf_counter()
        for i, due_s in enumerate(self._due_s):
            time.sleep(max(0.0, began + due_s - time.perf_counter()))
            _swap(self._server, 1 + i % 2)


def _swap(server: Server, version: int) -> None:
    server.call("PUT", "/variants/partial", KEY, {"model": f"partial@{version}"})
