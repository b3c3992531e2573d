"""python -m service.bulk FOLDER --count N: images of consecutive seeds, as shards."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from tqdm import tqdm

from model_store import ArtifactError, Store
from service.bulk.hands import by_ray, by_this_process
from service.bulk.plan import FORMATS, OtherPlanError, Plan, begin, finish
from service.bulk.shard import Shard

DESCRIPTION = """\
Makes the images of consecutive seeds and writes them into FOLDER as shards of
equal size, with a manifest.json. The same command goes on where one was
stopped or killed: a shard that is there is checked and not made again, a
damaged one is. Equal arguments give equal bytes, however often it was killed.
"""
EPILOG = """\
Exit code: 0 if all is there, 1 if something failed, 2 for a wrong call, 130 if
interrupted.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    folder = Path(options.folder).resolve()
    try:
        artifact = Store(options.store).open(options.variant)
        plan = Plan(
            artifact.label,
            artifact.digest,
            options.format,
            options.seed,
            options.count,
            options.shard,
        )
        with _alone(folder):
            begin(folder, plan)
            if options.ray is None:
                shards = by_this_process(folder, plan, artifact.spec)
            else:
                shards = by_ray(folder, plan, artifact.spec, options.ray)
            print(run(folder, plan, shards))
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    except ImportError:
        print("error: --ray needs: pip install '.[bulk]'", file=sys.stderr)
        return 1
    except OSError as error:  # the system's own say no more than its reason
        why = f"{folder} cannot be used: {error.strerror}" if error.strerror else error
        print(f"error: {why}", file=sys.stderr)
        return 1
    except (ArtifactError, OtherPlanError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(folder: Path, plan: Plan, shards: Iterator[Shard]) -> str:
    """Sees every shard made, finishes the manifest, and says what was done and how fast."""
    began = perf_counter()
    done: list[Shard] = []
    with tqdm(total=plan.count, unit="image", unit_scale=True, disable=None) as progress:
        for shard in shards:
            done.append(shard)
            progress.update(len(plan.seeds(shard.number)))
    finish(folder, plan, [_row(plan, each) for each in sorted(done, key=lambda each: each.number)])
    made = [each for each in done if each.made]
    images = sum(len(plan.seeds(each.number)) for each in made)
    told = f"shards: {len(made)} made, {len(done) - len(made)} found; images: {images:,} made"
    if images:
        per_core = images / sum(each.duration_s for each in made)
        told += f", {images / (perf_counter() - began):,.0f} a second, {per_core:,.0f} a core"
    return told


def _row(plan: Plan, shard: Shard) -> dict[str, object]:
    seeds = plan.seeds(shard.number)
    return {
        "name": plan.name(shard.number),
        "seed": seeds[0],
        "count": len(seeds),
        "bytes": shard.file_bytes,
        "sha256": shard.sha256,
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other runs out of the folder, which is made if it is absent. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError("another run writes into this folder") from None
        yield
    finally:
        os.close(lock)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m service.bulk",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", metavar="FOLDER", help="made if absent; with --ray on all nodes")
    parser.add_argument("--count", type=int, required=True, metavar="N", help="images")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the first (default: 0)")
    parser.add_argument(
        "--variant", default="partial", metavar="MODEL", help="as partial or partial@2"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="tar", help="tar: PNGs (default); npz: arrays"
    )
    parser.add_argument(
        "--shard", type=int, default=10_000, metavar="N", help="images of one (default: 10000)"
    )
    parser.add_argument("--store", metavar="PLACE", help="a folder or URL, as for model_store")
    parser.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="by a Ray cluster: its address, or all cores of this machine",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
