"""What one image costs at least: multiply-adds, and bytes that go from memory to the processor."""

from __future__ import annotations

from dataclasses import dataclass

from kernels import native
from kernels.spec import IMAGE_CHANNELS, Deconvolution, GeneratorSpec, LayerSpec, Precision

# Images that share one reading of the weights: `images` of kernels/c/isa_*.c.
TOGETHER = {"amx": 8, "avx2": 2}
TOGETHER_ELSEWHERE = 16  # and of floats and bits
TABLES = ("avx2",)  # take binary layers' inputs as tables for look-up
LANES = 16  # columns of a layer whose phases are combined, at most: it takes bytes all the same


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
    bytewise = spec.layers[0].precision not in (Precision.FLOAT, Precision.XNOR)
    together = TOGETHER.get(isa, TOGETHER_ELSEWHERE) if bytewise else TOGETHER_ELSEWHERE
    held = sum(generator.resident_bytes.values())
    inputs = [_input_bytes(layer, isa, layer is spec.layers[-1]) for layer in spec.layers]
    return Traffic(
        weights=held * -(-batch // together) / batch,
        activations=sum(inputs) + sum(inputs[1:]) + spec.image_size**2 * IMAGE_CHANNELS,
        scratch=generator.scratch_bytes(batch, threads),
    )


def _input_bytes(layer: LayerSpec, isa: str, last: bool) -> int:
    """Of an image, as the layer reads it: `channel_bits` of kernels/c/plan.h."""
    g = layer.geometry
    bits = {Precision.FLOAT: 32, Precision.XNOR: 1}.get(layer.precision, 8)
    if isa in TABLES and layer.precision is Precision.BINARY:
        step = g.size_out if g.size_in == 1 else g.stride
        combined = last and step > 1 and step**2 * g.c_out <= LANES
        bits = bits if combined else 64
    return -(-g.c_in * bits // 8) * g.size_in**2
