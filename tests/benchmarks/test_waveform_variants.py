import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import waveform_variants as variants
from inrr_jax.options import change

SMALL = {
    "data.nodes": (14, 20), "data.sources": (2,), "data.duration": 0.6, "data.layer": 6, "data.water": 75.0,
    "data.lowest": 5.0, "train.steps": 3, "train.chunk": 1, "regularizer.inrr.width": 8, "regularizer.inrr.depth": 1,
    "optimizer.warmup": 0, "optimizer.schedule": "constant", "optimizer.field_rate": 0.01,
}  # fmt: skip
SOLVERS = {name: variant for name, variant in variants.VARIANTS.items() if variant.solve is not variants.fit.solve}


@pytest.fixture(scope="module")
def problem():
    return variants.problem_of(change(variants.BASE, SMALL))


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_every_variant_has_settings_of_its_own(name):
    changed = change(variants.BASE, variants.VARIANTS[name].changes)
    assert (changed != variants.BASE) == bool(variants.VARIANTS[name].changes)
    assert changed != variants.BASE or name == "default" or name in SOLVERS


LONG = {"omega 12, then 24", "INRR from the migrated image"}
"""Variants of two fits, each of which is like that of others."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in SOLVERS]
)
def test_variants_begin_at_the_start_model_and_move(name, problem, monkeypatch):
    monkeypatch.setattr(variants, "GRAPH_STEPS", 2)
    # Nodes can begin at the start model itself, and networks after a fit to it.
    network = {"field.width": 24, "field.depth": 2, "optimizer.field_rate": 1e-3}
    field = network if "omega" in name else {"field.name": "grid"}
    monkeypatch.setattr(variants.fit, "START_STEPS", 300)
    if "field.name" in field:
        monkeypatch.setattr(variants.fit, "started", lambda known, _: {"values": jnp.asarray(known.auxiliary["start"])})
    found = SOLVERS[name].solve(problem, change(variants.BASE, {**SMALL, **SOLVERS[name].changes, **field}))
    difference = np.abs(found - problem.auxiliary["start"])[3:]
    assert found.shape == problem.truth.shape
    # Three steps of at most 0.01 on the field's own scale.
    assert 1e-3 < difference.max() < 0.15


def test_the_slowness_is_that_of_the_same_velocity_and_additions_are_clipped(problem):
    values = jnp.full((14, 20, 1), 0.25)
    slow = variants.seen_through(problem, variants.Slowness, np.asarray(values)).operator
    between = 0.75 / slow.medium.fastest + 0.25 / slow.slowest
    assert float(slow.velocity(values)[-1, 0]) == pytest.approx(1 / between, rel=1e-5)
    base = np.full((14, 20), 2000.0, np.float32)
    added = variants.seen_through(problem, variants.Added, np.asarray(values), base=base).operator
    assert float(added.velocity(values + 0.25)[-1, 0]) == 2000
    assert float(added.velocity(values + 9)[-1, 0]) == added.medium.fastest


def test_early_bands_have_no_weight_at_late_times(problem, monkeypatch):
    seen = []
    monkeypatch.setattr(variants.fit, "solve", lambda problem, settings: seen.append(problem))
    variants.early_first(problem, variants.BASE)
    weights = [np.asarray(survey.weights).max(axis=(0, 2, 3)) for survey, _ in seen[0].stages]
    shares = [np.flatnonzero(weight > 1e-6).max() for weight in weights]
    times = problem.measurements.shape[1]
    assert 0.5 * times < shares[0] < 0.6 * times < 0.75 * times < shares[1] < 0.85 * times
    np.testing.assert_array_equal(seen[0].operator.weights, problem.operator.weights)


def test_the_migrated_image_is_seen_below_the_water(problem):
    image = variants.migrated(problem)
    assert (image[:4] == 0.5).all()
    assert 0.05 < np.std(image[4:]) < 0.5


def test_the_report_has_a_row_for_each_variant(tmp_path):
    row = {"seconds": 3.0} | {
        f"{ground}_{key}": 7.0 for ground in variants.GROUNDS for key in ("rmse", "half", "misfit")
    }
    (tmp_path / "fwi.md").write_text("<!-- variants: begin -->\n<!-- variants: end -->\n")
    variants.report(tmp_path, [{"name": "default", **row}], tmp_path)
    for name in ("waveform_variants.md", "fwi.md"):
        assert "| default | 7 | 7 | 7 | 7 |" in (tmp_path / name).read_text()
    assert (tmp_path / "waveform_variants.png").stat().st_size > 1000
