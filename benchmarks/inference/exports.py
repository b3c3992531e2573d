"""One random network written for every runtime: an artifact, ONNX, and OpenVINO's IR in INT8."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.inference.contestant import ONNXRUNTIME, Contestant
from kernels import latents, tanh
from kernels.bench import random_generator
from kernels.spec import Deconvolution, GeneratorSpec
from model_store import artifact
from model_store.manifest import layer_row
from training.redundancy import redundancy

OPSET, IR_VERSION = 17, 9  # of ONNX; every runtime of the last years reads them
CALIBRATION_SEED, CALIBRATION_IMAGES = 1000, 256  # latents that no timing uses
REASON = ".reason"  # a file beside one that could not be written
SUFFIXES = {"artifact": ".safetensors", "onnx": ".onnx", "int8": ".xml"}


@dataclass(frozen=True)
class PlainLayer:
    """A float layer as other runtimes write it: scale and shift folded into weight and bias."""

    geometry: Deconvolution
    weight: NDArray[np.float32]  # [c_in, c_out, k, k]
    bias: NDArray[np.float32]  # [c_out]
    activation: str  # "Relu" or "Tanh"


def plain_layers(spec: GeneratorSpec) -> Iterator[PlainLayer]:
    """The layers of a float generator; the last one's outputs are tanh's argument itself."""
    for layer in spec.layers:
        last = layer is spec.layers[-1]
        one, zero = (tanh.ONE, tanh.CENTER) if last else (1, 0)
        scale = layer.scale / np.float32(one)
        weight = (layer.weight.astype(np.float32) * scale[:, None]).transpose(3, 2, 0, 1)
        bias = ((layer.shift - zero) / one).astype(np.float32)
        activation = "Tanh" if last else "Relu"
        yield PlainLayer(layer.geometry, np.ascontiguousarray(weight), bias, activation)


def decoded(drawn: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Latents as the peers take them: u8 [N, D] → f32 [N, D, 1, 1] in [−1, 1]."""
    return ((drawn.astype(np.float32) - np.float32(127.5)) / np.float32(127.5))[:, :, None, None]


def write_all(contestants: Iterable[Contestant], folder: Path) -> None:
    """The files that contestants load; a peer whose exporter is missing finds none."""
    for each in {(c.variant, c.width, c.image_size): c for c in contestants}.values():
        path = folder / (each.network + SUFFIXES["artifact"])
        write_artifact(path, each.variant, each.width, each.image_size)
    # NNCF is large: it stays out of this process.
    process = multiprocessing.get_context("spawn").Process(target=_write_for_peers, args=(folder,))
    process.start()
    process.join()


def _write_for_peers(folder: Path) -> None:
    sys.stdout = sys.stderr  # where NNCF may show how far it is
    path = folder / (Contestant(ONNXRUNTIME, "float32", 1).network + SUFFIXES["onnx"])
    quantized = path.with_suffix(SUFFIXES["int8"])
    try:
        write_onnx(path, random_generator("float"))
        write_int8(quantized, path)
    except Exception as error:  # whatever an exporter throws is why its readers will be absent
        for each in (path, quantized):
            if not each.exists():
                each.with_name(each.name + REASON).write_text(f"not exported: {error}")


def write_artifact(path: Path, variant: str, width: int, image_size: int) -> None:
    """The project's own file of `kernels.bench.random_generator`."""
    spec = random_generator(variant, width, image_size)
    rows = []
    for layer in spec.layers:
        metric = redundancy(layer.geometry)
        told = {"ratio": metric.ratio, "redundant": metric.redundant}
        rows.append({**layer_row(layer), "redundancy": {**asdict(metric), **told}})
    manifest = {
        "variant": variant,
        "architecture": "dcgan",
        "layers": rows,
        "provenance": {
            "dataset": "random numbers",
            "terms": "for measurements only",
            "images_seen": 0,
            "seed": 0,
            "options": {},
            "commit": "0" * 40,
        },
        "swd": None,
        "export": {},
    }
    artifact.write(path, spec, manifest)


def write_onnx(path: Path, spec: GeneratorSpec) -> None:
    """A float generator as ONNX: latents f32 [N, D, 1, 1] → images f32 [N, 3, s, s]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, arrays, value = [], [], "latents"
    for i, layer in enumerate(plain_layers(spec)):
        g, names = layer.geometry, (f"weight{i}", f"bias{i}")
        arrays += [
            numpy_helper.from_array(array, name)
            for array, name in zip((layer.weight, layer.bias), names, strict=True)
        ]
        square = {"kernel_shape": [g.kernel] * 2, "strides": [g.stride] * 2}
        nodes.append(
            helper.make_node(
                "ConvTranspose", [value, *names], [f"sums{i}"], pads=[g.padding] * 4, **square
            )
        )
        value = f"values{i}"
        nodes.append(helper.make_node(layer.activation, [f"sums{i}"], [value]))
    size = spec.image_size
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
        for name, shape in (("latents", (spec.latent_dim, 1, 1)), (value, (3, size, size)))
    ]
    graph = helper.make_graph(nodes, "generator", ends[:1], ends[1:], arrays)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_int8(path: Path, onnx_path: Path) -> None:
    """The ONNX file's network quantized by NNCF on random latents, as OpenVINO's IR."""
    os.environ["NNCF_CI"] = os.environ["CI"] = "true"  # a measurement reports to nobody
    import nncf
    import openvino

    network = openvino.Core().read_model(onnx_path)
    inputs = decoded(latents(CALIBRATION_SEED, CALIBRATION_IMAGES))
    samples = nncf.Dataset([inputs[i : i + 1] for i in range(CALIBRATION_IMAGES)])
    quantized = nncf.quantize(network, samples, subset_size=CALIBRATION_IMAGES)
    openvino.save_model(quantized, path)
