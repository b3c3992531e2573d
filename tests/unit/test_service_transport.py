"""When what is written to a `Joining` transport is on its way, over a real socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from service.transport import Joining

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def received(act: Callable[[Joining], None], passes: int = 0) -> bytes:
    """What the other end has got after an act and so many passes of the loop."""

    async def run() -> bytes:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        with ours, theirs:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            act(Joining(transport, loop))
            for _ in range(passes):
                await asyncio.sleep(0)
            try:
                return theirs.recv(1 << 16)
            except BlockingIOError:
                return b""
            finally:
                transport.abort()

    return asyncio.run(run())


def test_a_head_goes_with_its_body() -> None:
    def answer(joining: Joining) -> None:
        joining.write(HEAD)
        joining.write(b"body")

    assert received(answer) == HEAD + b"body"


def test_a_head_waits_for_no_longer_than_a_pass() -> None:
    assert received(lambda joining: joining.write(HEAD)) == b""
    assert received(lambda joining: joining.write(HEAD), passes=2) == HEAD


def test_a_head_is_sent_before_the_end() -> None:
    def answer(joining: Joining) -> None:
        joining.write(HEAD)
        joining.close()
        assert joining.is_closing()

    assert received(answer) == HEAD


@pytest.mark.parametrize("data", [b"body", b"HTTP/1.1 503 Busy\r\n\r\nbody", b"a chunk\r\n\r\n"])
def test_anything_else_goes_at_once(data: bytes) -> None:
    assert received(lambda joining: joining.write(data)) == data


def test_two_heads_stay_apart() -> None:
    def answer(joining: Joining) -> None:
        for _ in range(2):
            joining.write(HEAD)
            joining.write(b"body")

    assert received(answer) == 2 * (HEAD + b"body")


def test_a_head_of_a_connection_that_is_gone_is_dropped() -> None:
    async def run() -> list[object]:
        loop = asyncio.get_running_loop()
        failures: list[object] = []
        loop.set_exception_handler(lambda _, failure: failures.append(failure))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
            joining = Joining(transport, loop)
            joining.abort()
            await asyncio.sleep(0.01)
            joining.write(HEAD)
            await asyncio.sleep(0.01)
            joining.write(HEAD)
            joining.close()
        return failures

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # it raises for such
        assert runner.run(run()) == []
