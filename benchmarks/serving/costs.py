"""What one request costs: in the kernels, outside them, and once its client has left."""

from __future__ import annotations

import os
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import kernels
from benchmarks import artifacts
from benchmarks.serving import requests
from benchmarks.serving.extent import Extent
from benchmarks.serving.processes import Server, service
from benchmarks.serving.rows import Row, load
from kernels.random_weights import SEED, random_generator

NARROW = 4  # width before the image: the kernels take some 30 µs
BATCHES = (1, 8, 32)
KERNELS_S = 0.7  # of calls a batch size
GRID, HELD_S, LEFT_S = 64, 0.3, 5.0


def cost(extent: Extent) -> dict[str, Any]:
    """Processor time a request outside the kernels, with a generator so narrow that they take
    next to none; and the kernels' own times, full size and half as wide.
    """
    rows: list[Row] = []
    with (
        TemporaryDirectory() as folder,
        service(store=artifacts.store(Path(folder), NARROW)) as server,
    ):
        for connections in (1, 64):
            flow = requests.faces(connections)
            rows.append(load(server, flow, extent.seconds, "pbgen", "narrow"))
    wide = artifacts.FULL_SIZE
    widths = {"narrow": NARROW, "base 64": wide // 2, "full size": wide}
    times = {n: kernel_times(random_generator("partial", width)) for n, width in widths.items()}
    for row, batch in zip(rows, (1, 32), strict=True):
        whole_ms = row["server_cores"] / row["answers_a_second"] * 1e3
        row["outside_kernels_ms"] = whole_ms - times["narrow"]["ms_an_image"][str(batch)]
    return {"rows": rows, "kernels": times}


def kernel_times(spec: kernels.GeneratorSpec) -> dict[str, Any]:
    """Milliseconds an image on one thread by batch, and images a second on as many threads as there
    are cores, each with batches of its own as the service's have.
    """
    generator = kernels.Generator(spec)
    times = {}
    for batch in BATCHES:
        drawn = kernels.latents(SEED, batch, spec.latent_dim)
        taken: list[float] = []
        end = time.perf_counter() + KERNELS_S
        while (began := time.perf_counter()) < end:
            generator.run(drawn)
            taken.append(time.perf_counter() - began)
        times[str(batch)] = statistics.median(taken) * 1e3 / batch

    def run(_: int) -> int:
        end, done = time.perf_counter() + KERNELS_S, 0
        while time.perf_counter() < end:
            done += len(generator.run(drawn))
        return done

    threads = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(threads) as pool:
        images = sum(pool.map(run, range(threads)))
    return {
        "isa": generator.isa,
        "ms_an_image": times,
        "threads": threads,
        "images_a_second": images / KERNELS_S,
    }


def leavers(extent: Extent) -> dict[str, Any]:
    """Clients that ask for a large grid of a slow generator and leave: milliseconds until nothing
    of it waits, and the request is no longer in progress.
    """
    with TemporaryDirectory() as folder:
        store = artifacts.store(Path(folder))
        with service(store=store, isa="portable", threads=1) as server:
            freed = [_leave(server) for _ in range(extent.leavers)]
    return {"clients": len(freed), "median_ms": statistics.median(freed), "max_ms": max(freed)}


def _leave(server: Server) -> float:
    """Raises RuntimeError if the grid's place is not free within LEFT_S."""
    with socket.create_connection(server.address) as connection:
        connection.sendall(
            f"POST /generate?count={GRID} HTTP/1.1\r\nHost: localhost\r\n"
            "Content-Length: 0\r\n\r\n".encode()
        )
        time.sleep(HELD_S)
        if not _held(server):
            raise RuntimeError("the grid was made before its client could leave")
    left = time.perf_counter()
    while _held(server):
        if time.perf_counter() > left + LEFT_S:
            raise RuntimeError(f"the place of a client that left was not free within {LEFT_S} s")
    return (time.perf_counter() - left) * 1e3


def _held(server: Server) -> float:
    return server.metric("pbgen_queue_depth{") + server.metric("pbgen_requests_in_progress{")
