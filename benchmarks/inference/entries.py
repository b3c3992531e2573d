"""What is raced: the full-size networks against peers, and the kernels' own over growing sizes."""

from __future__ import annotations

from itertools import product

from benchmarks.inference.contestant import KERNELS, ONNXRUNTIME, OPENVINO, PYTORCH, Contestant
from benchmarks.inference.engines import FLOAT32, INT8, PYTORCH_MODES
from kernels import native
from kernels.random_weights import VARIANTS

Entries = dict[Contestant, tuple[int, ...]]  # and the batch sizes

BATCHES, THREADS = (1, 8, 32), (1, 2)
PORTABLE = "portable"  # hundreds of milliseconds an image: one image, one thread
PEERS = (
    *((PYTORCH, mode) for mode in PYTORCH_MODES),
    (ONNXRUNTIME, FLOAT32),
    (OPENVINO, FLOAT32),
    (OPENVINO, INT8),
)
GROWTH_WIDTH = 64  # of the generators whose size grows, and size of those whose width does
SIZES, WIDTHS, GROWTH_BATCHES = (32, 64, 128, 256), (32, 64, 128, 256), (1, 32)
MANY_BATCHES = tuple(2**i for i in range(9))  # of the full-size one


def speed() -> Entries:
    """Each variant on each instruction set of this machine, and the peers, on one and two threads;
    the portable kernels on one, one image a call.
    """
    entries: Entries = {}
    for threads in THREADS:
        for variant, isa in product(VARIANTS, native.isas()):
            if isa != PORTABLE:
                entries[Contestant(KERNELS, isa, threads, variant)] = BATCHES
            elif threads == 1:
                entries[Contestant(KERNELS, isa, threads, variant)] = (1,)
        for runtime, mode in PEERS:
            entries[Contestant(runtime, mode, threads)] = BATCHES
    return entries


def growth() -> Entries:
    """On one thread: partial on each instruction set but the portable one, float on the best."""
    isas = [isa for isa in native.isas() if isa != PORTABLE]
    kinds = [*(("partial", isa) for isa in isas), *(("float", isa) for isa in isas[:1])]
    networks = {(GROWTH_WIDTH, size): GROWTH_BATCHES for size in SIZES}
    networks |= {(width, 64): GROWTH_BATCHES for width in WIDTHS}
    networks[128, 64] = MANY_BATCHES
    return {
        Contestant(KERNELS, isa, 1, variant, width, size): batches
        for (variant, isa), ((width, size), batches) in product(kinds, networks.items())
    }
