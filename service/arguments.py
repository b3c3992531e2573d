"""The service's command line: its address as options, and in its help what its settings are."""

from __future__ import annotations

import argparse
import os
import textwrap
from collections.abc import Sequence

from service.settings import Settings

EPILOG = """\
settings, read from the environment:
{settings}

examples:
  {prog} --port 8080
  PBGEN_THREADS=2 PBGEN_RATE_LIMIT=100 {prog} --host 0.0.0.0
"""


def take(arguments: Sequence[str], prog: str) -> None:
    """Puts what is given into the environment, where it is checked with the other settings. Ends
    the process, as argparse does, for --help and for what it does not know.
    """
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serves faces over HTTP, until Ctrl-C or SIGTERM.",
        epilog=EPILOG.format(settings="\n".join(map(_line, Settings.model_fields)), prog=prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="address (default: $PBGEN_HOST, else 127.0.0.1)")
    parser.add_argument("--port", help="0 takes a free one (default: $PBGEN_PORT, else 8000)")
    for name, value in vars(parser.parse_args(arguments)).items():
        if value is not None:
            os.environ[f"PBGEN_{name.upper()}"] = value


def _line(name: str) -> str:
    """A setting's variable, and beside it what it is."""
    told = textwrap.wrap(Settings.model_fields[name].description or "", 70)
    return f"  PBGEN_{name.upper():18}" + ("\n" + " " * 26).join(told)
