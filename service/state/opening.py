"""Settings → the state that they ask for."""

from __future__ import annotations

from service.settings import Settings
from service.state.embedded import EmbeddedState
from service.state.interface import State
from service.state.memory import Allowance


def open_state(settings: Settings) -> State:
    """Redis's if it has an address, else this process's.

    Raises StateUnavailableError for a data directory that cannot be used; Redis may be away.
    """
    allowance = (
        None
        if settings.rate_limit is None
        else Allowance(rate=settings.rate_limit, burst=settings.rate_burst)
    )
    if settings.redis_url is None:
        return EmbeddedState(settings.data, settings.cache_bytes, allowance)
    from service.state.shared import RedisState  # 50 ms and 6 MB that a lone process saves

    return RedisState(settings.redis_url, settings.redis_timeout_s, settings.cache_bytes, allowance)
