"""Whatever happens to a file, reading gives a verified equal artifact or an ArtifactError."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from kernels.spec import GeneratorSpec
from model_store import artifact
from model_store.errors import ArtifactError
from model_store.manifest import Manifest
from tests import factories

SPEC = factories.generator("partial", widths=(9, 3), latent_dim=5)
TENSORS = artifact.tensors(SPEC)
GOOD = artifact.encode(TENSORS, factories.manifest(SPEC))
HEADER_BYTES = int.from_bytes(GOOD[:8], "little")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**4000), 2**63, 1e308, "", "F32", "I16", "\ud800"]),
    st.floats(),
    st.text(max_size=5),
)
KEYS = st.text(max_size=3) | st.sampled_from(["\ud800", "mean", "pbgen"])
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


def read(file: bytes) -> tuple[Manifest, GeneratorSpec] | None:
    """What the file holds; None if it was refused with a message that can be printed and sent."""
    try:
        return artifact.decode(file)
    except ArtifactError as error:
        message = str(error).encode()
    assert 0 < len(message) < 500
    return None


def check_read(file: bytes) -> None:
    """Refused, or what was written."""
    content = read(file)
    if content is None:
        return
    manifest, spec = content
    assert manifest == artifact.decode(GOOD)[0]
    for layer, written in zip(spec.layers, SPEC.layers, strict=True):
        assert layer.geometry == written.geometry
        for part in artifact.PARTS:
            np.testing.assert_array_equal(getattr(layer, part), getattr(written, part))


@given(st.integers(0, len(GOOD) - 1))
def test_truncations(length: int) -> None:
    check_read(GOOD[:length])


@given(
    st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(1, 255)), min_size=1, max_size=8)
)
def test_byte_flips_anywhere(flips: list[tuple[int, int]]) -> None:
    file = bytearray(GOOD)
    for position, mask in flips:
        file[position] ^= mask
    check_read(bytes(file))


@given(
    st.lists(
        st.tuples(st.integers(0, HEADER_BYTES + 7), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_bytes_of_the_header(changes: list[tuple[int, int]]) -> None:
    file = bytearray(GOOD)
    for position, value in changes:
        file[position] = value
    check_read(bytes(file))


@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)), st.binary(max_size=40))
def test_splices(begin: int, end: int, inserted: bytes) -> None:
    check_read(GOOD[:begin] + inserted + GOOD[end:])


@given(st.binary(max_size=300))
def test_noise(file: bytes) -> None:
    check_read(file)
    check_read(len(file).to_bytes(8, "little") + file)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value inside a JSON value, its own first."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


HEADER: dict[str, Any] = json.loads(GOOD[8 : 8 + HEADER_BYTES])
MANIFEST: dict[str, Any] = json.loads(HEADER["__metadata__"]["pbgen"])


@given(st.sampled_from(places(HEADER)), JSON)
@example(("__metadata__", "pbgen"), "\ud800")
def test_any_value_of_the_header(place: tuple[Any, ...], new: object) -> None:
    """Well-formed JSON, hostile values: byte flips hardly ever get this far."""
    text = json.dumps(replaced(HEADER, place, new)).encode()
    check_read(len(text).to_bytes(8, "little") + text + GOOD[8 + HEADER_BYTES :])


@given(st.sampled_from(places(MANIFEST)), JSON)
def test_any_value_of_the_manifest(place: tuple[Any, ...], new: object) -> None:
    """With the right digest where there can be one, so that what lies behind it is reached too."""
    manifest = replaced(MANIFEST, place, new)
    if isinstance(manifest, dict):
        with contextlib.suppress(ArtifactError):
            manifest = {**manifest, "digest": artifact.digest(manifest, TENSORS)}
    header = replaced(HEADER, ("__metadata__", "pbgen"), json.dumps(manifest))
    text = json.dumps(header).encode()
    content = read(len(text).to_bytes(8, "little") + text + GOOD[8 + HEADER_BYTES :])
    if content is None:
        return
    found, spec = content
    assert found == manifest  # a harmless change, such as another seed
    assert [layer.precision.value for layer in spec.layers] == [
        row["precision"] for row in found["layers"]
    ]
