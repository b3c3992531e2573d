"""What a command prints reaches whoever reads it, or ends the command in a civil way."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable

READER_LEFT = 141  # what a shell tells of a program that SIGPIPE ends: 128 + 13
OF_PRINTING = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT, errno.EBADF}


def printing(command: Callable[[], int]) -> int:
    """The exit code of a command, all that it printed being written.

    A character that the locale lacks is printed as its escape. Where nobody reads on (`| head`) the
    command ends without a word.

    Raises what else the command does, OSError among it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # neither closed nor taken by a test
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        if error.errno not in OF_PRINTING:
            raise
        # Python would try once more in the end, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return READER_LEFT
        print(f"error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 1
