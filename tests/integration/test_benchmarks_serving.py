"""The measuring client and its server processes, by a real service; no figure is judged."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.serving import (
    costs,
    endurance,
    loads,
    processes,
    requests,
    results,
    tables,
    targets,
)
from benchmarks.serving.client import Flow, drive
from benchmarks.serving.extent import Extent
from benchmarks.serving.processes import Server
from docs.blocks import serving

TINY = Extent(seconds=0.6, stream=300, soak=100, swaps=2, leavers=1)


@pytest.fixture(scope="module")
def server(random_store: Path) -> Iterator[Server]:
    with processes.service(store=random_store) as server:
        yield server


def test_a_closed_loop_counts_what_the_server_counts(server: Server) -> None:
    name = 'pbgen_http_requests_total{code="200",route="/generate"'
    before = server.metric(name)
    (answers,) = drive(server.address, [requests.faces(4)], 2.0)
    assert 0 < answers.statuses[200] <= server.metric(name) - before  # the warm-up is not counted
    assert set(answers.statuses) - {0} == {200}
    assert 0 < answers.percentile_ms(50) <= answers.percentile_ms(99)


def test_flows_run_side_by_side_at_their_pace(server: Server) -> None:
    flows = [requests.faces(8, rate=100), requests.probe("/livez", 20)]
    faces, probes = drive(server.address, flows, 1.0)
    assert faces.statuses[200] == pytest.approx(100, abs=1)
    assert probes.statuses[200] == pytest.approx(20, abs=1)


def test_an_error_is_told_by_its_status_and_no_latency(server: Server) -> None:
    (answers,) = drive(server.address, [requests.probe("/nowhere", 50)], 0.2)
    assert answers.statuses[404] > 0
    assert answers.percentile_ms(50) is None


class Stalling:
    """A server that answers at once, but for one pause."""

    def __init__(self, body: bytes, pause_s: float) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
        self._pause_s = pause_s
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        pause_at = time.perf_counter() + 0.8
        with connection:
            while connection.recv(4096):
                if pause_at and time.perf_counter() > pause_at:
                    pause_at = 0.0
                    time.sleep(self._pause_s)
                connection.sendall(self._answer)

    def close(self) -> None:
        self._listener.close()


def test_what_was_due_during_a_stall_is_late_in_an_open_loop() -> None:
    """A closed loop sends one request into the stall; an open one owes all that were due in it."""
    late = {}
    for rate in (None, 100.0):
        with closing(Stalling(b"face", 0.5)) as stalling:
            flow = Flow(lambda: b"GET / HTTP/1.1\r\n\r\n", 1, rate, b"face")
            (answers,) = drive(stalling.address, [flow], 1.0)
        late[rate] = sum(latency > 0.25 for latency in answers.latencies_s)
    assert 1 <= late[None] < 5  # a busy machine may add a stall of its own
    assert late[100.0] >= 18  # due in the first 250 ms of the 500


def test_an_answer_that_is_not_a_picture_has_failed() -> None:
    with closing(Stalling(b"no face", 0)) as stalling:
        flow = Flow(lambda: b"GET / HTTP/1.1\r\n\r\n", 1, 50, b"face")
        (answers,) = drive(stalling.address, [flow], 0.3)
    assert answers.statuses[200] == 0
    assert answers.statuses[0] > 0


def test_a_server_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="must be a folder that is there"),
        processes.service(store="/nonexistent"),
    ):
        pass


def test_a_flow_of_so_many_requests_sends_them_all_and_no_more(server: Server) -> None:
    flow = replace(requests.faces(4), count=50)
    (answers,) = drive(server.address, [flow], 60.0)
    assert answers.statuses == {200: 50, 0: 0}


def test_every_part_is_measured_told_and_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(loads, "CROWD", 100)
    monkeypatch.setattr(costs, "KERNELS_S", 0.05)
    monkeypatch.setattr("benchmarks.serving.rows.ATTEMPTS", 1)
    monkeypatch.setattr("benchmarks.serving.client.WARM_UP_S", 0.1)
    monkeypatch.setattr(endurance, "SETTLING_S", 0.3)
    found = {"cost": costs.cost(TINY), "speed": loads.speed(TINY)}
    for model in loads.MODELS:  # a server that is up will do for what is left
        monkeypatch.setitem(loads.MODELS, model, lambda: nullcontext(server))
    found |= {
        "overload": loads.overload(TINY),
        "stream": endurance.stream(TINY),
        "soak": endurance.soak(TINY),
        "leavers": costs.leavers(TINY),
    }
    results.keep(found)
    kept = results.latest()
    results.keep({})
    assert results.latest() == kept
    assert {
        name: {**part, "made": kept["parts"][name]["made"]}
        for name, part in json.loads(json.dumps(found)).items()
    } == kept["parts"]
    wanted = [each.wanted for each in targets.targets(found)]
    assert len(wanted) == len(set(wanted)) == 17
    assert serving.figures() == tables.everything(found)
    assert targets.table(found) in serving.targets()
