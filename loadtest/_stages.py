"""How many users there are as a load shape goes on."""

from __future__ import annotations

STEPS = 5
SPIKE_BASE = 0.1  # of all users, outside the spike
SPIKE = (0.4, 0.6)  # of the duration
RAMP = 0.1  # of the duration; a soak's beginning


def users_at(shape: str, users: int, duration_s: float, elapsed_s: float) -> int | None:
    """Users of a shape at a moment, at least 1; None when it is over.

    steps: a fifth of the users more in each fifth of the time.
    spike: a tenth of them, but all in the middle fifth.
    soak: all of them after a ramp over a tenth of the time.
    """
    progress = elapsed_s / duration_s
    if progress >= 1:
        return None
    if shape == "steps":
        share = (int(progress * STEPS) + 1) / STEPS
    elif shape == "spike":
        share = 1.0 if SPIKE[0] <= progress < SPIKE[1] else SPIKE_BASE
    else:
        share = min(1.0, progress / RAMP)
    return max(1, round(users * share))
