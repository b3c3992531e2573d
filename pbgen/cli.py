"""The command `pbgen`: generate | compare | bench | store | serve."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable, Sequence

from pbgen import making

LARGEST_SEED = 2**64 - 1  # as in kernels.latents, which would bring NumPy in
DESCRIPTION = "Draws faces by float, fully and partially binarized generators, and compares them."
EPILOG = """\
examples:
  pbgen generate --seed 7 --out face.png
  pbgen compare --variants float full partial --seed 7 --out compared.png
  pbgen serve --port 8080

`pbgen COMMAND --help` tells more.
Exit code: 0 if all is well, 1 if something failed, 2 for a wrong call, 130 if interrupted.
"""
GENERATE = """\
Draws faces of consecutive seeds into a file. A seed's face is the same on every machine, from here
and from a service.
"""
GENERATE_EPILOG = """\
examples:
  pbgen generate --seed 7 --out face.png
  pbgen generate --variant full --count 16 --out sixteen.png
  pbgen generate --seed 0 --count 100000 --out faces.tar
  PBGEN_KEY=… pbgen generate --url http://127.0.0.1:8000 --count 1000 --out faces.npy
"""
COMPARE = """\
Draws the same seeds by several variants and measures each: the median time of an image in the
kernels, bytes held and stored, distance to real faces (SWD × 10³, lower is better).
"""
COMPARE_EPILOG = """\
examples:
  pbgen compare
  pbgen compare --variants float full partial --seed 7 --out compared.png
  pbgen compare --variants partial@1 partial@2
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
        print(f"error: {making.told(error)}", file=sys.stderr)
        return 2 if isinstance(error, making.WrongCallError) else 1


def _dispatch(given: list[str]) -> int:
    if given[:1] and given[0] in OTHERS:
        return OTHERS[given[0]](given[1:], f"pbgen {given[0]}")
    options = _parser().parse_args(given)
    if options.seed is None:
        options.seed = secrets.randbits(53)
        print(f"seed {options.seed}", file=sys.stderr)
    last = options.seed + options.count - 1
    if last > LARGEST_SEED:
        raise making.WrongCallError(f"seed + count − 1 must be at most {LARGEST_SEED}, not {last}")
    return making.generate(options) if options.command == "generate" else making.compare(options)


def _bench(given: list[str], prog: str) -> int:
    from tqdm import tqdm

    from kernels import bench

    bench.main(given, prog, lambda rounds: tqdm(rounds, unit="round", delay=1, disable=None))
    return 0


def _store(given: list[str], prog: str) -> int:
    from model_store.__main__ import main as store

    return store(given, prog)


def _serve(given: list[str], prog: str) -> int:
    from pbgen.serve import main as serve

    return serve(given, prog)


OTHERS = {"bench": _bench, "store": _store, "serve": _serve}  # these have parsers of their own


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text) if text.isdecimal() else -1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be {low} … {high}, not {text!r}")
        return value

    return parse


def _parser() -> argparse.ArgumentParser:
    look = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="pbgen", description=DESCRIPTION, epilog=EPILOG, formatter_class=look
    )
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    generate = commands.add_parser(
        "generate",
        help="draw faces into a file",
        description=GENERATE,
        epilog=GENERATE_EPILOG,
        formatter_class=look,
    )
    generate.add_argument(
        "--variant", default="partial", help="float, full, partial (default), or partial@1"
    )
    generate.add_argument(
        "--count",
        type=_integer(1, 10_000_000),
        default=1,
        metavar="N",
        help="faces, of seed, seed + 1, … (default: 1)",
    )
    generate.add_argument(
        "--out",
        default="faces.png",
        metavar="FILE",
        help=".png: one picture, at most 64 faces as a grid; .npy: u8 [N, 64, 64, 3]; "
        ".tar: a PNG a face (default: faces.png)",
    )
    compare = commands.add_parser(
        "compare",
        help="the same seeds by several variants: pictures, times, bytes",
        description=COMPARE,
        epilog=COMPARE_EPILOG,
        formatter_class=look,
    )
    compare.add_argument(
        "--variants",
        nargs="+",
        default=["float", "partial"],
        metavar="VARIANT",
        help="two or three (default: float partial)",
    )
    compare.add_argument(
        "--count", type=_integer(1, 64), default=8, metavar="N", help="seeds (default: 8)"
    )
    compare.add_argument("--out", metavar="FILE.png", help="a row of faces a variant")
    for command in (generate, compare):
        command.add_argument(
            "--seed",
            type=_integer(0, LARGEST_SEED),
            metavar="N",
            help="the first, 0 … 2⁶⁴ − 1 (default: drawn, and told)",
        )
        command.add_argument(
            "--url",
            default=os.environ.get("PBGEN_URL"),
            help="ask this service, with the key in $PBGEN_KEY if there is one "
            "(default: $PBGEN_URL, else this machine's kernels)",
        )
    commands.add_parser("bench", help="time the kernels on random weights")
    commands.add_parser("store", help="look at a model store, and change it")
    commands.add_parser("serve", help="serve faces over HTTP")
    return parser
