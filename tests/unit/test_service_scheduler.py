"""The scheduler: order, batching, fairness, bounds, failure."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.lane import Lane
from service.scheduler import QueueFullError, Scheduler
from tests.scheduling import CLIENT, Gate, entered, listed, on_scheduler, squares


@given(
    sizes=st.lists(st.integers(1, 70), min_size=1, max_size=12),
    threads=st.integers(1, 3),
    batch_limit=st.integers(1, 40),
)
def test_every_job_gets_its_rows_in_order(sizes: list[int], threads: int, batch_limit: int) -> None:
    async def test(scheduler: Scheduler) -> None:
        lanes = [scheduler.open("a", squares), scheduler.open("b", squares)]
        starts = [1000 * i for i in range(len(sizes))]
        jobs = [
            scheduler.submit(lanes[i % 2], range(start, start + size), listed, CLIENT)
            for i, (start, size) in enumerate(zip(starts, sizes, strict=True))
        ]
        for start, size, job in zip(starts, sizes, jobs, strict=True):
            assert (await job.future).value == [n * n for n in range(start, start + size)]
        assert all(lane.waiting == 0 and not lane.flows for lane in lanes)

    on_scheduler(test, threads=threads, batch_limit=batch_limit, queue_limit=10**6)


def test_a_lone_job_starts_at_once_and_what_waits_runs_as_one_batch() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        jobs = [scheduler.submit(lane, range(i, i + 1), listed, CLIENT) for i in range(5)]
        await entered(gate)
        assert lane.waiting == 4  # the first is running
        gate.open.set()
        for job in jobs:
            await job.future
        assert [len(batch) for batch in gate.batches] == [1, 4]

    on_scheduler(test)


def test_idle_threads_share_a_grid() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        job = scheduler.submit(scheduler.open("a", gate.run), range(10), listed, CLIENT)
        gate.open.set()
        done = await job.future
        assert done.value == [n * n for n in range(10)]
        assert sorted(len(part) for batch in gate.batches for part in batch) == [5, 5]

    on_scheduler(test, threads=2)


def test_rows_that_come_one_at_a_time_have_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(scheduler: Scheduler) -> None:
        ran: list[tuple[str, list[int]]] = []

        def running(how: str) -> Callable[[Sequence[range]], np.ndarray]:
            def run(inputs: Sequence[range]) -> np.ndarray:
                ran.append((how, [len(part) for part in inputs]))
                return squares(inputs)

            return run

        lane = scheduler.open("a", running("alone"), running("together"))
        monkeypatch.setattr("service.scheduler.SHARED_S", 0.0)

        async def rows(count: int) -> None:
            await scheduler.submit(lane, range(count), listed, CLIENT).future

        await rows(1)
        monkeypatch.setattr("service.scheduler.LONE_AFTER_S", 10.0)
        await asyncio.gather(rows(1), rows(1))
        await rows(1)  # there was company a moment ago
        assert [how for how, _ in ran] == ["together", "together", "alone", "alone"]
        monkeypatch.setattr("service.scheduler.LONE_AFTER_S", 0.0)
        await rows(1)
        monkeypatch.setattr("service.scheduler.LONE_AFTER_S", 60.0)
        await rows(4)
        assert ran[4:] == [("together", [1]), ("alone", [2]), ("alone", [2])]
        monkeypatch.setattr("service.scheduler.LONE_AFTER_S", 0.0)
        monkeypatch.setattr("service.scheduler.SHARED_S", 1.0)  # what is quick is not worth it
        await rows(1)
        assert ran[7:] == [("alone", [1])]

    on_scheduler(test, threads=2)


def test_a_full_queue_refuses_and_names_its_bound() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        scheduler.submit(lane, range(1), listed, CLIENT)
        waiting = scheduler.submit(lane, range(4), listed, CLIENT)
        with pytest.raises(QueueFullError, match="5 places are taken, 5 by") as caught:
            scheduler.submit(lane, range(1), listed, CLIENT)
        assert (caught.value.held, caught.value.own, caught.value.limit) == (5, 5, 4)
        lane.withdraw(waiting)  # frees its place at once
        last = scheduler.submit(lane, range(2, 3), listed, CLIENT)
        gate.open.set()
        assert (await last.future).value == [4]
        assert waiting.future.cancelled()
        assert [batch for batch in gate.batches if range(4) in batch] == []

    on_scheduler(test, queue_limit=4)


def test_while_the_event_loop_comes_late_there_are_fewer_places() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        jobs = [scheduler.submit(lane, range(8), listed, CLIENT) for _ in range(4)]
        scheduler.check_room(lane, "another")
        assert scheduler.is_crowded
        with pytest.raises(QueueFullError, match="there are 64"):
            scheduler.check_room(lane, CLIENT)
        lane.withdraw(jobs.pop())
        assert not scheduler.is_crowded
        scheduler.check_room(lane, CLIENT)
        time.sleep(0.04)  # in which a tick is due
        until = time.monotonic() + 10
        while not scheduler.is_crowded:  # with 24 of 32 places taken
            assert time.monotonic() < until
            await asyncio.sleep(0)
        with pytest.raises(QueueFullError, match="24 places are taken, 24 by") as caught:
            scheduler.submit(lane, range(1), listed, CLIENT)
        assert caught.value.limit == 32
        scheduler.check_room(lane, "another")
        gate.open.set()
        for job in jobs:
            await job.future

    on_scheduler(test, queue_limit=64)


def test_a_job_withdrawn_half_way_runs_no_further() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        job = scheduler.submit(lane, range(100), listed, CLIENT)
        await entered(gate)
        lane.withdraw(job)
        assert lane.waiting == 0
        gate.open.set()
        after = scheduler.submit(lane, range(3), listed, CLIENT)
        assert (await after.future).value == [0, 1, 4]
        assert gate.batches == [[range(10)], [range(3)]]

    on_scheduler(test, batch_limit=10)


def test_failures_reach_those_whom_they_concern() -> None:
    async def test(scheduler: Scheduler) -> None:
        def fail(_: object) -> Any:
            raise ZeroDivisionError

        broken: Lane = scheduler.open("broken", fail)
        sound = scheduler.open("sound", squares)
        failed_run = scheduler.submit(broken, range(50), listed, CLIENT)
        failed_finish = scheduler.submit(sound, range(1), fail, CLIENT)
        fine = scheduler.submit(sound, range(2), listed, CLIENT)
        for job in (failed_run, failed_finish):
            with pytest.raises(ZeroDivisionError):
                await job.future
        assert (await fine.future).value == [0, 1]
        assert broken.waiting == 0  # the rest of a failed job is not tried

    on_scheduler(test)


def test_durations_are_those_of_the_parts() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        scheduler.submit(lane, range(1), listed, CLIENT)
        waiting = scheduler.submit(lane, range(1), listed, CLIENT)
        await asyncio.sleep(0.05)
        gate.open.set()
        done = await waiting.future
        assert 0.05 <= done.queue_s < 10
        assert 0 < done.run_s < 10
        assert 0 < done.finish_s < 10
        assert done.server_timing().startswith(f"queue;dur={done.queue_s * 1000:.3f}, generate;")

    on_scheduler(test)


def test_a_slow_lane_runs_small_batches() -> None:
    async def test(scheduler: Scheduler) -> None:
        sizes: list[int] = []

        def run(inputs: Sequence[range]) -> np.ndarray:
            rows = squares(inputs)
            sizes.append(len(rows))
            threading.Event().wait(0.01 * len(rows))
            return rows

        lane = scheduler.open("slow", run)
        await scheduler.submit(lane, range(4), listed, CLIENT).future
        await scheduler.submit(lane, range(9), listed, CLIENT).future
        assert sizes[0] == 4  # nothing was known of it yet
        assert all(size <= 3 for size in sizes[1:])

    on_scheduler(test, batch_s=0.035)


def test_a_retired_lane_runs_what_it_has_and_is_gone() -> None:
    async def test(scheduler: Scheduler) -> None:
        gate = Gate()
        lane = scheduler.open("a", gate.run)
        jobs = [scheduler.submit(lane, range(i, i + 1), listed, CLIENT) for i in range(3)]
        scheduler.retire(lane)
        gate.open.set()
        assert [(await job.future).value for job in jobs] == [[0], [1], [4]]
        assert scheduler.lanes == ()
        # A request that chose it before, or a stream's next chunk, is not lost.
        late = scheduler.submit(lane, range(3, 4), listed, CLIENT)
        assert (await late.future).value == [9]
        assert scheduler.lanes == ()

    on_scheduler(test, batch_limit=1)
