"""The command `pbgen`: generate | compare | bench | store | serve.

A command is imported when it is called, so that `pbgen --help` is quick.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

DESCRIPTION = "Draws faces by float, fully and partially binarized generators, and compares them."
EPILOG = """\
examples:
  pbgen generate --seed 50 --out face.png
  pbgen compare --variants float full partial --seed 50 --out compared.png
  pbgen serve --port 8080

`pbgen COMMAND --help` tells more.
Exit code: 0 if all is well, 1 if something failed, 2 for a wrong call, 130 if interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = _parser().parse_args(given[:1]).command  # the others are the command's own
    from model_store.output import printing

    return printing(lambda: _run(command, given[1:]))


def _run(command: str, given: list[str]) -> int:
    try:
        return RUN[command](given, f"pbgen {command}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        print("error: --url needs httpx: pip install --editable '.[client]'", file=sys.stderr)
        return 1
    except _failures() as error:
        print(f"error: {_told(error)}", file=sys.stderr)
        return 1


def _generate(given: list[str], prog: str) -> int:
    from pbgen.generate import main as generate

    return generate(given, prog)


def _compare(given: list[str], prog: str) -> int:
    from pbgen.compare import main as compare

    return compare(given, prog)


def _bench(given: list[str], prog: str) -> int:
    from tqdm import tqdm

    from kernels import bench

    bench.main(given, prog, lambda rounds: tqdm(rounds, unit="round", delay=1, disable=None))
    return 0


def _store(given: list[str], prog: str) -> int:
    from model_store.__main__ import main as store

    return store(given, prog)


def _serve(given: list[str], prog: str) -> int:
    from service.__main__ import main as serve

    return serve(given, prog)


RUN = {
    "generate": _generate,
    "compare": _compare,
    "bench": _bench,
    "store": _store,
    "serve": _serve,
}


def _failures() -> tuple[type[Exception], ...]:
    """What may go wrong without a fault of this program."""
    from model_store import ArtifactError
    from pbgen.errors import ServiceError

    found: list[type[Exception]] = [ArtifactError, ServiceError, ValueError, OSError]
    if httpx := sys.modules.get("httpx"):
        found += [httpx.TransportError, httpx.InvalidURL]
    return tuple(found)


def _told(error: Exception) -> str:
    """A failure in a line; where a service cannot be reached, with its address."""
    line = " ".join(str(error).split())
    httpx = sys.modules.get("httpx")
    if httpx and isinstance(error, httpx.TransportError):
        address = str(error.request.url).partition("?")[0]
        return f"{address} cannot be reached: {line}"
    return line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pbgen",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('pbgen')}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for name, text in (
        ("generate", "draw faces into a file"),
        ("compare", "the same seeds by several variants: pictures, times, bytes"),
        ("bench", "time the kernels on random weights"),
        ("store", "look at a model store, and change it"),
        ("serve", "serve faces over HTTP"),
    ):
        commands.add_parser(name, help=text)
    return parser
