"""Teams: what their threads share, and what becomes of them when something goes wrong."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import FrameType
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels import latents, native
from kernels.team import Team
from tests import factories, waiting
from tests.building import ROOT


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("members", [2, 3])
def test_a_team_larger_than_the_machine_gives_the_same(isa: str, members: int) -> None:
    prepared = native.NativeGenerator(factories.generator("full"), isa)
    team = Team(prepared, members)
    for batch in (1, 5, 30):
        z = latents(3, batch, 12)
        np.testing.assert_array_equal(team.run(z), prepared.run(z))


def team_of_two() -> tuple[Team, NDArray[np.uint8], NDArray[np.uint8]]:
    """A team, latents and their images."""
    prepared = native.NativeGenerator(factories.generator(), next(iter(native.isas())))
    z = latents(3, 5, 12)
    return Team(prepared, 2), z, prepared.run(z)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_a_helper_that_cannot_start_is_done_without_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    team, z, expected = team_of_two()
    with monkeypatch.context() as limited:
        limited.setattr(threading.Thread, "start", refuse)
        for _ in range(2):
            np.testing.assert_array_equal(team.run(z), expected)
    assert not team._helpers
    np.testing.assert_array_equal(team.run(z), expected)
    assert team._helpers


DRAWS_ON = """
import threading
from kernels.team import Team
from tests.unit.test_kernels_team import team_of_two

team, z, _ = team_of_two()
helped = threading.Event()

def draw():
    while True:
        team.run(z)
        if team._inside:
            helped.set()

threading.Thread(target=draw, daemon=True).start()
helped.wait()
"""


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_a_process_ends_though_a_daemon_thread_draws_on() -> None:
    subprocess.run([sys.executable, "-c", DRAWS_ON], cwd=ROOT, check=True, timeout=60)


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # which is what is tested
def test_a_forked_process_has_helpers_of_its_own() -> None:
    """Also when a call of the parent's is under way."""
    team, z, expected = team_of_two()
    team.run(z)

    def child() -> None:
        np.testing.assert_array_equal(team.run(z), expected)
        assert threading.active_count() == 2

    process = multiprocessing.get_context("fork").Process(target=child)
    with team._lock:
        team._call = object()
        process.start()
        team._call = None
    process.join(60)
    process.kill()  # were it waiting for its parent's threads
    assert process.exitcode == 0


class Interruption(Exception):
    """What a signal's handler raises."""


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_wherever_a_call_is_interrupted_the_next_has_the_team() -> None:
    """Behind every call that `run` makes, where Python lets a signal's handler interrupt."""
    left = 0

    def interrupt(frame: FrameType, event: str, _of: object) -> None:
        nonlocal left
        where = frame.f_back if event == "return" else frame
        if event != "c_call" and where and where.f_globals["__name__"] == "kernels.team":
            left -= 1
            if left < 0:
                raise Interruption

    for step in itertools.count():
        left = step
        team, z, expected = team_of_two()
        sys.setprofile(interrupt)
        try:
            team.run(z)
            break
        except Interruption:
            pass
        finally:
            sys.setprofile(None)
        with patch.object(team._generator, "run", wraps=team._generator.run) as run:
            np.testing.assert_array_equal(team.run(z), expected)
        assert len(run.call_args.args) == 3, step  # latents, the team's memory, members
    assert step > 5


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_a_handler_may_draw_wherever_it_interrupts() -> None:
    team, z, expected = team_of_two()
    drawn: list[NDArray[np.uint8]] = []

    def draw(frame: FrameType, _event: str, _of: object) -> Callable[..., object] | None:
        if frame.f_globals["__name__"] != "kernels.team":
            return None
        drawn.append(team.run(z))  # of which nothing is traced
        return draw

    def interrupted() -> None:
        sys.settrace(draw)  # before every line
        drawn.append(team.run(z))
        sys.settrace(None)

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert len(drawn) > 5
    np.testing.assert_array_equal(drawn, [expected] * len(drawn))


@pytest.mark.skipif(not native.isas(), reason="the C library was not built")
def test_no_two_threads_are_one_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it so, both would write the same memory: wrong pixels."""
    team, z, expected = team_of_two()
    help, submit = team._generator.help, ThreadPoolExecutor.submit
    entered, leave = [], threading.Event()

    def stay(memory: NDArray[np.uint8], member: int) -> None:
        entered.append(member)
        leave.wait()
        help(memory, member)

    def submit_and_raise(pool: ThreadPoolExecutor, *what: object) -> Future[None]:
        submit(pool, *what)
        raise KeyboardInterrupt

    monkeypatch.setattr(team._generator, "help", stay)
    interrupted = patch.object(ThreadPoolExecutor, "submit", submit_and_raise)
    with interrupted, pytest.raises(KeyboardInterrupt):
        team.run(z)
    try:
        waiting.until(lambda: entered)
        np.testing.assert_array_equal(team.run(z), expected)  # has another thread asked
        team._helpers[1].submit(int).result(60)  # what that one was asked is done
        assert entered == [1]
        leave.set()
        waiting.until(lambda: not team._asked)
        leave.clear()  # or the helper might be gone again before it is looked for
        np.testing.assert_array_equal(team.run(z), expected)
        assert team._asked == {1}
        waiting.until(lambda: entered == [1, 1])
    finally:
        leave.set()
