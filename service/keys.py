"""API keys: hashed at rest, compared in constant time, each with the scopes it opens.

A key is 32 random bytes, so one round of SHA-256 keeps it as well as a slow hash would.
`python -m service.keys` makes one.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from service.errors import Forbidden, Unauthorized

Scope = Literal["generate", "vote", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
OpenScope = Literal["generate", "vote"]  # may need no key


class Key(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern="^[A-Za-z0-9._-]{1,64}$")]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]


class KeyRing:
    """The keys of a service. A scope in `open_scopes` needs none."""

    def __init__(self, keys: Sequence[Key], open_scopes: frozenset[OpenScope]) -> None:
        self._keys = tuple(keys)
        self._open: frozenset[Scope] = open_scopes

    def is_open(self, scope: Scope) -> bool:
        """Whether a scope needs no key."""
        return scope in self._open

    def authorize(self, authorization: str, scope: Scope) -> str | None:
        """The name of the key in an Authorization header; None if none was given nor is needed.

        Raises Unauthorized for a wrong or missing key, Forbidden for one without the scope.
        """
        if not authorization:
            if scope in self._open:
                return None
            if not any(scope in key.scopes for key in self._keys):
                raise Forbidden(f"This needs a key with the scope {scope}; none is set up here.")
            raise Unauthorized(f"This needs a key with the scope {scope}.")
        kind, _, sent = authorization.partition(" ")
        digest = hash_key(sent.strip()) if kind.lower() == "bearer" else ""
        # Every key is compared, so that the time tells nothing of which one matched.
        found = [key for key in self._keys if hmac.compare_digest(key.sha256, digest)]
        if not found:
            raise Unauthorized("The key is not known.")
        if scope not in found[0].scopes and scope not in self._open:
            raise Forbidden(f"The key {found[0].name} lacks the scope {scope}.")
        return found[0].name


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes a key: prints it once; the entry for PBGEN_API_KEYS, which knows only its hash; and
    the setting whole, for a service with no other key."""
    parser = argparse.ArgumentParser(prog="python -m service.keys", description=main.__doc__)
    parser.add_argument("name", help="who uses the key; shows in logs and limits")
    parser.add_argument("scopes", nargs="+", choices=SCOPES, help="what it opens")
    options = parser.parse_args(arguments)
    key = f"pbgen_{secrets.token_urlsafe(32)}"
    entry = Key(name=options.name, sha256=hash_key(key), scopes=frozenset(options.scopes))
    print(f"key    {key}")
    told = json.dumps(entry.model_dump(mode="json"))
    print(f"entry  {told}")
    print(f"PBGEN_API_KEYS='[{told}]'")


if __name__ == "__main__":
    main()
