"""Measures the service: `make load` in short, in full with LitServe beside it.

    python -m benchmarks.serving            all parts, into results/serving-DATE.json
    python -m benchmarks.serving PART …     some parts, into the same file
    python -m benchmarks.serving --short    a minute, printed only

LitServe needs the extra `peers`; without it, it is told as absent.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.serving import costs, endurance, loads, results, tables, targets
from benchmarks.serving.extent import FULL, SHORT, Extent

PARTS: dict[str, Callable[[Extent], dict[str, Any]]] = {
    "cost": costs.cost,
    "speed": loads.speed,
    "peers": loads.peers,
    "overload": loads.overload,
    "stream": endurance.stream,
    "soak": endurance.soak,
    "leavers": costs.leavers,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--short", action="store_true", help="without peers; writes nothing")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    wanted = options.parts or [each for each in PARTS if each != "peers" or not options.short]
    began, found = time.perf_counter(), {}
    for name in wanted:
        print(f"{time.perf_counter() - began:4.0f} s  {name}", file=sys.stderr, flush=True)
        found[name] = PARTS[name](SHORT if options.short else FULL)
        print(tables.everything({name: found[name]}), flush=True)
        if not options.short:
            results.keep({name: found[name]})
    print(targets.table(found))
    if not options.short:
        print("make results puts it into docs/serving.md", file=sys.stderr)


if __name__ == "__main__":
    main()
