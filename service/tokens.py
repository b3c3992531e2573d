"""Opaque, signed, expiring tokens (Fernet: AES and HMAC; https://github.com/fernet/spec)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.fernet import Fernet, InvalidToken


class Sealer:
    """Seals data into tokens that nobody without the secret can read or make.

    Without a secret one is drawn: tokens then end with this process, and no other one takes them.
    """

    def __init__(self, secret: str | None) -> None:
        key = hashlib.sha256((secret or secrets.token_hex()).encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def seal(self, data: dict[str, Any]) -> str:
        return self._fernet.encrypt(json.dumps(data).encode()).decode()

    def unseal(self, token: str, ttl_s: int) -> dict[str, Any] | None:
        """What was sealed, at most `ttl_s` seconds ago; None for any other token."""
        try:
            data: dict[str, Any] = json.loads(self._fernet.decrypt(token.encode(), ttl_s))
        except InvalidToken:
            return None
        return data
