"""One artifact: what is written is read; every kind of damage has its own error that says what."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from kernels import GeneratorSpec, Precision
from model_store import artifact, errors, folder
from tests import factories

SPEC = factories.generator("partial", widths=(9, 3), latent_dim=5)
MANIFEST = factories.manifest(SPEC)


def tensors() -> dict[str, np.ndarray[Any, Any]]:
    return {name: array.copy() for name, array in artifact.tensors(SPEC).items()}


GOOD = artifact.encode(tensors(), MANIFEST)


def one_bit_inputs() -> GeneratorSpec:
    """A generator whose middle layer takes one-bit inputs; bits are stored alike."""
    first, middle, last = factories.generator().layers
    return GeneratorSpec((first, replace(middle, precision=Precision.XNOR), last))


@pytest.mark.parametrize(
    "spec",
    [*map(factories.generator, factories.VARIANTS), one_bit_inputs()],
    ids=[*factories.VARIANTS, "xnor"],
)
def test_what_is_written_is_read(spec: GeneratorSpec, tmp_path: Path) -> None:
    manifest = factories.manifest(spec)
    path = tmp_path / "a.safetensors"
    digest = artifact.write(path, spec, manifest)
    read = artifact.read(path)
    assert {**read.manifest} == {**manifest, "format": 1, "digest": digest}
    assert (read.name, read.version, read.label) == ("a.safetensors", None, "a.safetensors")
    assert read.digest == digest
    assert read.file_bytes == path.stat().st_size
    for given, found in zip(spec.layers, read.spec.layers, strict=True):
        assert (found.geometry, found.precision) == (given.geometry, given.precision)
        for part in artifact.PARTS:
            before, after = getattr(given, part), getattr(found, part)
            assert after.dtype == before.dtype
            np.testing.assert_array_equal(after, before)
            assert after.flags.aligned


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    shuffled = dict(reversed(MANIFEST.items()))
    digests = {artifact.write(tmp_path / "a", SPEC, m) for m in (MANIFEST, MANIFEST, shuffled)}
    assert (tmp_path / "a").read_bytes() == GOOD
    assert digests == {artifact.decode(GOOD)[0]["digest"]}


def test_the_digest_covers_manifest_names_shapes_and_bytes() -> None:
    base = tensors()
    other = tensors()
    other["layers.0.scale"][0] += 1
    reshaped = {**base, "layers.0.weight": base["layers.0.weight"].reshape(-1)}
    renamed = {**base, "layers.2.scale": base["layers.1.scale"]}
    del renamed["layers.1.scale"]
    seen = {artifact.digest(MANIFEST, t) for t in (base, other, reshaped, renamed)}
    seen.add(artifact.digest({**MANIFEST, "variant": "full"}, base))
    assert len(seen) == 5
    assert artifact.digest({**MANIFEST, "digest": "sha256:0"}, base) == artifact.digest(
        MANIFEST, base
    )


def test_the_library_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    artifact.write(path, SPEC, MANIFEST)
    loaded = safetensors.numpy.load_file(path)
    assert loaded.keys() == tensors().keys()
    for name, array in tensors().items():
        np.testing.assert_array_equal(loaded[name], array)


def test_a_flipped_bit_in_the_numbers() -> None:
    damaged = bytearray(GOOD)
    damaged[-3] ^= 0x10
    with pytest.raises(errors.DigestError, match=r"digest is sha256:.*manifest says 'sha256:"):
        artifact.decode(bytes(damaged))


def test_a_changed_word_in_the_manifest() -> None:
    with pytest.raises(errors.DigestError):
        artifact.decode(GOOD.replace(b"random numbers", b"famous numbers"))


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    """An artifact with a changed manifest (its digest with it)."""
    manifest = json.loads(json.dumps(MANIFEST))
    change(manifest)
    return artifact.encode(tensors(), manifest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.pop("variant"), r"manifest\.variant is missing"),
        (lambda m: m.pop("swd"), r"manifest\.swd is missing"),
        (lambda m: m.pop("directions"), r"manifest\.directions is missing"),
        (lambda m: m.update(variant=3), r"manifest\.variant is 3; text would be right"),
        (lambda m: m.update(layers=[]), r"manifest\.layers is empty"),
        (lambda m: m.update(layers={}), r"manifest\.layers is an object; a list would be right"),
        (lambda m: m.update(swd={"mean": "low"}), r'manifest\.swd\.mean is "low"; a number would'),
        (lambda m: m["provenance"].pop("terms"), r"manifest\.provenance\.terms is missing"),
        (lambda m: m["provenance"].update(seed=-1), r"seed is -1; 0 to 2\^64 − 1 would be right"),
        (lambda m: m["provenance"].update(seed=2**70), "seed is a larger integer than"),
        (lambda m: m.update(swd={"64": 1.0}), r"manifest\.swd\.mean is missing"),
        (
            lambda m: m.update(swd={"mean": 10**400}),
            r"mean is a larger integer .*; −2\^53 to 2\^53",
        ),
        (lambda m: m.update(swd={"mean": -(2**70)}), r"mean is a smaller integer .*; −2\^53 to"),
        (lambda m: m.update(swd={"mean": 2**53 + 1}), r"mean is 9007199254740993; −2\^53 to"),
        (lambda m: m.update(swd={"mean": -1e300}), r"mean is -1e\+300; −2\^53 to 2\^53 would be"),
        (
            lambda m: m["layers"][0]["redundancy"].update(ratio=10**400),
            r"layers\.0\.redundancy\.ratio is a larger integer .*; −2\^53 to",
        ),
        (
            lambda m: m.update(directions=[{"share": 0.1, "vector": [10**400] * 5}]),
            r"directions\.0\.vector\.0 is a larger integer .*; −2\^53 to",
        ),
        (lambda m: m.update(variant="\x1b[31mred"), r'holds the text "\\u001b\[31mred"; at most'),
        (lambda m: m.update(variant="two\nlines"), "and no control characters, would be"),
        (lambda m: m.update(variant="x" * 1001), "at most 1000 characters, and no"),
        (lambda m: m["provenance"].update(note="\x9b31m"), r'the text "\\u009b31m"'),
        (lambda m: m["provenance"]["options"].update({"\u202e": 1}), r'the text "\\u202e"'),
        (lambda m: m["export"].update(n=[10**400]), "holds a larger integer than .* of 64 bits"),
        (lambda m: m.update(more=nested(33)), "is nested more than 32 deep"),
        (
            lambda m: m["layers"][1].update(kernel=True),
            r"manifest\.layers\.1\.kernel is true; an int",
        ),
        (
            lambda m: m["layers"][1].update(precision="ternary"),
            "'ternary'; binary, fixed, float, xnor are known",
        ),
        (lambda m: m["layers"][1].update(kernel=0), "layer 1: deconvolution kernel must be 1"),
        (
            lambda m: m["layers"][0]["redundancy"].pop("ratio"),
            r"layers\.0\.redundancy\.ratio is missing",
        ),
        (
            lambda m: m.update(directions=[{"share": 0.1}]),
            r"manifest\.directions\.0\.vector is missing",
        ),
        (
            lambda m: m.update(directions=[{"share": 0.1, "vector": [0.5] * 4}]),
            r"directions\.0\.vector has 4 numbers; 5 would be right",
        ),
    ],
)
def test_incomplete_manifest(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(errors.ManifestError, match=message):
        artifact.decode(changed(change))


def test_a_manifest_may_say_much_in_any_language() -> None:
    def add(manifest: dict[str, Any]) -> None:
        manifest["provenance"]["terms"] = "Nur zur Forschung – 研究目的のみ, ½ " * 20
        # Spaces that do not break or are as wide as a sign, a joiner, a hyphen.
        manifest["provenance"]["note"] = (
            "Usage\u00a0: recherche; 研究\u3000のみ; می\u200cشود; no\u00adte"
        )
        manifest["provenance"]["options"]["seed"] = 2**64 - 1
        manifest["export"]["deep"] = nested(25)
        manifest["swd"] |= {"8": -(2**53), "4": 2**53, "2": 0}

    artifact.decode(changed(add))


def test_an_unknown_average_distance_is_null() -> None:
    manifest, _ = artifact.decode(changed(lambda m: m.update(swd=None)))
    assert manifest["swd"] is None


def test_future_format() -> None:
    file = GOOD.replace(b'\\"format\\":1', b'\\"format\\":7')
    with pytest.raises(errors.FutureFormatError, match="format is 7; this PBGen reads 1"):
        artifact.decode(file)
    with pytest.raises(errors.ManifestError, match="format is 0; 1 would be right"):
        artifact.decode(GOOD.replace(b'\\"format\\":1', b'\\"format\\":0'))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (
            "layers.0.scale",
            np.ones(8, np.float32),
            r"scale must be float32 \[9\], not float32 \[8\]",
        ),
        ("layers.1.weight", np.ones((4, 4, 3, 9), np.float32), "weight must be int16"),
        (
            "layers.1.weight",
            np.ones((4, 4, 9, 3), np.int16),
            r"weight must be int16 \[4, 4, 3, 9\]",
        ),
        ("layers.1.weight", np.full((4, 4, 3, 9), -(2**15), np.int16), "weight must be within"),
        ("layers.1.shift", np.full(3, 1e30, np.float32), "shift must be finite and within"),
        ("layers.2.scale", np.ones(3, np.float32), "'layers.2.scale' belongs to no layer"),
        ("layers.1.scale", None, "'layers.1.scale' is missing"),
    ],
)
def test_wrong_tensors(name: str, array: np.ndarray[Any, Any] | None, message: str) -> None:
    arrays = tensors()
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array
    with pytest.raises(errors.TensorError, match=message):
        artifact.decode(artifact.encode(arrays, MANIFEST))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["layers.0.scale", "layers.1.shift"])
def test_not_finite(name: str, value: float) -> None:
    arrays = tensors()
    arrays[name][1] = value
    with pytest.raises(errors.NonFiniteError, match=f"'{name}' holds NaN or infinity"):
        artifact.decode(artifact.encode(arrays, MANIFEST))


def test_nothing_is_written_that_could_not_be_read(tmp_path: Path) -> None:
    wrong = json.loads(json.dumps(MANIFEST))
    wrong["layers"][1]["padding"] = 2
    for manifest, message in (
        ({**MANIFEST, "layers": wrong["layers"]}, "layer 1 of the manifest is .*the spec's is"),
        ({**MANIFEST, "layers": MANIFEST["layers"][:1]}, "belongs to no layer"),
        ({**MANIFEST, "swd": {"mean": float("nan")}}, "only finite numbers"),
        ({**MANIFEST, "variant": "\ud800"}, "only finite numbers, text"),
    ):
        with pytest.raises(errors.ArtifactError, match=message):
            artifact.write(tmp_path / "a", SPEC, manifest)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    artifact.write(path, SPEC, MANIFEST)

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        artifact.write(path, SPEC, {**MANIFEST, "variant": "full"})
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == GOOD


def test_paths_that_are_no_artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.UnknownModelError, match=r"^absent: there is no such file"):
        artifact.read(tmp_path / "absent")
    with pytest.raises(errors.UnreadableError, match="this is no file"):
        artifact.read(tmp_path)
    (tmp_path / "a").write_bytes(GOOD)
    monkeypatch.setattr(folder, "LARGEST_FILE", 100)
    with pytest.raises(errors.UnreadableError, match=f"a: {len(GOOD)} bytes; at most 100 would"):
        artifact.read(tmp_path / "a")


def test_an_error_names_the_file_and_no_path(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(GOOD[:-1])
    with pytest.raises(errors.TruncatedError) as caught:
        artifact.read(tmp_path / "a")
    assert str(caught.value).startswith("a: ")
    assert caught.value.artifact == "a"
    assert str(tmp_path) not in str(caught.value)
