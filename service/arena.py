"""Blind votes between variants: pairs, and what the votes say of each variant's strength.

Ratings are Bradley–Terry strengths, a tie counting as half a win for each side, on Elo's scale
(400 points for odds of ten to one) around 1000. "Both bad" says nothing about which is better, so
it counts for no rating; it is told beside them. A variant without any other vote has none.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from service.state.interface import Choice, Tallies

Z95 = 1.959963984540054  # the normal distribution's 97.5th percentile
BOOTSTRAPS = 300
PRIOR_TIES = 1.0  # of each pair: keeps strengths finite while one side has all the wins
SETTLED = 1e-6  # of a strength's logarithm: 0.0002 points; what is left then is its square
ROUNDS = 200  # at most; a million votes of each pair, all for one side, take three variants 47

Matrix = NDArray[np.float64]
Counts = NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass
class Pairing:
    """What the votes say of two variants."""

    a: str
    b: str
    wins_a: int = 0
    wins_b: int = 0
    ties: int = 0
    both_bad: int = 0

    @property
    def decided(self) -> int:
        return self.wins_a + self.wins_b + self.ties

    @property
    def win_rate_a(self) -> Estimate:
        """How often `a` is preferred, a tie being half."""
        return wilson(self.wins_a + self.ties / 2, self.decided)


@dataclass(frozen=True)
class Standings:
    """The arena's results."""

    votes: int
    pairings: list[Pairing]
    ratings: dict[str, Estimate] = field(default_factory=dict)  # best first


def draw_pair(variants: Sequence[str]) -> tuple[str, str]:
    """Two different variants in random order."""
    left, right = secrets.SystemRandom().sample(list(variants), 2)
    return left, right


def standings(tallies: Tallies) -> Standings:
    """Win rates with Wilson intervals, ratings with bootstrap intervals."""
    return _standings(frozenset(tallies.items()))


@lru_cache(maxsize=1)  # until the next vote
def _standings(tallies: frozenset[tuple[tuple[str, str, Choice], int]]) -> Standings:
    pairings = pair_up(dict(tallies))
    return Standings(sum(count for _, count in tallies), pairings, rate(pairings))


def pair_up(tallies: Tallies) -> list[Pairing]:
    """The tallies of both orders of each pair together, in the order of names."""
    found: dict[tuple[str, str], Pairing] = {}
    for (left, right, choice), count in tallies.items():
        a, b = sorted((left, right))
        pairing = found.setdefault((a, b), Pairing(a, b))
        match choice:
            case "tie":
                pairing.ties += count
            case "both_bad":
                pairing.both_bad += count
            case _:
                if (left if choice == "left" else right) == a:
                    pairing.wins_a += count
                else:
                    pairing.wins_b += count
    return [found[names] for names in sorted(found)]


def wilson(wins: float, count: int) -> Estimate:
    """A proportion with Wilson's score interval (1927); of nothing: anything from 0 to 1."""
    if count == 0:
        return Estimate(0.5, 0.0, 1.0)
    share, z2 = wins / count, Z95**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = Z95 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return Estimate(share, max(0.0, middle - reach), min(1.0, middle + reach))


def rate(pairings: Sequence[Pairing]) -> dict[str, Estimate]:
    """Ratings of all who were decided on, best first; intervals are the bootstrap's 95 %."""
    pairings = [each for each in pairings if each.decided]
    names = sorted({name for pairing in pairings for name in (pairing.a, pairing.b)})
    if not names:
        return {}
    rng = np.random.default_rng(0)  # equal votes, equal intervals
    counts = [np.array([each.wins_a, each.wins_b, each.ties], np.float64) for each in pairings]
    # Half an outcome of each kind (Jeffreys) lets even a single vote have come out otherwise.
    chances = [(c + 0.5) / (c + 0.5).sum() for c in counts]
    resampled = [
        rng.multinomial(int(c.sum()), p, BOOTSTRAPS) for c, p in zip(counts, chances, strict=True)
    ]
    told = ratings(win_matrix(names, pairings, [c[None] for c in counts]))[0]
    low, high = np.percentile(ratings(win_matrix(names, pairings, resampled)), (2.5, 97.5), axis=0)
    order = np.argsort(-told, kind="stable")
    return {names[i]: Estimate(float(told[i]), float(low[i]), float(high[i])) for i in order}


def win_matrix(
    names: Sequence[str], pairings: Sequence[Pairing], counts: Sequence[Counts]
) -> Matrix:
    """Wins of i over j in each of B samples, ties and the prior as halves: f64 [B, n, n].

    `counts` are, for each pairing, its wins of a, wins of b and ties: [B, 3].
    """
    index = {name: i for i, name in enumerate(names)}
    wins = np.tile(PRIOR_TIES / 2 * (1 - np.eye(len(names))), (len(counts[0]), 1, 1))
    for pairing, (wins_a, wins_b, ties) in zip(pairings, (c.T for c in counts), strict=True):
        a, b = index[pairing.a], index[pairing.b]
        wins[:, a, b] += wins_a + ties / 2
        wins[:, b, a] += wins_b + ties / 2
    return wins


def ratings(wins: Matrix) -> Matrix:
    """Bradley–Terry strengths on Elo's scale, f64 [B, n], of wins [B, n, n], by Newton's method.

    Each step is divided by 1 + its reach: thus shortened, none lowers the likelihood (Bach,
    "Self-concordant analysis for logistic regression", 2010, proposition 1).
    """
    games = wins + wins.swapaxes(1, 2)
    logs = np.zeros(wins.shape[:2])  # natural, of the strengths; their mean is 0
    for _ in range(ROUNDS):
        chances = 1 / (1 + np.exp(logs[:, None, :] - logs[:, :, None]))  # that i wins over j
        gradient = (wins - games * chances).sum(axis=2)
        weights = games * chances * chances.swapaxes(1, 2)
        hessian = np.eye(wins.shape[1]) * weights.sum(axis=2)[:, :, None] - weights  # negated
        # No vote tells the strengths' mean: the 1 keeps it.
        step = np.linalg.solve(hessian + 1, gradient[:, :, None])[:, :, 0]
        reach = np.ptp(step, axis=1, keepdims=True)
        logs += step / (1 + reach)
        if reach.max() < SETTLED:
            break
    return np.asarray(1000 + 400 / math.log(10) * logs)
