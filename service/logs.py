"""Logs: JSON, one object a line, on standard error; one line a request.

A thread writes them, so that whoever reads them slowly does not slow down the service; beyond
LONGEST_QUEUE lines that wait, new ones are dropped, and that is told once it is over.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Any

LONGEST_QUEUE = 10_000

requests = logging.getLogger("pbgen.request")


class JsonFormatter(logging.Formatter):
    """A record as JSON; `extra={"fields": {…}}` are its own."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class DroppingHandler(QueueHandler):
    """Hands records to the writing thread as they are, and drops them while its queue is full."""

    dropped = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except Full:
            self.dropped += 1
            return
        if self.dropped:
            count, self.dropped = self.dropped, 0
            logging.getLogger("pbgen").warning("%d log lines were dropped", count)


@contextmanager
def logging_json(level: str) -> Iterator[None]:
    """Logs like this while the context is open; `level` is that of the requests' lines too."""
    queue: Queue[logging.LogRecord] = Queue(LONGEST_QUEUE)
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(JsonFormatter())
    listener = QueueListener(queue, writer)
    root = logging.getLogger()
    handler = DroppingHandler(queue)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("pbgen").setLevel(level.upper())
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(handler)
        listener.stop()
