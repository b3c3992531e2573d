"""LitServe with the full-size float generator, its pictures encoded as the service encodes them:

python -m benchmarks.serving.litserve_peer pytorch|openvino PORT
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import litserve
import numpy as np
from fastapi import Response
from numpy.typing import NDArray

from benchmarks.plain import decoded, grey_levels, torch_network
from kernels import latents
from kernels.random_weights import random_generator
from service.images import encode_png

BATCH, WAIT_S = 32, 0.005
CALIBRATION = 256  # latents
Floats = NDArray[np.float32]
Network = Callable[[Floats], Floats]  # latents [N, D, 1, 1] in [−1, 1] → images [N, 3, s, s]


def pytorch() -> Network:
    """Eager float32, all cores."""
    import torch

    network = torch_network(random_generator("float"))

    def run(z: Floats) -> Floats:
        with torch.inference_mode():
            return network(torch.from_numpy(z)).numpy()  # type: ignore[no-any-return]

    return run


def openvino() -> Network:
    """INT8 by NNCF's post-training quantization, compiled for any batch."""
    os.environ["CI"] = "true"  # a measurement reports to nobody
    import nncf
    import openvino
    import torch

    samples = list(decoded(latents(1 << 32, CALIBRATION))[:, None])
    network, example = torch_network(random_generator("float")), torch.from_numpy(samples[0])
    model = openvino.convert_model(network, example_input=example, input=[-1, 100, 1, 1])
    quantized = nncf.quantize(model, nncf.Dataset(samples), subset_size=CALIBRATION)
    compiled = openvino.Core().compile_model(
        quantized, "CPU", {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    )
    request = compiled.create_infer_request()
    return lambda z: np.asarray(next(iter(request.infer(z).values())))


class Faces(litserve.LitAPI):  # type: ignore[misc]
    """A seed in JSON → a PNG."""

    network: Network

    def __init__(self, runtime: str) -> None:
        super().__init__(max_batch_size=BATCH, batch_timeout=WAIT_S)
        self._runtime = runtime

    def setup(self, device: str) -> None:
        self.network = {"pytorch": pytorch, "openvino": openvino}[self._runtime]()

    def decode_request(self, request: dict[str, int]) -> NDArray[np.uint8]:
        return latents(request["seed"], 1).ravel()

    def batch(self, inputs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        return np.stack(inputs)

    def predict(self, drawn: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return grey_levels(self.network(decoded(drawn)))

    def unbatch(self, output: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        return list(output)

    def encode_response(self, output: NDArray[np.uint8]) -> Response:
        return Response(encode_png(output), media_type="image/png")


if __name__ == "__main__":
    _, runtime, port = sys.argv
    server = litserve.LitServer(Faces(runtime), accelerator="cpu", timeout=60)
    server.run(host="127.0.0.1", port=int(port), generate_client_file=False, log_level="warning")
