"""The benchmarks of derivatives run at a tiny size and report what they promise. No test judges measured seconds."""

import importlib.util

import numpy as np
import pytest

from benchmarks import derivatives, measure, residual_kernel, weak_derivatives
from inrr_jax.fields import siren
from inrr_jax.settings import Settings, TrainSettings

TINY = Settings(field=siren.Config(width=8, depth=3), train=TrainSettings(steps=8, fibers=2, chunk=2))


@pytest.mark.slow
def test_every_residual_is_measured_beside_the_recipe():
    rows = derivatives.run(TINY, 16, 1, 1, torch=False)
    assert [row["residual"] for row in rows] == 2 * ["recipe", *derivatives.RESIDUALS]
    assert all(row["over_values"] == 1.0 for row in rows if row["residual"] == "values")
    assert "| inrr_jax | float32 | laplacian |" in measure.table(rows, derivatives.COLUMNS)


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is not installed")
def test_pytorch_has_the_same_derivatives():
    import jax.numpy as jnp
    import torch

    from benchmarks import torch_derivatives
    from inrr_jax.operators.residuals import Signal

    points = np.random.default_rng(0).uniform(-1, 1, (9, 2)).astype(np.float32)

    def signal(x):
        return jnp.sin(3 * x[:, :1] * x[:, 1:]) + x[:, :1] ** 3

    def network(x):
        return torch.sin(3 * x[:, :1] * x[:, 1:]) + x[:, :1] ** 3

    for name, residual in derivatives.RESIDUALS.items():
        found = torch_derivatives.residual(name, network, torch.tensor(points)).detach().numpy()
        expected = np.asarray(residual(Signal(signal), jnp.asarray(points)))
        np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-4)


@pytest.mark.slow
def test_rates_of_waves_are_relative_to_the_fastest():
    rows = residual_kernel.run(24, 16, 1)
    assert len(rows) == len(residual_kernel.OPERATORS) * len(residual_kernel.OMEGAS)
    assert all(max(row[str(f)] for f in residual_kernel.FREQUENCIES) == pytest.approx(1) for row in rows)


@pytest.mark.slow
def test_every_energy_and_weight_is_scored(monkeypatch):
    changes = {"data.size": 12, "field.width": 8, "field.depth": 2, "train.steps": 2, "train.chunk": 1}
    changes |= {"train.fibers": 2, "train.measurements": 16}
    monkeypatch.setattr(weak_derivatives, "WEIGHTS", {"none": (0.0,), "inrr": (1e-3,), "tv": (1e-4, 1e-3)})
    rows = weak_derivatives.run(["gradient, noise 0.1", "distance, 60 points"], 1, changes)
    assert len(rows) == 2 * 4
    assert {(row["term"], row["weight"]) for row in rows} == {("none", 0), ("inrr", 1e-3), ("tv", 1e-4), ("tv", 1e-3)}
    assert all(np.isfinite([row["other"], *row["scores"]]).all() for row in rows)


def test_energies_are_compared_at_their_best_weights():
    scores = {"none": [[20.0]], "inrr": [[21.0, 23.0], [10.0, 30.0]], "tv": [[19.0], [24.5]]}
    rows = [
        {"case": case, "unit": unit, "term": term, "weight": i, "scores": found, "other": 18.0}
        for case, unit in (("picture", "dB"), ("surface", "of the side"))
        for term, weights in scores.items()
        for i, found in enumerate(weights)
    ]
    picture, surface = weak_derivatives.best(rows)
    assert picture == {"case": "picture (dB)", "other": "18", "none": "20", "inrr": "22 (21 to 23)", "tv": "24.5"}
    assert surface["case"] == "surface (of the side)"
    assert (surface["inrr"], surface["tv"]) == ("20 (10 to 30)", "19")
