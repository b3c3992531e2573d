"""Latents: the published generator, the layout of its words, and the bounds of seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels import latents
from kernels.latents import LARGEST_SEED, drawn_by_numpy, latents_of, philox

ONES = 0xFFFFFFFF

# philox4x32 with 10 rounds, from Random123's kat_vectors: counter, key, result.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN_ANSWERS)
def test_philox_gives_the_published_answers(
    counter: tuple[int, ...], key: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    result = philox(np.array(counter, np.uint32), np.array(key, np.uint32))
    assert tuple(int(word) for word in result) == expected


def test_words_are_laid_out_little_endian_in_blocks_of_sixteen() -> None:
    words = philox(np.array([[0, 0, 0, 0], [1, 0, 0, 0]], np.uint32), np.array([[7, 3]] * 2))
    expected = b"".join(int(word).to_bytes(4, "little") for word in words.ravel())
    assert latents((3 << 32) + 7, 1, 20).tobytes() == expected[:20]


@pytest.mark.parametrize("dim", [0, 1, 16, 33, 100])
def test_the_c_library_draws_what_numpy_does(dim: int) -> None:
    seeds = np.array([0, 7, 2**32 - 1, 2**32, LARGEST_SEED], np.uint64)
    np.testing.assert_array_equal(latents_of(seeds, dim), drawn_by_numpy(seeds, dim))
    np.testing.assert_array_equal(latents_of(seeds[::-2], dim), drawn_by_numpy(seeds[::-2], dim))


def test_image_i_of_a_call_has_the_seed_plus_i() -> None:
    together = latents(2**32 - 3, 6)
    alone = [latents(2**32 - 3 + i, 1)[0] for i in range(6)]
    np.testing.assert_array_equal(together, alone)
    assert together.shape == (6, 100)
    assert together.dtype == np.uint8


def test_a_shorter_latent_is_the_start_of_a_longer_one() -> None:
    np.testing.assert_array_equal(latents(5, 2, 33), latents(5, 2, 100)[:, :33])


def test_bytes_are_spread_evenly() -> None:
    drawn = latents(0, 1000).ravel()
    counts = np.bincount(drawn, minlength=256)
    chi_square = ((counts - drawn.size / 256) ** 2).sum() / (drawn.size / 256)
    assert 170 < chi_square < 355  # 255 degrees of freedom: within about 4 standard deviations


@pytest.mark.parametrize(("seed", "count"), [(-1, 1), (LARGEST_SEED + 1, 1), (LARGEST_SEED, 2)])
def test_seeds_outside_64_bits_are_refused(seed: int, count: int) -> None:
    with pytest.raises(ValueError, match=r"seeds must be 0 … 18446744073709551615"):
        latents(seed, count)


def test_the_largest_seed_and_no_images_are_fine() -> None:
    assert latents(LARGEST_SEED, 1).shape == (1, 100)
    assert latents(0, 0).shape == (0, 100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, -1), "count must be 0 … 4294967295, not -1"),
        ((0, 2**32), "count must be 0 … 4294967295, not 4294967296"),
        ((0, 1, -1), "dim must be 0 … 65536, not -1"),
        ((0, 1, 2**16 + 1), "dim must be 0 … 65536, not 65537"),
        ((0, 1, 2**32 + 16), "dim must be 0 … 65536, not 4294967312"),
    ],
)
def test_counts_and_dimensions_out_of_range_are_refused(
    arguments: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        latents(*arguments)
    seeds = np.broadcast_to(np.uint64(0), max(arguments[1], 0))
    if arguments[1] >= 0:
        with pytest.raises(ValueError, match=message):
            latents_of(seeds, *arguments[2:])


@pytest.mark.parametrize("shape", [(), (3, 0), (3, 2)])
def test_seeds_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"seeds must be of shape \[N\], not \["):
        latents_of(np.zeros(shape, np.uint64))


def test_integers_of_numpy_are_integers() -> None:
    np.testing.assert_array_equal(latents(np.int32(7), np.int8(2), np.uint8(9)), latents(7, 2, 9))
    with pytest.raises(ValueError, match="not 18446744073709551615 … 18446744073709551616"):
        latents(np.uint64(LARGEST_SEED), 2)


@pytest.mark.parametrize("arguments", [(1.9, 1), ("7", 1), (1, 2.0), (1, 1, 12.0)])
def test_what_is_no_integer_is_refused(arguments: Any) -> None:
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        latents(*arguments)
