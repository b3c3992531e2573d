"""What votes say: intervals and ratings against known values and simulated voters."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from service.arena import (
    Pairing,
    draw_pair,
    pair_up,
    rate,
    ratings,
    standings,
    wilson,
    win_matrix,
)
from service.state.interface import Choice


def test_wilson_is_the_published_interval() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
    for wins, count, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        estimate = wilson(wins, count)
        assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5e-5)
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


def test_both_orders_of_a_pair_are_one_pairing() -> None:
    pairings = pair_up(
        {
            ("partial", "float", "left"): 3,
            ("float", "partial", "left"): 5,
            ("float", "partial", "right"): 1,
            ("partial", "float", "tie"): 2,
            ("float", "partial", "both_bad"): 4,
        }
    )
    assert pairings == [Pairing("float", "partial", wins_a=5, wins_b=4, ties=2, both_bad=4)]
    assert pairings[0].win_rate_a.value == pytest.approx(6 / 11)


def test_ratings_find_the_strengths_that_votes_were_drawn_from() -> None:
    names, strengths = ["float", "full", "partial"], np.array([1050.0, 850.0, 1100.0])
    pairings = []
    for a, b in ((0, 1), (0, 2), (1, 2)):
        odds = 10 ** ((strengths[a] - strengths[b]) / 400)
        wins = round(10_000 * odds / (1 + odds))
        pairings.append(Pairing(names[a], names[b], wins, 10_000 - wins))
    rated = rate(pairings)
    assert list(rated) == ["partial", "float", "full"]
    for name, strength in zip(names, strengths, strict=True):
        assert rated[name].value == pytest.approx(strength, abs=1)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    share = 10 ** (100 / 400) / (1 + 10 ** (100 / 400))  # 100 points apart
    held = 0
    for _ in range(60):
        wins = int(rng.binomial(200, share))
        rating = rate([Pairing("a", "b", wins, 200 - wins)])["a"]
        held += rating.low <= 1050 <= rating.high
    assert held >= 50


def test_one_sided_votes_have_finite_ratings_and_ties_are_even() -> None:
    rated = rate([Pairing("a", "b", wins_a=10)])
    assert list(rated) == ["a", "b"]  # best first
    assert 1000 < rated["a"].value < 1500
    once = rate([Pairing("a", "b", wins_a=1)])["a"]
    assert once.low < 1000 < once.value <= once.high  # one vote shows next to nothing
    even = rate([Pairing("a", "b", ties=10)])
    assert even["a"].value == pytest.approx(1000)
    assert standings({}).ratings == {}


def test_who_was_not_decided_on_has_no_rating() -> None:
    bad = standings({("a", "b", "both_bad"): 5})
    assert bad.votes == bad.pairings[0].both_bad == 5
    assert bad.ratings == {}
    decided = {("a", "b", "left"): 3, ("b", "a", "left"): 2}
    beside = standings({**decided, ("a", "c", "both_bad"): 5, ("b", "a", "both_bad"): 1})
    assert beside.ratings == standings(decided).ratings


@pytest.mark.parametrize("votes", [10, 1000, 1_000_000])
@pytest.mark.parametrize("names", ["ab", "abc", "abcde"])
def test_ratings_are_the_likeliest_however_one_sided(votes: int, names: str) -> None:
    """At the likelihood's maximum each variant wins as often as its rating lets expect."""
    chain = [Pairing(a, b, votes) for a, b in pairwise(names)]
    wins = win_matrix(names, chain, [np.array([[votes, 0, 0]])] * len(chain))
    rated = ratings(wins)
    odds = 10 ** ((rated[:, :, None] - rated[:, None, :]) / 400)
    expected = (wins + wins.swapaxes(1, 2)) * odds / (1 + odds)
    assert expected.sum(axis=2) == pytest.approx(wins.sum(axis=2), rel=1e-9)
    assert rated.mean() == pytest.approx(1000)


def test_a_board_without_a_new_vote_is_not_rated_again() -> None:
    tallies: dict[tuple[str, str, Choice], int] = {("a", "b", "left"): 3, ("b", "a", "tie"): 2}
    first = standings(tallies)
    assert standings(dict(reversed(tallies.items()))) is first
    tallies["a", "b", "left"] += 1
    assert standings(tallies).pairings[0].wins_a == 4


def test_pairs_are_drawn_in_every_order() -> None:
    drawn = Counter(draw_pair(["a", "b", "c"]) for _ in range(600))
    assert len(drawn) == 6
    assert min(drawn.values()) > 50
