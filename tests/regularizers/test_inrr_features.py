"""The learned graph on rows that have features and no order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fibers import Sample
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.priors.row_features import row_features
from inrr_jax.problem import Domain
from inrr_jax.recipes import pipeline
from inrr_jax.regularizers.inrr import FeaturesConfig
from inrr_jax.settings import Settings
from inrr_jax.training import fit

RNG = np.random.default_rng(0)
CONFIG = FeaturesConfig(width=8, depth=2, rank=5, count=3)
SETTINGS = change(
    Settings(), {"field.name": "dmf", "regularizer.name": "inrr_features", "train.steps": 3, "train.fibers": 0}
)


def clusters():
    """Return a matrix whose rows are noisy copies of two patterns, and which one each row is."""
    kind = RNG.integers(0, 2, 40)
    return (RNG.standard_normal((2, 12))[kind] + 0.1 * RNG.standard_normal((40, 12))).astype(np.float32), kind


def test_the_energy_is_the_double_sum_over_rows_and_does_not_depend_on_their_order():
    features, values = RNG.uniform(-1, 1, (7, 3)).astype(np.float32), RNG.standard_normal((1, 7, 4)).astype(np.float32)
    term = CONFIG.build(Domain((7, 4), 1))
    params = {"inrr_features": term.init(jax.random.key(0))}

    def energy(order):
        columns = jnp.moveaxis(jnp.asarray(values[:, order]), 2, 0)[:, 0, :, None]
        problem = masked(np.zeros((7, 4, 1), np.float32), np.eye(7, 4, dtype=bool)).with_auxiliary(
            features=jnp.asarray(features[order])
        )
        return float(term.energies(params, Sample(along=(columns, columns)), problem)["row"])

    rows = np.asarray(CONFIG.rows(params["inrr_features"]["row"], jnp.asarray(features), CONFIG.rank))
    adjacency = CONFIG.rank / 7 * rows @ rows.T
    pairs = np.square(values[0][:, None] - values[0][None]).sum(-1)
    assert energy(np.arange(7)) == pytest.approx(0.5 * (adjacency * pairs).sum() / 28, rel=1e-4)
    assert energy(RNG.permutation(7)) == pytest.approx(energy(np.arange(7)), rel=1e-4)


def test_features_separate_kinds_of_rows():
    matrix, kind = clusters()
    features = row_features(matrix, 4)
    assert np.abs(features).max() == pytest.approx(1)
    assert abs(np.corrcoef(features[:, 0], kind)[0, 1]) > 0.95
    np.testing.assert_array_equal(row_features(matrix[:, :2], 4)[:, 2:], 0)


def test_a_fit_gets_the_features_of_its_rows_and_learns_the_graph():
    matrix, _ = clusters()
    problem = masked(matrix[..., None], RNG.random(matrix.shape) < 0.7, bounds=None)
    prepared = pipeline.prepare(problem, SETTINGS).problem
    assert prepared.auxiliary["features"].shape == (40, 4)
    start = fit.init(prepared, SETTINGS)[0].params["inrr_features"]
    end = fit.run(prepared, SETTINGS)[0].params["inrr_features"]
    assert any((np.asarray(a) != np.asarray(b)).any() for a, b in zip(*map(jax.tree.leaves, (start, end)), strict=True))
    with pytest.raises(UserError, match="auxiliary array features"):
        fit.run(problem, SETTINGS)
