"""One random network written for every runtime: an artifact, ONNX, and OpenVINO's IR in INT8."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import artifacts
from benchmarks.inference.contestant import ONNXRUNTIME, Contestant
from benchmarks.plain import decoded, plain_layers
from kernels import latents
from kernels.random_weights import random_generator
from kernels.spec import GeneratorSpec

OPSET, IR_VERSION = 17, 9  # of ONNX; every runtime of the last years reads them
CALIBRATION_SEED, CALIBRATION_IMAGES = 1000, 256  # latents that no timing uses
REASON = ".reason"  # a file beside one that could not be written
SUFFIXES = {"artifact": ".safetensors", "onnx": ".onnx", "int8": ".xml"}


def write_all(contestants: Iterable[Contestant], folder: Path) -> None:
    """The files that contestants load; a peer whose exporter is missing finds none."""
    for each in {(c.variant, c.width, c.image_size): c for c in contestants}.values():
        path = folder / (each.network + SUFFIXES["artifact"])
        artifacts.write(path, each.variant, each.width, each.image_size)
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
