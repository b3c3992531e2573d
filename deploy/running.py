"""A process beside this one, for as long as a block lasts."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
STOP_S = 15.0


@contextmanager
def running(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, so that Ctrl-C reaches us alone. At the end it is asked to
    end, and what is then left of it and of what it started is killed.

    What it says goes into `log`; None: where our own words go.
    """
    with ExitStack() as stack:
        said = None if log is None else stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=said, stderr=said, start_new_session=True
        )
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            with suppress(ProcessLookupError):  # nobody is left
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
