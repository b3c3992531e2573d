"""What becomes of log records while nobody reads them."""

from __future__ import annotations

import io
import json
import sys
from threading import Semaphore

import pytest

from service import logs


class SlowReader(io.StringIO):
    """Takes a line when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived, self.let = Semaphore(0), Semaphore(0)

    def write(self, text: str) -> int:
        self.arrived.release()
        self.let.acquire()
        return super().write(text)


def test_every_dropped_record_is_counted_though_more_are_dropped_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "LONGEST_QUEUE", 3)
    reader = SlowReader()
    monkeypatch.setattr(sys, "stderr", reader)

    def log(*messages: int) -> None:
        for message in messages:
            logs.log.warning("%d", message)

    with logs.logging_json("warning"):
        log(0)
        reader.arrived.acquire()  # 0 is being written
        log(1, 2, 3, 4, 5)
        reader.let.release()
        reader.arrived.acquire()  # 1 is; there is room for one record
        log(6, 7, 8, 9)
        reader.let.release(100)
    told = [json.loads(line)["message"] for line in reader.getvalue().splitlines()]
    dropped = "{} log records were dropped".format
    assert told == ["0", "1", "2", "3", dropped(2), "6", dropped(3)]
