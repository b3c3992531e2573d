"""State of a single process: SQLite in a data directory for what must last, memory for the rest."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import TypeVar

from service.state.interface import RECHECK_S, State, StateUnavailableError, Tallies, Vote
from service.state.memory import Allowance, ImageCache, RateLimits

T = TypeVar("T")

FILE = "pbgen.sqlite3"
BUSY_S = 2.0  # wait for another process that writes to the same file
SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
    token_id TEXT PRIMARY KEY, expires_at REAL, left TEXT, right TEXT,
    left_model TEXT, right_model TEXT, seed TEXT, choice TEXT,
    cast_at TEXT DEFAULT CURRENT_TIMESTAMP
) STRICT;
CREATE INDEX IF NOT EXISTS tallies ON votes (left, right, choice);
CREATE TABLE IF NOT EXISTS active (variant TEXT PRIMARY KEY, label TEXT) STRICT;
"""


class EmbeddedState(State):
    """Raises StateUnavailableError for a data directory that cannot be used."""

    def __init__(self, data: Path, cache_bytes: int, allowance: Allowance | None) -> None:
        self._images = ImageCache(cache_bytes)
        self._limits = RateLimits(allowance)
        # One thread owns the connection: SQLite blocks, and the event loop must not.
        self._thread = ThreadPoolExecutor(1, "pbgen-state")
        self._connection = self._thread.submit(_connect, data).result()

    @property
    def is_left_alone(self) -> bool:
        return False

    async def close(self) -> None:
        await self._run(lambda connection: connection.close())
        self._thread.shutdown()

    async def cached(self, key: str) -> bytes | None:
        return self._images.get(key)

    async def cache(self, key: str, image: bytes) -> None:
        self._images.put(key, image)

    async def charge(self, client: str, images: int) -> float:
        return self._limits.charge(client, images)

    async def cast(self, vote: Vote) -> bool:
        row = tuple(str(value) if isinstance(value, int) else value for value in astuple(vote))

        def insert(connection: sqlite3.Connection) -> bool:
            with connection:
                made = connection.execute(
                    "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP) "
                    "ON CONFLICT DO NOTHING",
                    row,
                )
            return made.rowcount == 1

        return await self._run(insert)

    async def tallies(self) -> Tallies:
        rows = await self._run(
            lambda connection: connection.execute(
                "SELECT left, right, choice, count(*) FROM votes GROUP BY left, right, choice"
            ).fetchall()
        )
        return {(left, right, choice): count for left, right, choice, count in rows}

    async def active(self) -> Mapping[str, str]:
        return await self._run(
            lambda connection: dict(connection.execute("SELECT variant, label FROM active"))
        )

    async def activate(self, variant: str, label: str) -> None:
        def insert(connection: sqlite3.Connection) -> None:
            with connection:
                connection.execute("REPLACE INTO active VALUES (?, ?)", (variant, label))

        await self._run(insert)

    async def changed(self) -> bool:
        await asyncio.sleep(RECHECK_S)
        return False  # nobody announces anything to this process

    async def _run(self, action: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, action, self._connection)
        except sqlite3.Error:
            raise StateUnavailableError("the data directory cannot be written now") from None


def _connect(data: Path) -> sqlite3.Connection:
    try:
        data.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(data / FILE, timeout=BUSY_S, check_same_thread=False)
        # A commit is on the disk when it returns, so an acknowledged vote survives a power cut too.
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")
    except (OSError, sqlite3.Error):
        raise StateUnavailableError(
            "the data directory (PBGEN_DATA) cannot be made or written"
        ) from None
    return connection
