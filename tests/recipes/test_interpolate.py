"""Tests of inrr_jax.recipes.interpolate."""

import numpy as np
import pytest

import inrr_jax
from inrr_jax.errors import UserError
from inrr_jax.options import change
from inrr_jax.recipes import interpolate
from inrr_jax.recipes.interpolate import stations

RNG = np.random.default_rng(0)
# All tests with many points have 300 of them with three coordinates, so that they share compiled programs.
POINTS = RNG.random((300, 3)) * [60, 90, 1] + [1960, 0, 5e5]


def truth(p):
    return 280 + 10 * np.cos(p[:, 1] / 30) + 0.05 * (p[:, 0] - 1990) + 3 * (p[:, 2] - 5e5)


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    """Learn from fewer values per step: programs that are compiled as in these tests take long to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpolate.covariance, "BATCH", 100)
        yield


@pytest.fixture(scope="module")
def interpolation():
    return inrr_jax.interpolate(POINTS, truth(POINTS))


def inside(count):
    return RNG.random((count, 3)) * [50, 80, 0.8] + [1965, 5, 5e5 + 0.1]


def test_it_is_called_like_scipys_interpolator(interpolation):
    query = inside(200)
    found = interpolation(query)
    assert found.shape == (200,)
    assert np.sqrt(np.mean((found - truth(query)) ** 2)) < 0.1  # the signal has a deviation of 6


def test_its_text_has_the_numbers_of_points_instead_of_their_values(interpolation):
    assert repr(interpolation) == "Interpolation(points=300, coordinates=3, channels=1)"


def test_the_deviation_is_calibrated_on_held_out_points():
    points = RNG.random((300, 3)) * [1, 1, 0.1]
    values = np.sin(5 * points[:, 0]) + 0.1 * RNG.standard_normal(300)
    query = RNG.random((800, 3)) * [1, 1, 0.1]
    mean, deviation = inrr_jax.interpolate(points, values)(query, return_std=True)
    noisy = np.sin(5 * query[:, 0]) + 0.1 * RNG.standard_normal(800)
    assert mean.shape == deviation.shape == (800,)
    assert 0.85 < np.mean(np.abs(mean - noisy) < 1.645 * deviation) < 0.95


def test_channels_and_points_on_a_line():
    points = np.linspace(0, 6, 60)
    both = np.stack([np.sin(points), 5 * np.cos(points)], axis=-1)
    found = inrr_jax.interpolate(points, both)(np.array([1.23, 4.56]))
    np.testing.assert_allclose(found, [[np.sin(1.23), 5 * np.cos(1.23)], [np.sin(4.56), 5 * np.cos(4.56)]], atol=0.02)


def test_the_field_follows_the_interpolation_in_the_coordinates_of_the_points(interpolation):
    settings = change(inrr_jax.INTERPOLATION, {"field.width": 32, "train.steps": 200, "train.fibers": 6})
    field = interpolation.field(nodes=12, settings=settings)
    query = inside(100)
    assert np.sqrt(np.mean((field(query)[:, 0] - truth(query)) ** 2)) < 2.0
    slope = np.mean(field.gradient(query)[:, 0, 1] + np.sin(query[:, 1] / 30) / 3)
    assert abs(slope) < 0.1


@pytest.mark.parametrize(
    ("points", "values", "message"),
    [
        (POINTS[:1], [1.0], "1 different points in 3 dimensions"),
        (np.ones((9, 2)), np.arange(9.0), "1 different points in 2 dimensions: give at least 3"),
        ([[1, 2], [3]], [1.0, 2.0], "points: its rows have different lengths"),
        (POINTS, np.ma.masked_all(300), "0 different points"),
        (POINTS, np.zeros(3), "300 points and 3 rows"),
        (POINTS.astype(complex), np.zeros(300), "type complex128"),
        (np.full((9, 2), np.nan), np.zeros(9), "0 different points"),
        (np.array([[0.0, 1], [0, 2], [0, 3]]), np.zeros(3), "coordinate 0 is 0 for all"),
    ],
)
def test_wrong_points_are_refused(points, values, message):
    with pytest.raises(UserError, match=message):
        inrr_jax.interpolate(points, values)


@pytest.mark.parametrize("query", [np.zeros((4, 2)), np.zeros(3), np.full((2, 3), np.nan), [["a", "b", "c"]]])
def test_wrong_positions_are_refused(interpolation, query):
    with pytest.raises(UserError, match=r"give finite numbers \[Q, 3\]"):
        interpolation(query)


@pytest.mark.parametrize(("nodes", "message"), [(1, "nodes=1: give a whole number of at least 2"), (10**5, "are free")])
def test_a_field_on_too_few_or_too_many_nodes_is_refused(interpolation, nodes, message):
    with pytest.raises(UserError, match=message):
        interpolation.field(nodes=nodes)


def test_points_on_lines_along_one_axis_are_stations():
    places, times = RNG.random((12, 2)), np.arange(20.0)
    points = np.array([[time, *place] for place in places for time in times if RNG.random() < 0.9])
    groups = stations(points)
    assert len(np.unique(groups)) == 12
    for group in range(12):
        assert len(np.unique(points[groups == group, 1:], axis=0)) == 1
    scattered = np.stack([RNG.integers(0, 20, 300), RNG.integers(0, 30, 300), RNG.integers(0, 30, 300)], axis=-1)
    assert len(np.unique(stations(scattered.astype(float)))) == 300
    assert len(np.unique(stations(np.arange(30.0)[:, None]))) == 30


def test_the_deviation_at_new_stations_covers_what_stations_differ_in():
    places, times = RNG.random((30, 2)) * [10, 0.1], np.arange(10.0)
    points = np.array([[time, *place] for place in places for time in times])

    def rough(p):
        return np.sin(7 * p[:, 1]) + 0.01 * p[:, 0]

    query = RNG.random((200, 3)) * [9, 9, 0.1] + [0, 0.5, 0]
    mean, deviation = inrr_jax.interpolate(points, rough(points))(query, return_std=True)
    assert np.mean(np.abs(mean - rough(query)) < 1.645 * deviation) > 0.7


def test_every_station_is_held_out_once_to_calibrate(monkeypatch):
    held, honest = [], interpolate.covariance.learn

    def learn(points, *others):
        held.append({*range(20)} - {*points[:, 1].astype(int)})
        return honest(points, *others)

    monkeypatch.setattr(interpolate.covariance, "learn", learn)
    points = np.stack(np.meshgrid(np.arange(6.0), np.arange(20.0)), -1).reshape(-1, 2)  # times of 20 stations
    inrr_jax.interpolate(points, np.sin(points[:, 0]) + np.cos(points[:, 1] / 3))
    assert held[0] == set()
    assert sorted(map(len, held[1:])) == [4] * 5
    assert set.union(*held[1:]) == {*range(20)}
