"""The head of a file: every contradiction in it has its own error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from model_store import artifact, errors
from model_store.header import LARGEST_HEADER
from tests import factories

SPEC = factories.generator("partial", widths=(9, 3), latent_dim=5)
GOOD = artifact.encode(artifact.tensors(SPEC), factories.manifest(SPEC))


def split(file: bytes) -> tuple[dict[str, Any], bytes]:
    """The header's JSON and the tensors' bytes."""
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def join(header: object, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def test_an_unaligned_file_of_another_writer_is_read() -> None:
    header, data = split(GOOD)
    text = json.dumps(header).encode()
    text += b" " * (1 - len(text) % 2)  # tensors begin at an odd byte
    _, spec = artifact.decode(join(text, data))
    written, read = artifact.tensors(SPEC), artifact.tensors(spec)
    assert read.keys() == written.keys()
    for name, array in read.items():
        assert array.flags.aligned
        np.testing.assert_array_equal(array, written[name], strict=True)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100, len(GOOD) - 1])
def test_truncated(length: int) -> None:
    with pytest.raises(errors.TruncatedError, match=f"^{length} bytes; "):
        artifact.decode(GOOD[:length])


def test_trailing_data() -> None:
    with pytest.raises(errors.TrailingDataError, match=f"announces only {len(GOOD)}"):
        artifact.decode(GOOD + b"x")


@pytest.mark.parametrize("length", [LARGEST_HEADER + 1, 2**63, 2**64 - 1])
def test_oversized_header(length: int) -> None:
    with pytest.raises(
        errors.OversizedHeaderError, match=f"{length} bytes.* at most {LARGEST_HEADER}"
    ):
        artifact.decode(length.to_bytes(8, "little") + GOOD[8:])


@pytest.mark.parametrize(
    "header",
    [
        b"{",
        b"[]",
        b"\xff\xfe{}",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
    ],
    ids=["cut", "list", "no UTF-8", "deep", "long number", "duplicate"],
)
def test_malformed_header(header: bytes) -> None:
    with pytest.raises(errors.MalformedHeaderError, match="the file is damaged"):
        artifact.decode(join(header, b""))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"shape": [10]}, errors.MalformedHeaderError, r"36 bytes; its shape \[10\] needs 40"),
        ({"shape": [-9]}, errors.MalformedHeaderError, "impossible shape"),
        ({"shape": [9.0]}, errors.MalformedHeaderError, "impossible shape"),
        ({"shape": [True] * 3}, errors.MalformedHeaderError, "impossible shape"),
        ({"shape": [10**4000]}, errors.MalformedHeaderError, "impossible shape"),
        ({"shape": [9, 0]}, errors.MalformedHeaderError, "impossible shape"),
        ({"shape": "9"}, errors.MalformedHeaderError, "lacks dtype, shape"),
        ({"data_offsets": [0]}, errors.MalformedHeaderError, "lacks dtype, shape or data_offsets"),
        ({"data_offsets": [4, 40]}, errors.MalformedHeaderError, "a tensor begins at byte"),
        ({"dtype": "BF16"}, errors.TensorError, "'BF16'; U8, I16, F32 would be right"),
    ],
)
def test_contradictions_in_the_header(
    change: dict[str, Any], error: type[errors.ArtifactError], message: str
) -> None:
    header, data = split(GOOD)
    header["layers.0.scale"] |= change
    with pytest.raises(error, match=message):
        artifact.decode(join(header, data))


@pytest.mark.parametrize("metadata", [None, [], {}, {"pbgen": 1}, {"other": "{}"}])
def test_no_manifest(metadata: object) -> None:
    header, data = split(GOOD)
    header["__metadata__"] = metadata
    with pytest.raises(errors.ManifestError, match="not a PBGen artifact"):
        artifact.decode(join(header, data))
