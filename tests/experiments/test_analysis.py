"""Quantities that describe a fit, compared with closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.experiments import analysis


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_rank_k_matrix_with_equal_singular_values_has_effective_rank_k(rank):
    left, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(12, rank)))
    right, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(9, rank)))
    assert analysis.effective_rank(jnp.asarray(2.5 * left @ right.T, jnp.float32)) == pytest.approx(rank, rel=1e-4)


def test_effective_rank_counts_unequal_singular_values_for_less():
    shares = np.array([0.7, 0.2, 0.1])
    expected = np.exp(-np.sum(shares * np.log(shares)))
    assert analysis.effective_rank(jnp.diag(jnp.asarray(5 * shares))) == pytest.approx(expected, rel=1e-5)
    assert expected < 3


def path_graph(nodes, reach=1):
    """Return the adjacency of a graph in which the nodes at distance `reach` are connected."""
    place = np.arange(nodes)
    return jnp.asarray(np.abs(place[:, None] - place[None, :]) == reach, jnp.float32)


def test_path_graphs_have_scale_1_and_longer_edges_their_length():
    assert analysis.similarity_scale(path_graph(20)) == pytest.approx(1)
    assert analysis.similarity_scale(path_graph(20, reach=4)) == pytest.approx(4)


def test_complete_graph_has_scale_of_a_third_and_self_loops_do_not_count():
    complete = jnp.ones((20, 20))
    assert analysis.similarity_scale(complete) == pytest.approx(21 / 3, rel=1e-6)
    assert analysis.similarity_scale(complete + 9 * jnp.eye(20)) == pytest.approx(21 / 3, rel=1e-6)


def wave(cycles, side=32):
    """Return an image [1, side, 1] of a cosine with the given number of cycles."""
    x = np.arange(side) / side
    return jnp.asarray(np.cos(2 * np.pi * cycles * x)[:, None, None] * np.ones((1, side, 1)), jnp.float32)


def test_spectral_error_is_confined_to_the_band_of_what_is_missing():
    truth = wave(2) + wave(6) + wave(10) + wave(14)  # one wave in each quarter of [0, 16] cycles per image
    error = analysis.spectral_error(wave(2) + 0.5 * wave(6) + wave(14), truth, bands=4)
    np.testing.assert_allclose(error, [0, 0.25, 1, 0], atol=1e-5)


def test_spectral_error_of_everything_in_one_band_is_the_relative_squared_error():
    x, y = (jax.random.normal(jax.random.key(i), (8, 6, 5, 2)) for i in (0, 1))
    expected = jnp.sum((x - y) ** 2) / jnp.sum(y**2)
    assert analysis.spectral_error(x, y, bands=1)[0] == pytest.approx(float(expected), rel=1e-5)


def test_share_falling_counts_intervals():
    assert analysis.share_falling(jnp.array([5.0, 4.0, 4.0, 6.0, 1.0])) == 0.5


def line(slope, low=-4, high=-1, points=7):
    """Return a trajectory whose missing error is linear in log10 of the observed error."""
    observed = jnp.logspace(high, low, points)  # decreasing, as during training
    return analysis.Trajectory(observed, 1 + slope * jnp.log10(observed))


def test_area_between_straight_lines():
    area = analysis.area_between(line(-0.1), line(-0.3))
    assert area == pytest.approx(0.2 * -(4**2 - 1**2) / 2, rel=1e-4)
    assert analysis.area_between(line(-0.3), line(-0.1)) == pytest.approx(-float(area), rel=1e-4)


def test_the_area_covers_the_observed_errors_that_both_trajectories_pass_through():
    area = analysis.area_between(line(0.0, low=-4, high=-2), line(1.0, low=-3, high=-1))
    assert area == pytest.approx((3**2 - 2**2) / 2, rel=1e-4)
    assert analysis.area_between(line(0.0, low=-2, high=-1), line(1.0, low=-4, high=-3)) == 0


def test_cosine_of_trees():
    a = {"w": jnp.array([[3.0, 0.0]]), "b": jnp.array(4.0)}
    assert analysis.cosine(a, jax.tree.map(lambda x: 2 * x, a)) == pytest.approx(1)
    assert analysis.cosine(a, jax.tree.map(lambda x: -x, a)) == pytest.approx(-1)
    assert analysis.cosine(a, {"w": jnp.array([[0.0, 7.0]]), "b": jnp.array(0.0)}) == 0
    assert analysis.cosine(a, {"w": jnp.array([[1.0, 0.0]]), "b": jnp.array(0.0)}) == pytest.approx(0.6)
