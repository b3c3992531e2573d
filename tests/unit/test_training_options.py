"""A run's options: bounds, saving, the learning rate's course."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from training.options import Options, fast_dtype


def test_options_survive_saving(tmp_path: Path) -> None:
    options = Options("full", width=8, images=1000, seed=3)
    options.save(tmp_path / "options.json")
    assert Options.load(tmp_path / "options.json") == options


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "argument after \\*\\* must be a mapping"),
        ('{"colour": 1}', "got an unexpected keyword argument 'colour'"),
        ('{"width": "64"}', "not supported between"),
        ('{"width": 0}', "width must be at least 1, not 0"),
    ],
)
def test_a_file_that_holds_no_options_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "options.json"
    path.write_text(text)
    told = rf"options\.json is not as it was written: .*{reason}.*; bring it back from a copy, or"
    with pytest.raises(ValueError, match=told):
        Options.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": "half"}, "variant must be one of .* such as 0,1,2, not 'half'"),
        ({"compute": "int8"}, "compute must be bfloat16 or float32, not 'int8'"),
        ({"batch": 0}, "batch must be at least 1, not 0"),
        ({"images": -5}, "images must be at least 1, not -5"),
        ({"width": 8192}, "width must be at most 1,024, not 8192"),
        ({"discriminator_width": 1025}, "discriminator_width must be at most 1,024, not 1025"),
        ({"batch": 10**11}, "batch must be at most 65,536, not 100000000000"),
        ({"learning_rate": 0.0}, r"learning_rate must be above 0 and at most 1, not 0\.0"),
        ({"learning_rate": 1e39}, r"learning_rate must be above 0 and at most 1, not 1e\+39"),
        ({"learning_rate": float("nan")}, "learning_rate must be above 0 and at most 1, not nan"),
        ({"teacher_weight": -1.0}, r"teacher_weight must be at least 0, not -1\.0"),
        ({"seed": -1}, "seed must be between 0 and 2\\^64 − 1, not -1"),
        ({"seed": 1 << 64}, "seed must be between 0 and 2\\^64 − 1, not 18446744073709551616"),
        ({"decay_from": 1.5}, r"decay_from must be between 0 and 1, not 1\.5"),
    ],
)
def test_bad_options_name_the_value_and_the_bound(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**change)


def test_the_rate_is_constant_and_then_falls_to_zero() -> None:
    options = Options(images=1000, batch=10, learning_rate=1.0, decay_from=0.4)
    assert options.steps == 100
    assert [options.rate(step) for step in (0, 20, 40)] == [1, 1, 1]
    assert options.rate(70) == pytest.approx(0.5)
    assert options.rate(100) == 0


def test_the_rate_never_falls_where_nothing_decays() -> None:
    options = Options(images=1000, batch=10, learning_rate=1.0, decay_from=1.0)
    assert options.rate(99) == 1


def test_variants_choose_their_binary_layers() -> None:
    assert Options("float").binary == (False,) * 5
    assert Options("full").binary == (True,) * 5
    assert Options("partial").binary == (True, True, True, True, False)


@pytest.mark.parametrize(
    ("has", "dtype"),
    [
        ({"avx2": True, "avx512_bf16": False}, "float32"),
        ({"avx2": True, "avx512_bf16": True}, "bfloat16"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bfloat16"),
        ({"neon": True, "bf16": True}, "bfloat16"),
        ({}, "float32"),
    ],
)
def test_the_dtype_is_one_that_the_processor_multiplies_in(
    has: dict[str, bool], dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: has)
    assert fast_dtype() == dtype
