"""Answers about the service itself."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """Whether the service is alive, or ready."""

    status: Literal["alive", "ready"]
