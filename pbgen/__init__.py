"""PBGen from Python and from a shell: a client of the service, and the command `pbgen`.

    from pbgen import Client

    with Client("http://127.0.0.1:8000") as client:
        images = client.generate(seed=50, count=4)  # u8 [4, 64, 64, 3]

The client needs httpx: the extra `client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pbgen.client import AsyncClient, Client
    from pbgen.errors import ServiceError

__all__ = ["AsyncClient", "Client", "ServiceError"]


def __getattr__(name: str) -> Any:
    """The clients, imported when asked for: the command starts without httpx."""
    if name in ("AsyncClient", "Client"):
        from pbgen import client

        return getattr(client, name)
    if name == "ServiceError":
        from pbgen.errors import ServiceError

        return ServiceError
    raise AttributeError(f"module 'pbgen' has no attribute {name!r}")
