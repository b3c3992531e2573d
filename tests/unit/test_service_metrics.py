"""What metrics and the interface tell of a model's bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kernels.spec import GeneratorSpec, Precision
from model_store import Store, artifact
from service.engine import Engine, Model
from service.metrics import Metrics
from service.routes.variants import describe
from tests import factories

FOUR = {"binary", "fixed", "float", "scale"}  # always there, also where they hold nothing


def told(metrics: Metrics) -> dict[str, float]:
    """The bytes by precision, as they are scraped."""
    (family,) = metrics.resident_bytes.collect()
    return {each.labels["precision"]: each.value for each in family.samples}


def load(root: Path, precision: Precision) -> Model:
    """A model whose middle layer has this precision."""
    first, middle, last = factories.generator().layers
    spec = GeneratorSpec((first, replace(middle, precision=precision), last))
    (root / "partial").mkdir(parents=True)
    artifact.write(root / "partial" / "1.safetensors", spec, factories.manifest(spec))
    (model,) = Engine(Store(root), None, 1).load_active()
    return model


def test_one_bit_inputs_are_told_of_only_where_there_are_such(tmp_path: Path) -> None:
    plain = load(tmp_path / "plain", Precision.BINARY)
    one_bit = load(tmp_path / "one-bit", Precision.XNOR)
    metrics, before = Metrics(), None
    for model, precisions in ((plain, FOUR), (one_bit, FOUR | {"xnor"}), (plain, FOUR)):
        if before is not None:
            metrics.forget_model(before)
        metrics.describe_model(model)
        assert set(told(metrics)) == precisions
        assert told(metrics) == describe(model).resident_bytes
        assert sum(told(metrics).values()) == sum(model.generator.resident_bytes.values())
        before = model
