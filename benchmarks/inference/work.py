"""What one image costs at least: multiply-adds, and bytes that go from memory to the processor."""

from __future__ import annotations

from dataclasses import dataclass

from kernels import native
from kernels.spec import Deconvolution, GeneratorSpec, Precision

# Images that share one reading of the weights: `images` of kernels/c/isa_*.c.
TOGETHER = {"amx": 8, "avx2": 2}
TOGETHER_ELSEWHERE = 16  # and of floats and bits


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
    floats = spec.layers[0].precision is Precision.FLOAT
    integers = not floats and spec.layers[0].precision is not Precision.XNOR
    images, members = (-(-batch // threads), 1) if batch >= threads else (batch, threads)
    together = TOGETHER.get(isa, TOGETHER_ELSEWHERE) if integers else TOGETHER_ELSEWHERE
    readings = -(-images // together)
    held = sum(generator.resident_bytes.values())
    width = 4 if floats else 1  # bytes an activation
    shapes = [layer.geometry for layer in spec.layers]
    read = sum(g.c_in * g.size_in**2 * width for g in shapes)
    written = sum(g.c_out * g.size_out**2 * width for g in shapes[:-1])
    image = shapes[-1].c_out * shapes[-1].size_out ** 2
    calls = threads if members == 1 and batch >= threads else 1
    return Traffic(
        weights=held * readings / images,
        activations=read + written + image,
        scratch=calls * generator.scratch_bytes(images, members),
    )
