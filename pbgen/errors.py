"""What the service refuses, as one exception."""

from __future__ import annotations

import json
from collections.abc import Mapping


class ServiceError(Exception):
    """A problem that the service told (RFC 9457).

    status         the HTTP status
    title, detail  the kind of problem, and this one, in words
    retry_after_s  seconds after which asking again makes sense; None: it does not
    """

    def __init__(self, status: int, title: str, detail: str, retry_after_s: float | None) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.retry_after_s = retry_after_s

    @classmethod
    def of_answer(
        cls, status: int, reason: str, headers: Mapping[str, str], body: bytes
    ) -> ServiceError:
        """The problem in an answer; a balancer's page, which holds none, keeps its status."""
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            told = {}
        wait = headers.get("retry-after", "")
        return cls(
            status,
            str(told.get("title", reason)),
            str(told.get("detail", "")),
            float(wait) if wait.isdecimal() else None,
        )
