"""Sealed tokens: what opens them, and what does not."""

from __future__ import annotations

from service.tokens import Sealer


def test_a_token_opens_only_unchanged_in_time_and_with_the_secret() -> None:
    sealer = Sealer("a secret of sixteen")
    token = sealer.seal({"left": "float"})
    assert Sealer("a secret of sixteen").unseal(token, 60) == {"left": "float"}
    assert "float" not in token
    assert Sealer("another secret of it").unseal(token, 60) is None
    assert Sealer(None).unseal(token, 60) is None
    assert sealer.unseal(token, -1) is None
    other = token[:20] + ("B" if token[20] == "A" else "A") + token[21:]
    for wrong in ("", "no token", token[:-2], other, "Ω" * 100):
        assert sealer.unseal(wrong, 60) is None
