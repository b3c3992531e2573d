"""What `service.parsing` makes of a body that is not as its head announces it."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import Request

from service.errors import Malformed
from service.exchange import open_exchange
from service.parsing import parse_optional_body
from service.schemas.requests import GenerateBody


def parsed(*headers: tuple[bytes, bytes]) -> GenerateBody | None:
    """What an empty body that is announced like this is read as."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "headers": list(headers), "client": None}
    open_exchange(scope)
    return asyncio.run(parse_optional_body(Request(scope, receive), GenerateBody))


@pytest.mark.parametrize("length", [b"2", b"0042", b"1" * 500])
def test_a_body_that_was_announced_and_lost_is_no_absent_one(length: bytes) -> None:
    with pytest.raises(Malformed, match=r"The body must have \d{1,80}…? bytes, as announced"):
        parsed((b"content-length", length))


@pytest.mark.parametrize(
    "header", [(b"content-length", b"0"), (b"content-length", b"000"), (b"transfer-encoding", b"x")]
)
def test_an_empty_body_is_none(header: tuple[bytes, bytes]) -> None:
    assert parsed(header) is None
    assert parsed() is None
