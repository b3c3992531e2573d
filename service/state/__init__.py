"""What outlives a request: votes, cached images, rate limits, active versions.

One interface, two homes: `embedded` (this process and its data directory) and `shared` (Redis, so
that replicas agree).
"""

from service.state.interface import State, StateUnavailableError, Tallies, Vote

__all__ = ["State", "StateUnavailableError", "Tallies", "Vote"]
