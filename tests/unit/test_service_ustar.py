"""Members of a tar, as tarfile makes and reads them."""

from __future__ import annotations

import io
import re
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ustar import END, member

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=100)


@given(NAMES, st.binary(max_size=2000))
def test_a_member_is_what_tarfile_makes(name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    whole = info.tobuf(tarfile.USTAR_FORMAT) + content
    made = member(name, content)
    assert made == whole + bytes(-len(whole) % tarfile.BLOCKSIZE)


def test_tarfile_reads_members() -> None:
    contents = {f"{i:08d}.npy": bytes([i]) * (500 + i) for i in range(30)}
    archive = b"".join(member(name, content) for name, content in contents.items()) + END
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        read = {each.name: tar.extractfile(each).read() for each in tar}  # type: ignore[union-attr]
    assert read == contents


def test_a_name_that_does_not_fit_is_an_error() -> None:
    assert member("a" * 100, b"")[:101] == b"a" * 100 + b"0"
    with pytest.raises(ValueError, match=re.escape(f"at most 100 bytes, not '{'a' * 101}'")):
        member("a" * 101, b"")
