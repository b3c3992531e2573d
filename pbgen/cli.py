"""The command `pbgen`: generate | compare | bench | store | serve."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence

from pbgen import making

LARGEST_SEED = 2**64 - 1
DESCRIPTION = "Draws faces by float, fully and partially binarized generators, and compares them."
EPILOG = """\
commands:
  generate   draw faces into a file
  compare    the same seeds by several variants: pictures, times, bytes
  bench      time the kernels (python -m kernels.bench)
  store      look at a model store and change it (python -m model_store)
  serve      serve faces over HTTP

examples:
  pbgen generate --seed 7 --out face.png
  pbgen generate --seed 7 --count 100000 --out faces.tar
  pbgen generate --url http://127.0.0.1:8000 --variant full --count 16 --out faces.png
  pbgen compare --seed 7 --out compared.png
  pbgen serve --port 8080

generate and compare run the kernels of this machine, unless --url or PBGEN_URL names a service;
PBGEN_KEY holds its API key. `pbgen COMMAND --help` tells more.

Exit code: 0 if all is well, 1 if something failed, 2 for a wrong call, 130 if interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(given)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        print("error: --url needs httpx: pip install 'httpx>=0.28'", file=sys.stderr)
        return 1
    except making.failures() as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1


def _dispatch(given: list[str]) -> int:
    if given[:1] == ["store"]:  # these two have parsers of their own
        from model_store.__main__ import main as store

        return store(given[1:])
    if given[:1] == ["bench"]:
        from kernels.bench import main as bench

        bench(given[1:])
        return 0
    options = _parser().parse_args(given)
    if options.command == "serve":
        return _serve(options)
    if options.seed is None:
        options.seed = secrets.randbits(53)
        print(f"seed {options.seed}", file=sys.stderr)
    if options.seed + options.count - 1 > LARGEST_SEED:
        raise ValueError(f"seed + count must stay within {LARGEST_SEED}, not {options.seed} + …")
    return making.generate(options) if options.command == "generate" else making.compare(options)


def _serve(options: argparse.Namespace) -> int:
    for name in ("host", "port"):
        if getattr(options, name) is not None:
            os.environ[f"PBGEN_{name.upper()}"] = str(getattr(options, name))
    from service.__main__ import main as serve

    return serve()


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if text.isdecimal() else -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low} … {high}, not {text!r}")
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pbgen",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(
        dest="command", metavar="generate | compare | bench | store | serve", required=True
    )
    generate = commands.add_parser(
        "generate", description="Draws faces of consecutive seeds into a file."
    )
    generate.add_argument("--variant", default="partial", help="float, full, partial (default)")
    generate.add_argument(
        "--count", type=_integer(1, 10_000_000), default=1, help="faces (default: 1)"
    )
    generate.add_argument(
        "--out",
        default="faces.png",
        metavar="FILE",
        help=".png: one picture, at most 64 faces as a grid; .npy: u8 [N, 64, 64, 3]; "
        ".tar: a PNG a face (default: faces.png)",
    )
    compare = commands.add_parser(
        "compare", description="Draws the same seeds by several variants, and measures each."
    )
    compare.add_argument(
        "--variants",
        nargs="+",
        default=["float", "partial"],
        metavar="VARIANT",
        help="two or three (default: float partial)",
    )
    compare.add_argument("--count", type=_integer(1, 64), default=8, help="seeds (default: 8)")
    compare.add_argument("--out", metavar="FILE.png", help="a row of faces a variant")
    for command in (generate, compare):
        command.add_argument(
            "--seed", type=_integer(0, LARGEST_SEED), help="the first (default: drawn, and told)"
        )
        command.add_argument(
            "--url",
            default=os.environ.get("PBGEN_URL"),
            help="ask this service (default: $PBGEN_URL, else this machine's kernels)",
        )
    serve = commands.add_parser(
        "serve", description="Serves faces over HTTP; PBGEN_… variables hold the other settings."
    )
    serve.add_argument("--host", help="address (default: $PBGEN_HOST, else 127.0.0.1)")
    serve.add_argument("--port", type=_integer(0, 65535), help="default: $PBGEN_PORT, else 8000")
    for name in ("bench", "store"):
        commands.add_parser(name, add_help=False)
    return parser
