"""python -m model_store list | show | verify | add | activate | remove."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from model_store import artifact
from model_store.artifact import Artifact
from model_store.errors import ArtifactError, UnknownModelError, UnreadableError
from model_store.output import printing
from model_store.store import ACTIVE, SUFFIX, Entry, Store, Survey, place

DESCRIPTION = """\
Looks at a model store, checks it and changes it.

A model is a name ("partial": its active version), a version ("partial@2") or an
alias ("partial@canary"). Whatever is shown or added is verified first: digest,
shapes, numbers.
"""
EMPTY = "The store is empty."
EXIT_CODES = "Exit code: 0 if all is well, 1 if a model is unknown or damaged, 2 for a wrong call."


def main(arguments: Sequence[str] | None = None, prog: str = "python -m model_store") -> int:
    return printing(lambda: _run(_parser(prog).parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    where = place(options.store)
    try:
        return int(options.run(Store(where), options))
    except UnreadableError as error:
        print(f"error: {error.artifact or where}: {error.problem}", file=sys.stderr)
        return 1
    except ArtifactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def list_models(store: Store, _: argparse.Namespace) -> int:
    """One line a version; `*` marks the active one of each name, other aliases follow."""
    survey = store.survey()
    rows, damaged = [], [*survey.problems]
    for entry in survey.entries:
        try:
            model = store.open(entry.label)
        except ArtifactError as error:
            damaged.append(error)
            continue
        swd = model.manifest["swd"]
        rows.append(
            (
                _marked(entry),
                model.manifest["variant"],
                f"{model.spec.image_size} × {model.spec.image_size}",
                _precisions(model),
                f"{model.file_bytes:,}",
                f"{swd['mean']:.1f}" if swd else "–",
                f"{model.manifest['provenance']['images_seen']:,}",
                model.digest[:19],
            )
        )
    header = ("MODEL", "VARIANT", "IMAGE", "LAYERS", "BYTES", "SWD", "TRAINED ON", "DIGEST")
    if rows or damaged:
        _print_table(header, rows)
    else:
        print(EMPTY, file=sys.stderr)
    for problem in damaged:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if damaged else 0


def show(store: Store, options: argparse.Namespace) -> int:
    """All that a manifest says."""
    stored = not options.model.endswith(SUFFIX)
    model = store.open(options.model) if stored else artifact.read(options.model)
    manifest = model.manifest
    facts = {
        "model": model.label,
        "variant": manifest["variant"],
        "architecture": manifest["architecture"],
        "digest": model.digest,
        "file": f"{model.file_bytes:,} bytes",
        "latents": str(model.spec.latent_dim),
        "image": f"{model.spec.image_size} × {model.spec.image_size}",
    }
    facts |= {f"SWD {level}": f"{value:.2f}" for level, value in (manifest["swd"] or {}).items()}
    facts |= {f"trained: {name}": _text(value) for name, value in manifest["provenance"].items()}
    facts |= {f"export: {name}": _text(value) for name, value in manifest["export"].items()}
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}")
    print()
    header = ("LAYER", "CHANNELS", "KERNEL", "SIZE", "PRECISION", "RANK", "POSITIONS", "RATIO", "")
    rows = []
    for i, (row, layer) in enumerate(zip(manifest["layers"], model.spec.layers, strict=True)):
        g, metric = layer.geometry, row["redundancy"]
        rows.append(
            (
                str(i),
                f"{g.c_in} → {g.c_out}",
                f"{g.kernel}×{g.kernel}, stride {g.stride}, padding {g.padding}",
                f"{g.size_in} → {g.size_out}",
                row["precision"],
                f"{metric['rank']:,}",
                f"{metric['positions']:,}",
                f"{metric['ratio']:.2f}",
                "redundant" if metric["redundant"] else "needed",
            )
        )
    _print_table(header, rows)
    return 0


def verify(store: Store, options: argparse.Namespace) -> int:
    """Opens each model (all, if none is named) and says whether it is what was written."""
    survey = Survey((), ()) if options.models else store.survey()
    labels = options.models or [entry.label for entry in survey.entries]
    status = 0
    if not (labels or survey.problems):
        print(EMPTY, file=sys.stderr)
    for label in labels:
        try:
            model = store.open(label)
            print(f"ok       {model.label}  {model.digest}")
        except UnknownModelError as error:
            print(f"unknown  {error}")
            status = 1
        except ArtifactError as error:
            if error.artifact is None:  # it is the store that cannot be read
                raise
            print(f"damaged  {error}")
            status = 1
    for problem in survey.problems:
        print(f"damaged  {problem}")
        status = 1
    return status


def add(store: Store, options: argparse.Namespace) -> int:
    """Puts an artifact file in as the next version of a name. The first version of a name is
    active at once; later ones become so by `activate`."""
    print(f"added {_marked(store.add(options.file, options.name))}")
    return 0


def activate(store: Store, options: argparse.Namespace) -> int:
    """Lets a name alone, or with --alias NAME@ALIAS, mean a version."""
    print(f"activated {_marked(store.activate(options.model, options.alias))}")
    return 0


def remove(store: Store, options: argparse.Namespace) -> int:
    """Deletes a version that is neither active nor has an alias; NAME@ALIAS deletes the alias."""
    print(f"removed {options.model}, which was {store.remove(options.model).label}")
    return 0


def _marked(entry: Entry) -> str:
    others = [alias for alias in entry.aliases if alias != ACTIVE]
    return f"{entry.label}{'*' if entry.active else ''}{''.join(f' ({a})' for a in others)}"


def _precisions(model: Artifact) -> str:
    counts = Counter(layer.precision.value for layer in model.spec.layers)
    return ", ".join(f"{count} {precision}" for precision, count in counts.items())


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    return f"{value:,}" if type(value) is int else str(value)


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, two spaces apart."""
    table = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--store",
        metavar="PLACE",
        help="a folder, or a URL (default: $PBGEN_STORE, else the generators that ship)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = {}
    for name, run, text in (
        ("list", list_models, "one line a version, with its size and quality"),
        ("show", show, "all that one model's manifest says, with its layer table"),
        ("verify", verify, "check models: digest, shapes, numbers"),
        ("add", add, "put an artifact file in as the next version of a name"),
        ("activate", activate, "choose the version that a name or an alias means"),
        ("remove", remove, "delete a version or an alias"),
    ):
        command[name] = commands.add_parser(name, help=text, description=run.__doc__)
        command[name].set_defaults(run=run)
    for name, text in (("show", ", or an artifact's path"), ("activate", ""), ("remove", "")):
        command[name].add_argument("model", metavar="MODEL", help=f"such as partial@2{text}")
    command["verify"].add_argument("models", metavar="MODEL", nargs="*", help="all, if none")
    command["add"].add_argument("file", metavar="FILE", help="an artifact, .safetensors")
    command["add"].add_argument("--name", help="its name in the store (default: its variant)")
    command["activate"].add_argument("--alias", default=ACTIVE, help="default: the name alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
