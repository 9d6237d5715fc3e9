"""The deep image prior: better than what was measured, for operators and grids of every kind."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.baselines.inverse import deep_prior
from inrr_jax.baselines.inverse.deep_prior import Hourglass
from inrr_jax.operators.imaging.direct import Direct
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Domain, Problem

SHAPE = (16, 20)
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]
TRUTH = (0.2 + 0.6 * ((ROW // 8 + COLUMN // 8) % 2))[..., None].astype(np.float32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few steps, and two scales, which compile faster than four."""
    for name, value in {"CHUNKS": 4, "CHUNK": 16, "MEMORY": 0.9}.items():
        monkeypatch.setattr(deep_prior, name, value)
    monkeypatch.setattr(deep_prior, "Hourglass", partial(Hourglass, features=(8, 16)))


def error(values):
    return float(np.mean((values - TRUTH) ** 2))


def test_values_are_better_than_the_measurements():
    operator = AreaAverage((2, 2))
    clean = np.asarray(operator.apply(jnp.asarray(TRUTH)))
    noisy = (clean + 0.1 * np.random.default_rng(0).normal(size=clean.shape)).astype(np.float32)
    found = deep_prior.deep_image_prior(Problem(Domain(SHAPE, 1), operator, noisy))
    assert found.shape == TRUTH.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert error(found) < 0.9 * error(np.full(SHAPE, noisy.mean())[..., None])


def test_the_network_has_the_shape_of_odd_grids_and_no_bounds_of_its_own():
    array = jax.ShapeDtypeStruct((19, 22, deep_prior.INPUTS), jnp.float32)
    values, params = jax.eval_shape(Hourglass(3).init_with_output, jax.random.key(0), array)
    assert values.shape == (19, 22, 3)
    assert len([name for name in params["params"] if name.startswith("Conv")]) == 4 * 3 + 4  # of four scales


def test_the_fit_ends_when_held_out_measurements_are_predicted_no_better(monkeypatch):
    chunks = []
    fit = deep_prior._fit
    monkeypatch.setattr(deep_prior, "_fit", lambda *given: chunks.append(1) or fit(*given))
    monkeypatch.setattr(deep_prior, "hold_out", lambda problem: (problem, lambda values: float(len(chunks))))
    monkeypatch.setattr(deep_prior, "CHUNKS", 20)
    monkeypatch.setattr(deep_prior, "CHUNK", 2)
    monkeypatch.setattr(deep_prior, "PATIENCE", 2)
    deep_prior.deep_image_prior(Problem(Domain((12, 10), 1), Direct(), TRUTH[:12, :10]))
    assert len(chunks) == 3
