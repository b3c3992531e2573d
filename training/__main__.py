"""python -m training train | evaluate | …: from faces to a served artifact."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import Field, asdict, fields
from pathlib import Path
from typing import Any

import model_store
from kernels.dcgan import dcgan
from model_store import artifact
from model_store.output import printing
from training import evaluate, experiments, export, memory, parallel, redundancy
from training.data import DataError, Faces, load
from training.loop import OPTIONS, Run
from training.losses import LOSSES
from training.options import COMPUTE, COMPUTE_DTYPES, Options
from training.run_folder import alone

EXPECTED = (
    DataError,
    OSError,
    ValueError,
    FloatingPointError,
    model_store.ArtifactError,
    subprocess.CalledProcessError,
)
SWD_IMAGES = 16_384  # as in Progressive GAN

OPTION_HELP = {
    "variant": "which layers are binarized: float (none), full (all), partial (those that the "
    "redundancy metric names), or a list such as 0,1,2",
    "width": "channels that enter the generator's last deconvolution; 64 gives 512-256-128-64-3",
    "discriminator_width": "channels that leave the discriminator's first convolution",
    "images": "the budget: real faces shown to the discriminator",
    "batch": "faces a step",
    "loss": "of both players",
    "binary_discriminator": "binarize the discriminator as its generator is; else it stays float",
    "teacher": "a stored float model (name, name@version or path) of the same width that the "
    "generator starts from, and whose image of the same latent it is pulled towards",
    "teacher_weight": "of the mean absolute difference to the teacher's image, in [−1, 1]",
    "learning_rate": "of Adam, both players",
    "decay_from": "share of the budget after which the rate falls linearly to 0",
    "averaged": "images over which the generator that is shown and exported averages its weights; "
    "0: it is that of the last step",
    "seed": "decides weights, order of faces and latents",
    "compute": "dtype of activations and weight copies; parameters are float32 (default: the "
    f"run's, or for a new one what this processor is fast in: {COMPUTE})",
    "checkpoint_every": "images between checkpoints: at most these are lost by kill -9",
    "evaluate_every": "images between SWD evaluations and sample sheets",
}

OPTION_CHOICES = {"loss": tuple(LOSSES)}


def main(arguments: list[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = args.command
    try:
        command(args)
    except BrokenPipeError:
        raise
    except EXPECTED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:  # NumPy's and PyTorch's
        if not isinstance(error, MemoryError) and "allocate memory" not in str(error):
            raise
        wanted = str(error).rpartition("memory: ")[2].partition(". Error")[0]
        print(
            f"error: not enough memory: {wanted}; smaller widths or batches need less",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m training",
        description="Train generators on faces, measure them, write them as artifacts.",
        epilog="Each command explains its options: python -m training train --help",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    train = _command(commands, "train", _train, "train a generator against its discriminator")
    train.add_argument(
        "run",
        type=Path,
        metavar="RUN",
        help="folder to keep the run in; where it holds the run already, it goes on from its last "
        "checkpoint",
    )
    _add_data(train, required=True)
    for field in fields(Options):
        train.add_argument(
            "--" + field.name.replace("_", "-"),
            **_argument(field),
        )

    measure = _command(
        commands,
        "evaluate",
        _evaluate,
        "measure SWD of stored models against real faces, and how near training faces they come",
    )
    measure.add_argument(
        "models", nargs="+", metavar="MODEL", help="name, name@version, or path of an artifact"
    )
    _add_data(measure, required=True)
    _add_swd_images(measure)
    measure.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")

    metric = _command(
        commands, "redundancy", _redundancy, "show which layers can be binarized, and why"
    )
    metric.add_argument(
        "model", nargs="?", help="a stored model; without one, DCGAN of the given size"
    )
    metric.add_argument("--width", type=int, default=64, help="of DCGAN (default: %(default)s)")
    metric.add_argument(
        "--image-size", type=int, default=64, help="in pixels (default: %(default)s)"
    )

    write = _command(commands, "export", _export, "write a run's generator as an artifact")
    write.add_argument("run", type=Path, metavar="RUN", help="a folder that train made")
    write.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the .safetensors file to write"
    )
    _add_data(write, required=False)
    _add_swd_images(write)
    suites = _command(
        commands,
        "experiments",
        _experiments,
        "make and record the runs that compare variants, layers and losses",
    )
    suites.add_argument("runs", type=Path, metavar="RUNS", help="folder to keep the runs in")
    _add_data(suites, required=True)
    suites.add_argument(
        "--only",
        nargs="+",
        choices=tuple(experiments.SUITES),
        default=tuple(experiments.SUITES),
        help="these suites, in this order (default: all)",
    )
    suites.add_argument(
        "--records",
        type=Path,
        default=experiments.RECORDS,
        metavar="FOLDER",
        help="where records are kept; what has one is not run again (default: this checkout's, "
        "which the docs' tables are made from)",
    )
    return parser


def _command(commands, name: str, run: Callable[[argparse.Namespace], None], text: str):  # type: ignore[no-untyped-def]
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.set_defaults(command=run)
    return parser


def _argument(field: Field[Any]) -> dict[str, Any]:
    """How an option is parsed and explained."""
    if field.name == "compute":
        return {"choices": COMPUTE_DTYPES, "help": OPTION_HELP[field.name]}
    text = f"{OPTION_HELP[field.name]} (default: %(default)s)"
    given = {"default": field.default, "help": text}
    if isinstance(field.default, bool):
        return given | {"action": argparse.BooleanOptionalAction, "help": OPTION_HELP[field.name]}
    if field.name in OPTION_CHOICES:
        return given | {"choices": OPTION_CHOICES[field.name]}
    if isinstance(field.default, int | float):
        return given | {"type": type(field.default), "metavar": "N"}
    return given | {"metavar": field.name.upper()}


def _add_data(parser: argparse.ArgumentParser, required: bool) -> None:
    text = "faces64 mosaics, or any folder of images (centre crop)"
    optional = "" if required else "; with it, SWD is measured and put into the manifest"
    parser.add_argument(
        "--data", type=Path, required=required, metavar="FOLDER", help=text + optional
    )


def _add_swd_images(parser: argparse.ArgumentParser) -> None:
    text = "generated images, and training faces, to compare (default: %(default)s)"
    parser.add_argument("--swd-images", type=_count, default=SWD_IMAGES, metavar="N", help=text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text}")
    return int(text)


def _make_way(file: Path) -> None:
    """Makes the folder of a file that will be written: what cannot be is known before the work."""
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; a file would be right")
    file.parent.mkdir(parents=True, exist_ok=True)


def _train(args: argparse.Namespace) -> None:
    values = {field.name: getattr(args, field.name) for field in fields(Options)}
    if values["compute"] is None:  # a run goes on as it began, on whatever machine
        begun = args.run / OPTIONS
        values["compute"] = Options.load(begun).compute if begun.exists() else COMPUTE
    options = Options(**values)
    if args.run.resolve().is_relative_to(args.data.resolve()):
        raise ValueError(
            f"run folder {args.run} lies in data folder {args.data}, and its pictures would be "
            "trained on; a folder elsewhere would be right"
        )
    memory.keep()
    parallel.start()
    try:
        faces = _faces(args.data)
        with alone(args.run):
            Run.open(args.run, options, faces).train(faces)
    finally:
        parallel.stop()


def _faces(folder: Path) -> Faces:
    """The faces of a folder, with a line on what was read."""
    faces = load(folder)
    if parallel.rank() == 0:
        print(f"{folder}: {faces}", file=sys.stderr)
    return faces


def _evaluate(args: argparse.Namespace) -> None:
    stored = [model_store.read(model) for model in args.models]
    if args.json:
        _make_way(args.json)
    faces = _faces(args.data)
    reports = [evaluate.control(faces)]
    print(reports[0])
    for model in stored:
        first = None if model is stored[0] else stored[0]
        reports.append(evaluate.report(model, faces, args.swd_images, first))
        print(reports[-1])
    if args.json:
        result = {
            "dataset": faces.name,
            "training_faces": len(faces.train),
            "reports": [asdict(report) for report in reports],
        }
        args.json.write_text(json.dumps(result, indent=1) + "\n")


def _redundancy(args: argparse.Namespace) -> None:
    if args.model:
        geometry = tuple(layer.geometry for layer in model_store.load(args.model).layers)
    else:
        geometry = dcgan(args.width, args.image_size)
    print(redundancy.table(geometry))


def _export(args: argparse.Namespace) -> None:
    run = Run.resume(args.run)
    _make_way(args.out)
    faces: Faces | None = _faces(args.data) if args.data else None
    generator = run.shown()
    spec = export.fold(generator)
    quality = evaluate.evaluate(spec, faces.train, args.swd_images) if faces else None
    manifest = export.manifest(run, generator, spec, quality, faces)
    digest = artifact.write(args.out, spec, manifest)
    told = {"digest": digest, "swd": manifest["swd"], "export": manifest["export"]}
    print(json.dumps(told, indent=2))


def _experiments(args: argparse.Namespace) -> None:
    for name in args.only:
        for experiment in experiments.SUITES[name]():
            experiments.run(experiment, args.runs, args.data, args.records)


if __name__ == "__main__":
    sys.exit(printing(main))
