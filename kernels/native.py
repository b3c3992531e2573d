"""The C library: a ctypes table over `c/pbgen.h`, and where its statuses become errors."""

from __future__ import annotations

import ctypes as ct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kernels.spec import GeneratorSpec, LayerSpec, Precision
from kernels.tanh import TANH

ABI_VERSION = 4
ALIGNMENT = 64
TEAM_BYTES = 64
LARGEST_COUNT = 2**32 - 1  # images of a call: the library counts them in 32 bits
LIBRARIES = ("libpbgen-kernels.so", "libpbgen-kernels.dylib", "libpbgen-kernels.dll")
STATUS = {
    1: "geometry out of range, or layers that do not chain",
    2: "instruction set unknown, or absent from this machine",
    3: "memory too small, or not aligned",
    4: "no members, several without a team, or one with",
}
PRECISIONS = (Precision.BINARY, Precision.FIXED, Precision.FLOAT, Precision.XNOR)


class NativeError(RuntimeError):
    """The C library refused a call: a bug in this package, not in the caller's arguments."""


class _Layer(ct.Structure):
    _fields_ = (
        *((name, ct.c_uint32) for name in ("c_in", "c_out", "kernel", "stride")),
        *((name, ct.c_uint32) for name in ("padding", "size_in", "precision", "reserved")),
        *((name, ct.c_void_p) for name in ("weight", "scale", "shift")),
    )


@cache
def load() -> ct.CDLL | None:
    """The library, or None when it was not built. Raises NativeError for one of another ABI."""
    folder = Path(__file__).parent
    path = next((folder / name for name in LIBRARIES if (folder / name).exists()), None)
    if path is None:
        return None
    library = ct.CDLL(str(path))
    version = library.pbgen_abi_version()
    if version != ABI_VERSION:
        raise NativeError(f"the C library has ABI {version}, not {ABI_VERSION}: rebuild it")
    pointer, count, size = ct.c_void_p, ct.c_uint32, ct.c_size_t
    library.pbgen_latents.restype = library.pbgen_help.restype = None
    library.pbgen_isa_name.restype = library.pbgen_compiler.restype = ct.c_char_p
    for name, arguments in {
        "pbgen_isa_name": (count,),
        "pbgen_isa_available": (count,),
        "pbgen_latents": (pointer, count, count, pointer),
        "pbgen_prepared_bytes": (pointer, count, pointer),
        "pbgen_prepare": (pointer, count, pointer, count, pointer, size),
        "pbgen_resident_bytes": (pointer, pointer),
        "pbgen_scratch_bytes": (pointer, count, count, pointer),
        "pbgen_run": (pointer, pointer, count, pointer, pointer, size, pointer, count),
        "pbgen_help": (pointer, count),
    }.items():
        getattr(library, name).argtypes = arguments
    return library


@cache
def isas() -> dict[str, int]:
    """Instruction sets of this build that this machine has, best first, with their index."""
    library, found, index = load(), {}, 0
    while library and (name := library.pbgen_isa_name(index)):
        if library.pbgen_isa_available(index):
            found[name.decode()] = index
        index += 1
    return found


def compiler() -> str | None:
    """The compiler of the C library, or None without one."""
    library = load()
    return library.pbgen_compiler().decode() if library else None


class NativeGenerator:
    """A generator prepared for one instruction set; `run` is thread-safe and holds no GIL."""

    def __init__(self, spec: GeneratorSpec, isa: str) -> None:
        library = load()
        assert library is not None  # the caller chose `isa` from isas()
        self._library = library
        arrays = [_contiguous(layer) for layer in spec.layers]
        layers = (_Layer * len(arrays))(
            *(_describe(layer, kept) for layer, kept in zip(spec.layers, arrays, strict=True))
        )
        size = ct.c_size_t()
        _check(library.pbgen_prepared_bytes(layers, len(arrays), ct.byref(size)))
        self._prepared = aligned(size.value)
        table, index = TANH.ctypes.data, isas()[isa]
        _check(
            library.pbgen_prepare(
                layers, len(arrays), table, index, self._prepared.ctypes.data, size.value
            )
        )
        self.image_shape = (spec.image_size, spec.image_size, 3)
        self._free: list[NDArray[np.uint8]] = []  # scratch of calls that are over

    @property
    def resident_bytes(self) -> dict[str, int]:
        sizes = (ct.c_size_t * (len(PRECISIONS) + 1))()
        _check(self._library.pbgen_resident_bytes(self._prepared.ctypes.data, sizes))
        return dict(zip((*map(str, PRECISIONS), "scale"), map(int, sizes), strict=True))

    def scratch_bytes(self, images: int, members: int = 1) -> int:
        """Scratch memory of a call of `images` images by `members` threads."""
        size = ct.c_size_t()
        prepared = self._prepared.ctypes.data
        _check(self._library.pbgen_scratch_bytes(prepared, images, members, ct.byref(size)))
        return size.value

    def run(
        self, latents: NDArray[np.uint8], team: NDArray[np.uint8] | None = None, members: int = 1
    ) -> NDArray[np.uint8]:
        """C-contiguous latents u8 [N, dim] → u8 [N, size, size, 3]; alone, or with those of a team
        who are in `help`.
        """
        images = np.empty((len(latents), *self.image_shape), np.uint8)
        with self.scratch(len(latents), members) as scratch:
            _check(
                self._library.pbgen_run(
                    self._prepared.ctypes.data,
                    latents.ctypes.data,
                    len(latents),
                    images.ctypes.data,
                    scratch.ctypes.data,
                    scratch.nbytes,
                    team.ctypes.data if team is not None else None,
                    members,
                )
            )
        return images

    def help(self, team: NDArray[np.uint8], member: int) -> None:
        """Takes part in the team's calls; returns when none has come for a while."""
        self._library.pbgen_help(team.ctypes.data, member)

    @contextmanager
    def scratch(self, images: int, members: int = 1) -> Iterator[NDArray[np.uint8]]:
        """Scratch memory for one call; kept for later ones, as many as ever ran at once."""
        needed = self.scratch_bytes(images, members)
        try:
            memory = self._free.pop()
        except IndexError:
            memory = aligned(needed)
        if memory.nbytes < needed:
            memory = aligned(needed)
        yield memory
        self._free.append(memory)


def aligned(size: int) -> NDArray[np.uint8]:
    """Zeros on a 64-byte boundary, u8 [size]; one if size is 0, since NumPy moves no empty view."""
    size = max(size, 1)
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


def _contiguous(layer: LayerSpec) -> tuple[NDArray[np.generic], ...]:
    """As C reads them: aligned too, which an array over a file's bytes need not be."""
    arrays = (layer.weight, layer.scale, layer.shift)
    return tuple(np.require(array, requirements=("C", "ALIGNED")) for array in arrays)


def _describe(layer: LayerSpec, arrays: tuple[NDArray[np.generic], ...]) -> _Layer:
    g = layer.geometry
    precision = PRECISIONS.index(layer.precision)
    pointers = (array.ctypes.data for array in arrays)
    return _Layer(
        g.c_in, g.c_out, g.kernel, g.stride, g.padding, g.size_in, precision, 0, *pointers
    )


def _check(status: int) -> None:
    if status:
        raise NativeError(STATUS.get(status, f"status {status}"))
