"""The scheduler's fairness: between jobs, between clients, between lanes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from service.lane import TURN_ROWS
from service.scheduler import QueueFullError, Scheduler
from tests.scheduling import CLIENT, Gate, listed, on_scheduler, squares


def test_a_face_does_not_wait_for_a_huge_grid() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        scheduler.submit(lane, range(1), listed, CLIENT)
        grid = scheduler.submit(lane, range(1000, 1200), listed, CLIENT)
        face = scheduler.submit(lane, range(7, 8), listed, CLIENT)
        gate.open.set()
        assert (await face.future).value == [49]
        # The batch after the first holds one turn of the grid, the face, then the grid again.
        assert len(gate.batches[1]) == 2
        assert range(7, 8) in gate.batches[1]
        assert (await grid.future).value == [n * n for n in range(1000, 1200)]

    on_scheduler(test, batch_limit=TURN_ROWS + 4, queue_limit=1000)


def test_a_face_does_not_wait_for_a_client_with_many_jobs() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        scheduler.submit(lane, range(1), listed, CLIENT)
        for i in range(100):
            scheduler.submit(lane, range(i, i + 1), listed, CLIENT)
        face = scheduler.submit(lane, range(7, 8), listed, "another")
        gate.open.set()
        assert (await face.future).value == [49]
        # The batch after the first holds one turn of the many, and then the face.
        assert [len(part) for part in gate.batches[1]] == [1] * (TURN_ROWS + 1)
        assert gate.batches[1][TURN_ROWS] == range(7, 8)

    on_scheduler(test, batch_limit=TURN_ROWS + 1)


def test_no_client_fills_the_queue_alone() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        scheduler.submit(lane, range(1), listed, CLIENT)  # runs

        def flood(client: str) -> None:
            while True:
                scheduler.submit(lane, range(1), listed, client)

        def fill(client: str) -> int:
            with pytest.raises(QueueFullError) as caught:
                flood(client)
            assert caught.value.own == lane.held[client]
            return caught.value.own

        assert [fill(client) for client in (CLIENT, "second", "third")] == [60, 30, 15]
        gate.open.set()

    on_scheduler(test, queue_limit=120)


def test_a_grid_takes_the_places_of_a_turn_until_less_of_it_is_left() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        grid = scheduler.submit(lane, range(TURN_ROWS + 3), listed, CLIENT)
        face = scheduler.submit(lane, range(1), listed, "another")
        assert (lane.held[CLIENT], lane.all_held) == (TURN_ROWS, TURN_ROWS + 1)
        lane.release(grid, 5)
        assert lane.held[CLIENT] == TURN_ROWS - 2
        lane.withdraw(grid)
        lane.withdraw(face)
        assert (lane.held, lane.all_held) == ({}, 0)
        gate.open.set()

    on_scheduler(test)


def test_lanes_get_equal_time_not_equal_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]  # only what runs takes time, whatever else this machine does
    monkeypatch.setattr("service.lane.perf_counter", lambda: now_s[0])

    async def test(scheduler: Scheduler) -> None:
        order: list[str] = []
        are_all_there = threading.Event()

        def taking(name: str, used_s: float) -> Callable[[Sequence[range]], np.ndarray]:
            def run(inputs: Sequence[range]) -> np.ndarray:
                order.append(name)
                assert are_all_there.wait(10)
                now_s[0] += used_s
                return squares(inputs)

            return run

        slow = scheduler.open("slow", taking("slow", 0.04))
        fast = scheduler.open("fast", taking("fast", 0.002))
        jobs = [
            scheduler.submit(lane, range(1), listed, CLIENT)
            for lane in (slow, fast)
            for _ in range(6)
        ]
        are_all_there.set()
        for job in jobs:
            await job.future
        assert order.index("slow") == 0
        # By the time that the slow lane has run twice, the fast one has nothing left to run.
        second_slow = order.index("slow", 1)
        assert order[:second_slow].count("fast") == 6

    on_scheduler(test, batch_limit=1)


def test_a_lane_that_was_idle_does_not_save_up_time() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        busy, rested = scheduler.open("busy", gate.run), scheduler.open("rested", squares)
        busy.used_s = 100.0
        scheduler.submit(busy, range(1), listed, CLIENT)
        waiting = scheduler.submit(busy, range(1), listed, CLIENT)
        late = scheduler.submit(rested, range(1), listed, CLIENT)
        assert rested.used_s == 100.0
        gate.open.set()
        await waiting.future
        await late.future

    on_scheduler(test)


def test_a_new_lane_does_not_go_before_one_that_has_long_served() -> None:
    async def test(scheduler: Scheduler) -> None:
        old, new = scheduler.open("old", squares), scheduler.open("new", squares)
        old.used_s = 100.0
        await scheduler.submit(old, range(1), listed, CLIENT).future
        assert old.waiting == 0  # nobody waits to be compared with
        await scheduler.submit(new, range(1), listed, CLIENT).future
        assert new.used_s >= 100.0

    on_scheduler(test)
