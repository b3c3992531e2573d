"""The geometry of DCGAN's generator (Radford et al., arXiv 1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kernels.spec import IMAGE_CHANNELS, Deconvolution

LATENT_DIM = 100


def dcgan(width: int, image_size: int = 64) -> tuple[Deconvolution, ...]:
    """The layers of a generator; `width` channels enter the last, twice as many each one before.

    Width 64 and image size 64 give 100 → 512·4·4 → 256 → 128 → 64 → 3.
    Raises ValueError for a size that doublings of 4 pixels do not reach, and for one or a width
    whose layers would be too large.
    """
    doublings = image_size.bit_length() - 3
    if doublings < 1 or image_size != 4 << doublings:
        raise ValueError(f"image size must be a power of two of at least 8, not {image_size}")
    widths = [width << i for i in reversed(range(doublings))]
    try:
        return chain([*widths, IMAGE_CHANNELS])
    except ValueError as error:
        raise ValueError(
            f"width {width} at image size {image_size} makes no generator: {error}"
        ) from error


def chain(channels: Sequence[int], latent_dim: int = LATENT_DIM) -> tuple[Deconvolution, ...]:
    """Latents → channels[0] at 4×4, then a 4×4 deconvolution of stride 2 to each further count."""
    layers = [Deconvolution(latent_dim, channels[0], kernel=4, stride=1, padding=0, size_in=1)]
    for c_in, c_out in pairwise(channels):
        layers.append(Deconvolution(c_in, c_out, 4, 2, 1, size_in=layers[-1].size_out))
    return tuple(layers)
