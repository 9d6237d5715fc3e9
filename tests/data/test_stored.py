"""Arrays and points as problems: what is observed, the truth, the units, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data import loading
from inrr_jax.data.kinds.array import Config as ArrayConfig
from inrr_jax.data.kinds.points import Config as PointsConfig
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.masking import Masking
from inrr_jax.operators.sampling import Sampling


@pytest.fixture
def values():
    array = 1000 + 10 * np.random.default_rng(0).random((4, 5, 6))
    array[1, 2, 3] = np.nan
    return array


@pytest.fixture
def path(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    return str(tmp_path / "a.npy")


def test_an_array_is_recovered_from_its_observed_entries(path, values):
    problem = loading.load(ArrayConfig(source=path), MaskSettings(rate=0.4))
    mask = problem.operator.mask
    assert isinstance(problem.operator, Masking)
    assert (problem.domain.shape, problem.domain.channels) == ((4, 5, 6), 1)
    assert not mask[1, 2, 3]
    assert 0.4 < mask.mean() < 0.8
    observed = problem.measurements[mask]
    assert (observed.min(), observed.max()) == (0, 1)
    assert not problem.measurements[~mask].any()
    np.testing.assert_allclose(problem.units.to_own(problem.truth), values[..., None], rtol=1e-6)
    low, high = problem.domain.bounds
    assert low < 0 < 1 < high


def test_the_missing_entries_of_the_data_alone_have_no_truth(path, values):
    problem = loading.load(ArrayConfig(source=path), MaskSettings(mode="none"))
    np.testing.assert_array_equal(problem.operator.mask, ~np.isnan(values))
    assert problem.truth is None
    assert loading.load(ArrayConfig(source=path, truth=False), MaskSettings()).truth is None
    with pytest.raises(UserError, match=r"nothing is missing of 2 x 5 x 6 entries with mask\.mode=none"):
        loading.load(ArrayConfig(source=path, crop="2:"), MaskSettings(mode="none"))


def test_channels_that_lack_one_value_lack_the_entry(tmp_path):
    colour = np.random.default_rng(0).random((6, 7, 3))
    colour[0, 0, 1] = np.nan
    np.save(tmp_path / "c.npy", colour)
    problem = loading.load(ArrayConfig(source=str(tmp_path / "c.npy"), channels=True), MaskSettings(mode="none"))
    assert problem.domain.channels == 3
    assert (~problem.operator.mask).sum() == 1
    np.testing.assert_array_equal(problem.measurements[0, 0], 0)


def test_nodes_of_an_array_become_points(path, values):
    problem = loading.load(PointsConfig(source=path), MaskSettings(rate=0.4))
    assert isinstance(problem.operator, Sampling)
    index = tuple(np.asarray(i) for i in problem.domain.nearest(jnp.asarray(problem.operator.points)))
    np.testing.assert_allclose(problem.units.to_own(problem.measurements)[:, 0], values[index], rtol=1e-6)
    np.testing.assert_allclose(problem.units.to_own(problem.truth), values[..., None], rtol=1e-6)


def test_points_of_a_file_have_a_grid_around_them(tmp_path):
    table = np.array([[0.0, 0, 1, 50], [40, 0, 2, 70], [0, 20, 3, 60], [30, 10, 4, 90]])
    np.savetxt(tmp_path / "p.csv", table, delimiter=",")
    config = PointsConfig(points=str(tmp_path / "p.csv"), dimensions=2, nodes=9)
    problem = loading.load(config, MaskSettings())
    assert (problem.domain.shape, problem.domain.channels) == ((9, 5), 2)
    np.testing.assert_allclose(problem.operator.points, [[-1, -0.5], [1, -0.5], [-1, 0.5], [0.5, 0]])
    np.testing.assert_allclose(problem.measurements[3], [1, 1])
    assert problem.truth is None
    assert config.label.endswith("p.csv")


def test_points_come_from_one_place(path):
    with pytest.raises(UserError, match=r"data\.points=p\.csv and data\.source=.*: give one of them"):
        PointsConfig(points="p.csv", source=path).read()
    for config in (PointsConfig(), ArrayConfig()):
        with pytest.raises(UserError, match="no array is given: give data.source"):
            config.read()
