"""What the service asks of its state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

RECHECK_S = 2.0  # between looks at the active versions when nothing is announced
Choice = Literal["left", "right", "tie", "both_bad"]
Tallies: TypeAlias = Mapping[tuple[str, str, Choice], int]  # left variant, right variant, choice


class StateUnavailableError(Exception):
    """The state cannot be reached, and going on without it would lose something."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One vote of the arena; variants are named, and the exact models kept beside them."""

    token_id: str
    expires_at: float  # of the token, Unix seconds: nothing can be voted with it after that
    left: str
    right: str
    left_model: str
    right_model: str
    seed: int
    choice: Choice


class State(ABC):
    """Methods that only make things faster or fairer never fail; the others raise
    StateUnavailableError."""

    @property
    @abstractmethod
    def is_left_alone(self) -> bool:
        """Whether it is asked only for what cannot be done without it for a moment, after
        failures."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def cached(self, key: str) -> bytes | None:
        """A cached image; None if there is none, or none can be had now."""

    @abstractmethod
    async def cache(self, key: str, image: bytes) -> None:
        """Keeps an image for a while, if that can be done now; the oldest make room."""

    @abstractmethod
    async def charge(self, client: str, images: int) -> float:
        """Charges a client's allowance; 0 if it may go on, else the seconds until it may.

        A client pays afterwards: one that owes no more than the burst may ask for any number, and
        then waits until it is paid.
        """

    @abstractmethod
    async def cast(self, vote: Vote) -> bool:
        """Keeps a vote for good; False if its token was used before."""

    @abstractmethod
    async def tallies(self) -> Tallies:
        """How often each choice was made for each ordered pair of variants."""

    @abstractmethod
    async def active(self) -> Mapping[str, str]:
        """The versions that were swapped in: variant → "name@version"."""

    @abstractmethod
    async def activate(self, variant: str, label: str) -> None:
        """Keeps a swap, and announces it to all who share this state."""

    @abstractmethod
    async def changed(self) -> bool:
        """Waits until a swap is announced, or for RECHECK_S, so that a lost announcement does no
        harm; whether one was."""
