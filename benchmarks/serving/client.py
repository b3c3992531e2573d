"""A client that measures: one thread, raw sockets, nothing done for an answer but what is counted.

Closed loop: each connection sends its next request when the last is answered, so a slow server is
asked less. Open loop: requests are due at a fixed rate whatever the server does, and a latency
counts from the moment when its request was due, so that time spent waiting for a free connection
is not left out (coordinated omission).
"""

from __future__ import annotations

import math
import select
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from kernels.bench import percentile

CHUNK = 1 << 14  # bytes a read: an answer; a buffer of 256 KB took 20 µs of each read
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "  # as uvicorn writes it
WARM_UP_S = 0.5  # what is due in it is not counted
PATIENCE_S = 10.0  # for answers, after the last request
FAILED = 0  # the status of an answer that broke off, never came, or is not what it should be

Address = tuple[str, int]


@dataclass(frozen=True)
class Flow:
    """Requests of one kind: as fast as the connections allow or, with a rate, so many a second."""

    request: Callable[[], bytes]
    connections: int
    rate: float | None = None  # requests a second; None: closed loop
    expected: bytes = b""  # what an answer of 200 begins with
    count: int | None = None  # requests in all, none of them a warm-up; None: while there is time


@dataclass
class Answers:
    """What a flow got: the answers' statuses, and the latencies of those of 200."""

    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers of 200 a second."""
        return self.statuses[200] / self.seconds

    def percentile_ms(self, percent: float) -> float | None:
        """The latency that so many of the answers of 200 kept; None without any."""
        return 1e3 * percentile(self.latencies_s, percent) if self.latencies_s else None


def drive(address: Address, flows: Sequence[Flow], seconds: float) -> list[Answers]:
    """Runs flows side by side for some seconds after a warm-up; returns the answers of each."""
    begins = perf_counter() + 0.01
    running = [_Running(flow, address, begins, seconds) for flow in flows]
    connections = {each.fileno: each for run in running for each in run.idle}
    with select.epoll() as poll:
        for fileno in connections:
            poll.register(fileno, select.EPOLLIN)
        while (now := perf_counter()) < begins + WARM_UP_S + seconds + PATIENCE_S:
            wait_s = min(run.send_due(now) for run in running)
            if all(run.is_over(now) for run in running):
                break
            # select keeps time to the µs, epoll to the ms only.
            select.select([poll], (), (), min(wait_s, 1.0))
            for fileno, _ in poll.poll(0):
                connections[fileno].read()
    for connection in connections.values():
        connection.socket.close()
    return [run.result() for run in running]


class _Running:
    """A flow under way."""

    def __init__(self, flow: Flow, address: Address, begins: float, seconds: float) -> None:
        self.flow = flow
        self.counts_from = begins if flow.count else begins + WARM_UP_S
        self.ends = self.counts_from + seconds
        self.answers = Answers(seconds)
        self.idle = [_Connection(self, address) for _ in range(flow.connections)]
        self._open = flow.connections
        self._left = flow.count or math.inf
        self._next = begins  # when the next request is due
        self._gap_s = 1 / flow.rate if flow.rate else 0.0

    def send_due(self, now: float) -> float:
        """Sends what is due, as far as connections are idle; seconds until more is."""
        idle = self.idle
        while self._is_due(now) and idle:
            self._left -= 1
            idle.pop().send(self.flow.request(), self._next if self._gap_s else now)
            self._next += self._gap_s
        return self._next - now if self._next > now else 1.0

    def is_over(self, now: float) -> bool:
        is_last = now >= self.ends or not self._left
        return is_last and not self._is_due(now) and len(self.idle) == self._open

    def _is_due(self, now: float) -> bool:
        """Whether a request is to be sent: in the open loop all that was due before the end."""
        last = self._next if self._gap_s else now
        return self._left > 0 and self._next <= now and last < self.ends

    def settle(self, connection: _Connection, status: int) -> None:
        """Takes in an answer."""
        now = perf_counter()
        self.idle.append(connection)
        if connection.due >= self.counts_from:
            self.answers.statuses[status] += 1
            if status == 200:
                self.answers.latencies_s.append(now - connection.due)

    def lose(self) -> None:
        """Counts an answer that broke off, and its connection with it."""
        self._open -= 1
        self.answers.statuses[FAILED] += 1

    def result(self) -> Answers:
        """The answers; requests that are due and could not be sent or answered count as failed."""
        unsent = (self.ends - self._next) / self._gap_s if self._gap_s else 0
        self.answers.statuses[FAILED] += max(0, int(unsent)) + self._open - len(self.idle)
        return self.answers


class _Connection:
    """A socket with at most one request under way."""

    __slots__ = ("_answer", "_length", "_run", "due", "fileno", "socket")

    def __init__(self, run: _Running, address: Address) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fileno = self.socket.fileno()
        self.due = 0.0
        self._run = run
        self._answer = b""
        self._length = 0  # of head and body; 0 until the head is whole

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._answer, self._length = b"", 0
        self.socket.sendall(request)

    def read(self) -> None:
        """Reads what has come, and tells the flow of a whole answer."""
        received = self.socket.recv(CHUNK)
        if not received:
            self.socket.close()
            self._run.lose()
            return
        answer = self._answer = self._answer + received if self._answer else received
        if not self._length:
            head = answer.find(HEAD_END)
            if head < 0:
                return
            start = answer.index(LENGTH) + len(LENGTH)
            self._length = head + len(HEAD_END) + int(answer[start : answer.index(b"\r", start)])
        if len(answer) < self._length:
            return
        status = int(answer[9:12])
        if status == 200 and not answer.startswith(
            self._run.flow.expected, answer.index(HEAD_END) + len(HEAD_END)
        ):
            status = FAILED
        self._run.settle(self, status)
