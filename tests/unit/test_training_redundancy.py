"""The dimension metric and the choice it makes."""

from __future__ import annotations

import pytest

from kernels.dcgan import dcgan
from kernels.spec import Deconvolution
from training.redundancy import choose_binary, redundancy, table


@pytest.mark.parametrize("width", [64, 128])
def test_all_but_the_last_layer_of_dcgan_are_redundant(width: int) -> None:
    assert choose_binary(dcgan(width)) == (True, True, True, True, False)


def test_the_ratios_of_dcgan_are_those_of_its_dimensions() -> None:
    ratios = [redundancy(layer).ratio for layer in dcgan(64)]
    assert ratios == [100 * 16 / 16, 512 * 16 / 64, 256 * 16 / 256, 128 * 16 / 1024, 64 * 16 / 4096]


def test_a_layer_with_as_many_positions_as_ranks_is_kept() -> None:
    layer = Deconvolution(c_in=16, c_out=8, kernel=4, stride=2, padding=1, size_in=8)
    assert redundancy(layer).ratio == 1
    assert not redundancy(layer).redundant


def test_a_wide_last_layer_and_a_narrow_first_one_are_judged_by_their_own_dimensions() -> None:
    wide = Deconvolution(c_in=512, c_out=3, kernel=4, stride=2, padding=1, size_in=32)
    narrow = Deconvolution(c_in=2, c_out=64, kernel=5, stride=1, padding=0, size_in=2)
    assert choose_binary([narrow, wide]) == (True, True)
    assert redundancy(narrow).ratio == 50 / 36


def test_the_table_names_every_layer_and_the_choice() -> None:
    lines = table(dcgan(64)).splitlines()
    assert len(lines) == 6
    assert lines[1].endswith("100.00  binarize")
    assert lines[-1].endswith("0.25  keep")
