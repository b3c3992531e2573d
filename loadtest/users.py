"""Who asks: people who want one face, a grid, a known picture, a comparison, a vote, a stream.

Tags: the variants (float, full, partial) and the kinds (face, grid, image, compare, vote, stream),
as in `locust -f loadtest/ --tags partial` or `--exclude-tags stream`.
"""

from __future__ import annotations

import random
from typing import Any

from locust import between, constant, events, tag, task
from locust.env import Environment

from loadtest._client import PNG, Client, by_variant, name, seed

GRID_COUNTS = (4, 16, 64)
STREAM_COUNT = 200
KNOWN_SEEDS = 1000  # of pictures that pages show again and again
CHOICES = ("left", "right", "tie", "both_bad")


def check_png(answer: Any) -> str | None:
    return None if answer.content.startswith(PNG) else "not a PNG"


def face(user: Client, variant: str) -> None:
    path = f"/generate?variant={variant}&seed={seed()}"
    user.ask(path, name("face", variant), check_png)


def grid(user: Client, variant: str) -> None:
    count = random.choice(GRID_COUNTS)
    path = f"/generate?variant={variant}&seed={seed()}&count={count}"
    user.ask(path, name(f"grid of {count}", variant), check_png)


def image(user: Client, variant: str) -> None:
    """A picture that others have seen; the lower its seed, the more of them."""
    known = int(KNOWN_SEEDS * random.random() ** 3)
    path = f"/images/{variant}/{known}.png"
    user.ask(path, name("image", variant), check_png, method="GET")


def stream(user: Client, variant: str) -> None:
    """The time of a stream is to its last byte; a tar whose manifest is missing broke off."""

    def check(answer: Any) -> str | None:
        images = answer.content.count(b".png\0")
        if b"manifest.json" not in answer.content or images < STREAM_COUNT:
            return f"the stream broke off: {images} of {STREAM_COUNT} images"
        return None

    path = f"/generate/stream?variant={variant}&seed={seed()}&count={STREAM_COUNT}"
    user.ask(path, name(f"stream of {STREAM_COUNT}", variant), check)


class LoneFace(Client):
    """One face after the other, without a pause: the load that a throughput is measured with."""

    weight = 10
    wait_time = constant(0)
    tasks = by_variant("face", face)


class Grids(Client):
    weight = 2
    wait_time = between(0.2, 1)
    tasks = by_variant("grid", grid)


class Viewer(Client):
    """Opens pages with well-known faces, which the cache may hold."""

    weight = 2
    wait_time = between(0.1, 0.5)
    tasks = by_variant("image", image)


class Streamer(Client):
    weight = 1
    wait_time = between(1, 3)
    tasks = by_variant("stream", stream)


class Comparer(Client):
    """Looks at float beside partial."""

    weight = 1
    wait_time = between(0.5, 2)

    @tag("compare", "float", "partial")
    @task
    def compare(self) -> None:
        def check(answer: Any) -> str | None:
            told = answer.json()
            return None if len(told["variants"]) == 2 else "not two variants"

        self.ask(f"/compare?a=float&b=partial&count=8&seed={seed()}", "compare", check)


class Voter(Client):
    """Sees a blind pair, thinks, votes."""

    weight = 2
    wait_time = between(0.5, 2)

    @tag("vote")
    @task
    def vote(self) -> None:
        def check_pair(answer: Any) -> str | None:
            return None if answer.json()["left"] != answer.json()["right"] else "twice the same"

        def check_vote(answer: Any) -> str | None:
            told = answer.json()
            return None if told["left"] != told["right"] else "not revealed"

        pair = self.ask("/arena/pairs", "pair", check_pair)
        if pair.status_code == 200:
            cast = {"token": pair.json()["token"], "choice": random.choice(CHOICES)}
            self.ask("/arena/votes", "vote", check_vote, json=cast)


@events.init.add_listener
def leave_out_idle_users(environment: Environment, **_: object) -> None:
    """Takes away the kinds of users that the tags leave without a task: Locust would stop there."""
    options = environment.parsed_options
    wanted = set(getattr(options, "tags", None) or ())
    unwanted = set(getattr(options, "exclude_tags", None) or ())

    def stays(each: object) -> bool:
        tags: set[str] = getattr(each, "locust_tag_set", set())
        return (not wanted or bool(tags & wanted)) and not tags & unwanted

    environment.user_classes = [
        user for user in environment.user_classes if any(stays(each) for each in user.tasks)
    ]
