"""The service under load: how fast, how much faster than LitServe, and what overload does to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import artifacts
from benchmarks.inference import agreement
from benchmarks.inference.contestant import Absent
from benchmarks.inference.worker import PICTURES
from benchmarks.serving import requests
from benchmarks.serving.extent import Extent
from benchmarks.serving.processes import Server, free_port, service, serving
from benchmarks.serving.rows import Row, load, measured, summary
from kernels import Generator, latents
from kernels.random_weights import random_generator

CONNECTIONS = (1, 16, 64)
RATED = CONNECTIONS[-1]  # the load that overload is compared with
STEADY = 0.8  # of the rated answers a second, in the open loop
OVERLOAD, CROWD = 4, 960  # times the rated answers a second; connections that offer them
PROBES_A_SECOND, SCRAPES_A_SECOND = 50, 5


@contextmanager
def base_64() -> Iterator[Server]:
    """The service with a `partial` half as wide as the shipped one, random weights."""
    with TemporaryDirectory() as folder:
        store = artifacts.store(Path(folder), artifacts.FULL_SIZE // 2)
        with service(store=store) as server:
            yield server


MODELS = {"full size": service, "base 64": base_64}  # of `partial`; full size is what ships


def speed(extent: Extent) -> dict[str, Any]:
    """Closed loop by connections, then an open loop at a steady rate."""
    rows = []
    for model, serve in MODELS.items():
        with serve() as server:
            rows += [_closed(server, c, extent, "pbgen", model) for c in CONNECTIONS]
            flow = requests.faces(RATED, STEADY * rows[-1]["answers_a_second"])
            rows.append(load(server, flow, extent.seconds, "pbgen", model))
    return {"rows": rows}


def peers(extent: Extent) -> dict[str, Any]:
    """LitServe with the full-size float generator by each runtime; the service between them."""
    rows: list[Row] = []
    absent: list[Row] = []
    for runtime, bound in (("pytorch", agreement.SUMMED), ("openvino", agreement.QUANTIZED)):
        try:
            with _litserve(runtime) as server:
                _demand_the_same_pictures(server, bound)
                for c in CONNECTIONS:
                    name = f"LitServe, {runtime}"
                    rows.append(_closed(server, c, extent, name, "full size", requests.LITSERVE))
        except (RuntimeError, Absent) as error:
            reason = str(error).strip().splitlines()[-1]
            absent.append({"server": f"LitServe, {runtime}", "reason": reason})
        if runtime == "pytorch":
            with service() as server:
                rows += [_closed(server, c, extent, "pbgen", "full size") for c in CONNECTIONS]
    return {"rows": rows, "absent": absent}


def overload(extent: Extent) -> dict[str, Any]:
    """Four times the rated answers a second on offer, with /livez asked meanwhile; and /metrics
    asked under the rated load.
    """
    rows = []
    for model, serve in MODELS.items():
        with serve() as server:
            flows = [requests.faces(RATED), requests.probe("/metrics", SCRAPES_A_SECOND)]
            (faces, scrapes), machine = measured(server, flows, extent.seconds)
            rated = {"model": model, "load": "rated", **summary(faces), **machine}
            offered = OVERLOAD * faces.rate
            flows = [requests.faces(CROWD, offered), requests.probe("/livez", PROBES_A_SECOND)]
            (faces, probes), machine = measured(server, flows, extent.seconds)
            crowded = {"model": model, "load": "overload", "offered_a_second": offered}
            rows.append({**rated, "metrics": summary(scrapes)})
            rows.append({**crowded, **summary(faces), **machine, "livez": summary(probes)})
    return {"rows": rows}


def _closed(
    server: Server,
    connections: int,
    extent: Extent,
    name: str,
    model: str,
    template: bytes = requests.PBGEN,
) -> Row:
    flow = requests.faces(connections, template=template)
    return load(server, flow, extent.seconds, name, model)


def _demand_the_same_pictures(server: Server, bound: agreement.Bound) -> None:
    """Raises Absent unless LitServe's PNGs show what the kernels' float generator draws."""
    ours = Generator(random_generator("float")).run(latents(0, PICTURES))
    asked = [server.call("POST", "/predict", body={"seed": seed}) for seed in range(PICTURES)]
    theirs = np.stack([np.asarray(Image.open(BytesIO(png))) for png in asked])
    agreement.demand(agreement.difference(theirs, ours), bound)


@contextmanager
def _litserve(runtime: str) -> Iterator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.serving.litserve_peer", runtime, str(port)]
    with serving(command, port, "/health") as server:
        yield server
