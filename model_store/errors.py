"""What can be wrong with an artifact, one class a cause.

A message says what was wrong, with which value, and what would be right. It holds no path and no
library's text, so that a service may pass it on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class ArtifactError(Exception):
    """An artifact that cannot be used; `str()` is "<artifact>: <problem>" once that is known."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.artifact: str | None = None  # "partial@2" or a file's name; set by whoever opened it

    def __str__(self) -> str:
        return self.problem if self.artifact is None else f"{self.artifact}: {self.problem}"


@contextlib.contextmanager
def about(artifact: str) -> Iterator[None]:
    """Errors raised inside say which artifact they are about."""
    try:
        yield
    except ArtifactError as error:
        error.artifact = artifact
        raise


class UnknownModelError(ArtifactError):
    """No such name, version or file."""


class UnreadableError(ArtifactError):
    """Not a file, refused by the operating system or network, or larger than any artifact."""


class VersionInUseError(ArtifactError):
    """A version that an alias points to cannot be removed."""


class ReadOnlyStoreError(ArtifactError):
    """A store that cannot be written."""


class TruncatedError(ArtifactError):
    """The file ends before what its header announces."""


class TrailingDataError(ArtifactError):
    """The file goes on after what its header announces."""


class OversizedHeaderError(ArtifactError):
    """The header's announced length is beyond the bound."""


class MalformedHeaderError(ArtifactError):
    """The header is not what safetensors asks for."""


class FutureFormatError(ArtifactError):
    """The artifact was written by a newer PBGen."""


class ManifestError(ArtifactError):
    """The manifest is missing, incomplete or contradicts the arrays."""


class DigestError(ArtifactError):
    """The content is not what was written: its digest is another one."""


class TensorError(ArtifactError):
    """A tensor is missing, superfluous, or breaks the contract of `kernels.spec`: dtype, shape,
    bounds, layers that do not chain."""


class NonFiniteError(ArtifactError):
    """A tensor holds NaN or infinity."""
