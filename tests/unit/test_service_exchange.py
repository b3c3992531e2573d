"""A request's exchange: who asks."""

from __future__ import annotations

import pytest

from service.exchange import open_exchange


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("192.0.2.7:4711", "192.0.2.7:4711"),
    ],
)
def test_a_network_of_ipv6_is_one_client(host: str, client: str) -> None:
    opened = open_exchange({"headers": [], "client": (host, 4711)})
    assert opened.client == f"address:{client}"
