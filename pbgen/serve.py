"""`pbgen serve`: the service, with what its settings are in the help."""

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
  pbgen serve --port 8080
  PBGEN_THREADS=2 PBGEN_RATE_LIMIT=100 pbgen serve --host 0.0.0.0
"""


def main(arguments: Sequence[str], prog: str) -> int:
    parser = argparse.ArgumentParser(
        prog=prog,
        description="Serves faces over HTTP, until Ctrl-C or SIGTERM.",
        epilog=EPILOG.format(settings="\n".join(map(_line, Settings.model_fields))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", help="address (default: $PBGEN_HOST, else 127.0.0.1)")
    parser.add_argument("--port", help="0 takes a free one (default: $PBGEN_PORT, else 8000)")
    for name, value in vars(parser.parse_args(arguments)).items():
        if value is not None:
            os.environ[f"PBGEN_{name.upper()}"] = value  # checked with the other settings
    from service.__main__ import main as serve

    return serve()


def _line(name: str) -> str:
    """A setting's variable, and beside it what it is."""
    told = textwrap.wrap(Settings.model_fields[name].description or "", 70)
    return f"  PBGEN_{name.upper():18}" + ("\n" + " " * 26).join(told)
