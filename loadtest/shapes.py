"""LOAD_SHAPE=steps|spike|soak with LOAD_USERS and LOAD_DURATION_S: users that come and go.

Without LOAD_SHAPE Locust's own number of users holds, from its page or --users.
"""

from __future__ import annotations

from locust import LoadTestShape

from loadtest._client import SETTINGS
from loadtest._stages import users_at

if SETTINGS.shape is not None:

    class Shape(LoadTestShape):
        """The chosen shape."""

        def tick(self) -> tuple[int, float] | None:
            assert SETTINGS.shape is not None
            users = users_at(
                SETTINGS.shape, SETTINGS.users, SETTINGS.duration_s, self.get_run_time()
            )
            return None if users is None else (users, float(SETTINGS.users))
