"""What every user shares: seeds, the key, and one request that is looked at before it counts."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable
from typing import Any

from locust import FastHttpUser, TaskSet, tag

from loadtest._settings import load_settings

try:
    SETTINGS = load_settings()
except ValueError as error:  # locust imports us, and would print a traceback
    sys.exit(f"error: {error}")
LARGEST_SEED = 2**64 - 1
PNG = b"\x89PNG\r\n\x1a\n"

Task = TaskSet | Callable[..., Any]  # as Locust has it


class Client(FastHttpUser):
    """A user of the service, to whom a refusal (429, 503) is a failure."""

    abstract = True
    network_timeout = 60.0
    connection_timeout = 10.0
    default_headers = {"Authorization": f"Bearer {SETTINGS.key}"} if SETTINGS.key else {}

    def ask(
        self,
        path: str,
        name: str,
        check: Callable[[Any], str | None],
        *,
        method: str = "POST",
        **options: Any,
    ) -> Any:
        """`check` says what is wrong with an answer of 2xx, or None. Returns the answer."""
        with self.client.request(method, path, name=name, catch_response=True, **options) as answer:
            status = answer.status_code
            if wrong := check(answer) if status in (200, 201) else f"status {status}":
                answer.failure(wrong)
                answer.request_meta["response_time"] = None  # a quick refusal is no quick answer
            return answer


def seed() -> int:
    """A seed that no cache has seen."""
    return random.randint(0, LARGEST_SEED - 2**32)


def by_variant(kind: str, do: Callable[[Client, str], None]) -> list[Task]:
    """Locust tasks for each variant, as often as its weight says; tagged with variant and kind."""

    def task(variant: str) -> Task:
        def run(user: Client) -> None:
            do(user, variant)

        run.__name__ = f"{kind}_{variant}"
        return tag(kind, variant)(run)

    return [
        each for variant, weight in SETTINGS.weights.items() for each in [task(variant)] * weight
    ]


def name(kind: str, variant: str) -> str:
    """What Locust's tables call a request; the summary reads the variant from it."""
    return f"{kind} [{variant}]"


def variant_of(name: str) -> str | None:
    """The variant in such a name; None for a request that is no variant's own."""
    found = re.search(r" \[(\w+)\]$", name)
    return found[1] if found else None
