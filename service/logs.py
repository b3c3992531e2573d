"""Logs: JSON, one object a line, on standard error; one line a request.

A thread writes them, so that whoever reads them slowly does not slow down the service; while
LONGEST_QUEUE records wait, new ones are dropped, and where they are missing stands their number.
The requests of FLUSH_S go to that thread together: a hand-over for each would cost 100 µs of its
500.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from queue import Queue
from time import time
from typing import Any

LONGEST_QUEUE = 1000
FLUSH_S = 0.1
CUTS_OFF = "Cancel %s running task(s), timeout graceful shutdown exceeded"  # uvicorn's words

log = logging.getLogger("pbgen")
_encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes one at each such call


class RequestLog:
    """The lines of answered requests."""

    def __init__(self) -> None:
        self._pending: list[tuple[float, dict[str, Any]]] = []
        self._counts: Counter[tuple[tuple[str, Any], ...]] = Counter()

    def add(self, **fields: Any) -> None:
        """A line for a request that was answered now. Called on the event loop."""
        if self._is_wanted():
            self._pending.append((time(), fields))

    def count(self, **fields: Any) -> None:
        """A request that shares a line with the others of FLUSH_S that were answered like this."""
        if self._is_wanted():
            self._counts[tuple(fields.items())] += 1

    def _is_wanted(self) -> bool:
        if not log.isEnabledFor(logging.INFO):
            return False
        if not self._pending and not self._counts:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        return True

    def flush(self) -> None:
        """Hands over what there is."""
        now = time()
        pending = self._pending
        pending += [(now, {**dict(like), "requests": n}) for like, n in self._counts.items()]
        self._pending, self._counts = [], Counter()
        if pending:
            log.info("requests", extra={"lines": pending})


class JsonFormatter(logging.Formatter):
    """A record as a line of JSON, or as those that it carries in `extra={"lines": …}`."""

    def format(self, record: logging.LogRecord) -> str:
        lines: list[tuple[float, dict[str, Any]]] = getattr(record, "lines", [])
        if not lines:
            fields = {"logger": record.name, "message": record.getMessage()}
            if record.exc_info:
                fields["exception"] = self.formatException(record.exc_info)
            lines = [(record.created, fields)]
        level = {"level": record.levelname.lower()}
        return "\n".join(_encode({"time": _iso(at), **level, **fields}) for at, fields in lines)


class DroppingHandler(QueueHandler):
    """Hands records to the writing thread as they are, and drops them while its queue is full.

    The queue itself has no bound: what tells of the dropped records must fit in, and the
    listener's word to stop.
    """

    queue: Queue[logging.LogRecord]
    dropped = 0  # since it was last told

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= LONGEST_QUEUE:
            self.dropped += 1
            return
        if self.dropped:
            super().enqueue(self.gap())
        super().enqueue(record)

    def gap(self) -> logging.LogRecord:
        """Tells how many records are missing, and counts from 0 again."""
        count, self.dropped = self.dropped, 0
        text = "%d log records were dropped"
        return logging.LogRecord(log.name, logging.WARNING, __file__, 0, text, (count,), None)


def _calm(record: logging.LogRecord) -> bool:
    """Whether to log a record, which may be made less of.

    That uvicorn cuts off streams when it is told to stop is normal, and each has a line with 503;
    uvicorn has an error for their number, and for each another with a traceback.
    """
    if record.msg == CUTS_OFF:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


@contextmanager
def logging_json(level: str) -> Iterator[None]:
    """Logs like this while the context is open; `level` is that of our own records."""
    queue: Queue[logging.LogRecord] = Queue()
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(JsonFormatter())
    listener = QueueListener(queue, writer)
    root = logging.getLogger()
    handler = DroppingHandler(queue)
    handler.addFilter(_calm)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    log.setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        listener.stop()
        if handler.dropped:
            writer.handle(handler.gap())


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
