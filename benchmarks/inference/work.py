"""What one image costs at least: multiply-adds, and bytes that go from memory to the processor."""

from __future__ import annotations

from dataclasses import dataclass

from kernels import native
from kernels.spec import IMAGE_CHANNELS, Deconvolution, GeneratorSpec, LayerSpec, Precision

# Images that share one reading of the weights: `images` of kernels/c/isa_*.c.
TOGETHER = {"amx": 8}
TOGETHER_ELSEWHERE = 16  # and of floats and bits
# And where all layers but the last are looked up: `images` of kernels/c/*_tables.h, and `columns`,
# of which such a layer has a multiple.
LOOK_UP = {"avx512": (1, 64), "avx2": (2, 1)}


def multiply_adds(spec: GeneratorSpec) -> int:
    """Of an image, taps that fall outside left out (they are 14 % of DCGAN's): the kernels may skip
    them, so a rate that counted them could exceed the machine's.
    """
    return sum(_inside(layer.geometry) for layer in spec.layers)


def _inside(g: Deconvolution) -> int:
    pairs = sum(
        0 <= position * g.stride + k - g.padding < g.size_out
        for position in range(g.size_in)
        for k in range(g.kernel)
    )
    return pairs**2 * g.c_in * g.c_out


@dataclass(frozen=True)
class Traffic:
    """Bytes an image, computed.

    weights      the prepared weights, scales and shifts, read once for the images that run together
    activations  what each layer reads and writes, once
    scratch      memory that a call works in, of all threads together (not an image's: the call's)
    """

    weights: float
    activations: int
    scratch: int


def traffic(spec: GeneratorSpec, isa: str, threads: int, batch: int) -> Traffic:
    """Of a call of `batch` images on a compiled instruction set."""
    generator = native.NativeGenerator(spec, isa)
    together = _together(spec, isa)
    held = sum(generator.resident_bytes.values())
    inputs = [_input_bytes(layer) for layer in spec.layers]
    return Traffic(
        weights=held * -(-batch // together) / batch,
        activations=sum(inputs) + sum(inputs[1:]) + spec.image_size**2 * IMAGE_CHANNELS,
        scratch=generator.scratch_bytes(batch, threads),
    )


def _together(spec: GeneratorSpec, isa: str) -> int:
    """Images of a call that run together, at most: `group_images` of kernels/c/plan.h."""
    images, columns = LOOK_UP.get(isa, (0, 0))
    if (
        images
        and len(spec.layers) > 1
        and all(
            layer.precision is Precision.BINARY and layer.geometry.c_out % columns == 0
            for layer in spec.layers[:-1]
        )
    ):
        return images
    if spec.layers[0].precision in (Precision.FLOAT, Precision.XNOR):
        return TOGETHER_ELSEWHERE
    return TOGETHER.get(isa, TOGETHER_ELSEWHERE)


def _input_bytes(layer: LayerSpec) -> int:
    """Of an image, as the layer reads it: `channel_bits` of kernels/c/plan.h."""
    g = layer.geometry
    bits = {Precision.FLOAT: 32, Precision.XNOR: 1}.get(layer.precision, 8)
    return -(-g.c_in * bits // 8) * g.size_in**2
