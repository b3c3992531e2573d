"""The split of clients behind variant=auto."""

from __future__ import annotations

from collections import Counter

import pytest

from service.experiment import Experiment


def test_the_experiment_splits_by_weight_and_sticks() -> None:
    experiment = Experiment({"float": 1, "partial": 3}, {"float": 0, "partial": 0, "full": 0})
    assert experiment.shares == {"float": 0.25, "partial": 0.75}
    clients = [f"address:10.0.{i // 256}.{i % 256}" for i in range(4000)]
    drawn = Counter(experiment.variant(client) for client in clients)
    assert drawn["float"] / 4000 == pytest.approx(0.25, abs=0.03)
    assert drawn["float"] + drawn["partial"] == 4000
    assert all(experiment.variant(c) == experiment.variant(c) for c in clients[:50])
    assert Experiment({}, {}).variant("anyone") is None


def test_an_experiment_is_of_what_is_served() -> None:
    told = "PBGEN_EXPERIMENT must name variants that are served, float, full, not 'nobody'"
    with pytest.raises(ValueError, match=told):
        Experiment({"nobody": 1}, {"full": 0, "float": 0})
