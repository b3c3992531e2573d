"""State of a single process: SQLite in a data directory for what must last, memory for the rest."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeAlias

from service.state.batcher import Batcher
from service.state.interface import RECHECK_S, State, StateUnavailableError, Tallies, Vote
from service.state.memory import Allowance, ImageCache, RateLimits
from service.state.patience import within

Action: TypeAlias = Callable[[sqlite3.Connection], Any]

FILE = "pbgen.sqlite3"
BUSY_S = 2.0  # wait for another process that writes to the same file
HUNG_S = 5.0  # wait for the disk: a call may stand behind another that waits BUSY_S, and wait too
HUNG = "the data directory does not answer; what it has in hand may be kept yet"
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
        self._writer = _Database(data)
        self._reader = _Database(data)  # SQLite lets it read while another process writes

    @property
    def is_left_alone(self) -> bool:
        return False

    async def close(self) -> None:
        await self._reader.close()
        await self._writer.close()

    async def cached(self, key: str) -> bytes | None:
        return self._images.get(key)

    async def cache(self, key: str, image: bytes) -> None:
        self._images.put(key, image)

    async def charge(self, client: str, images: int) -> float:
        return self._limits.charge(client, images)

    async def cast(self, vote: Vote) -> bool:
        row = tuple(str(value) if isinstance(value, int) else value for value in astuple(vote))

        def insert(connection: sqlite3.Connection) -> bool:
            made = connection.execute(
                "INSERT INTO votes VALUES (?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP) "
                "ON CONFLICT DO NOTHING",
                row,
            )
            return made.rowcount == 1

        return bool(await self._writer.ask(insert))

    async def tallies(self) -> Tallies:
        rows = await self._reader.ask(
            lambda connection: connection.execute(
                "SELECT left, right, choice, count(*) FROM votes GROUP BY left, right, choice"
            ).fetchall()
        )
        return {(left, right, choice): count for left, right, choice, count in rows}

    async def active(self) -> Mapping[str, str]:
        rows = await self._reader.ask(
            lambda connection: connection.execute("SELECT variant, label FROM active").fetchall()
        )
        return dict(rows)

    async def activate(self, variant: str, label: str) -> None:
        await self._writer.ask(
            lambda connection: connection.execute(
                "REPLACE INTO active VALUES (?, ?)", (variant, label)
            )
        )

    async def changed(self) -> bool:
        await asyncio.sleep(RECHECK_S)
        return False  # nobody announces anything to this process


class _Database:
    """One connection, and the thread that owns it: SQLite blocks, and the event loop must not.

    What is asked for at the same time is one transaction, which waits BUSY_S at most for another
    process's, once for all of it.
    """

    def __init__(self, data: Path) -> None:
        self._thread = ThreadPoolExecutor(1, "pbgen-state")
        self._connection = self._thread.submit(_connect, data).result()
        self._batcher: Batcher[Action] = Batcher(self._transact)
        self._hangs = False

    async def ask(self, action: Action) -> Any:
        """What the action returns.

        Raises StateUnavailableError after HUNG_S, and at once while the disk hangs: the action is
        not done then, unless the disk has it in hand already and returns.
        """
        given_up = False

        def unless_given_up(connection: sqlite3.Connection) -> Any:
            return None if given_up else action(connection)

        if self._hangs:
            raise StateUnavailableError(HUNG)
        try:
            return await within(HUNG_S, self._batcher.ask(unless_given_up))
        except TimeoutError:
            given_up = True
            self._hangs = self._batcher.is_making  # or it has just ended
            raise StateUnavailableError(HUNG) from None

    async def close(self) -> None:
        """Waits for what is under way, HUNG_S at most: a disk that hangs does not hold up the
        end.
        """
        try:
            await within(HUNG_S, self._batcher.close())
        except TimeoutError:
            self._thread.shutdown(wait=False)
            return
        self._connection.close()
        self._thread.shutdown()

    async def _transact(self, actions: Sequence[Action]) -> Sequence[Any]:
        def run() -> list[Any]:
            with self._connection:
                return [action(self._connection) for action in actions]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, run)
        except sqlite3.Error:
            raise StateUnavailableError("the data directory cannot be used now") from None
        finally:
            self._hangs = False


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
