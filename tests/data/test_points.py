"""Scattered points: files, checks, repeated points, samples of grids, and the box around them."""

import jax
import numpy as np
import pytest

from inrr_jax.data import masks
from inrr_jax.data.points import box_around, check_points, read_points, sample
from inrr_jax.errors import UserError
from inrr_jax.problem import Domain


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(9, 4))


def write(folder, name, table):
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, table)
    else:
        np.savetxt(path, table, delimiter=",", header="x,y,u,v", comments="", fmt="%.17g")
    return path


@pytest.mark.parametrize("name", ["a.npy", "a.csv", "a.txt"])
@pytest.mark.parametrize(("dimensions", "expected"), [(0, 3), (2, 2), (1, 1)])
def test_columns_are_coordinates_and_then_values(tmp_path, table, name, dimensions, expected):
    points, values = read_points(write(tmp_path, name, table), dimensions)
    np.testing.assert_array_equal(points, table[:, :expected])
    np.testing.assert_array_equal(values, table[:, expected:])


def test_npz_has_two_arrays(tmp_path, table):
    np.savez(tmp_path / "a.npz", points=table[:, :3], values=table[:, 3])
    points, values = read_points(tmp_path / "a.npz")
    np.testing.assert_array_equal(points, table[:, :3])
    np.testing.assert_array_equal(values, table[:, 3:])
    np.savez(tmp_path / "b.npz", positions=table, values=table)
    with pytest.raises(UserError, match=r"array points of .*b.npz' is unknown: accepted are positions, values"):
        read_points(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("array", "dimensions", "message"),
    [
        (np.ones((5, 2)), 2, r"shape \(5, 2\): give rows with 2 columns of coordinates and at least one of values"),
        (np.ones((5, 1)), 0, r"shape \(5, 1\): give rows with 1 columns of coordinates"),
        (np.ones(5), 0, r"shape \(5,\): give rows"),
        (np.ones((2, 3, 4)), 2, r"shape \(2, 3, 4\): give rows"),
    ],
)
def test_files_with_too_few_columns_are_refused(tmp_path, array, dimensions, message):
    with pytest.raises(UserError, match=message):
        read_points(write(tmp_path, "a.npy", array), dimensions)
    with pytest.raises(UserError, match="no file"):
        read_points(tmp_path / "none.csv")


def test_points_that_do_not_fit_into_memory_are_not_read(tmp_path, table, monkeypatch):
    path = write(tmp_path, "a.npy", table)
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("memory", (), {"available": 100}))
    with pytest.raises(UserError, match=r"points of shape \(9, 4\) needs about 0.0 GB .*: keep fewer of them"):
        read_points(path)


def test_rows_without_a_number_are_dropped(table, caplog):
    table[2, 0], table[5, 3], table[6, 1] = np.nan, np.inf, -np.inf
    points, values = check_points(table[:, :2], table[:, 2:])
    np.testing.assert_array_equal(points, np.delete(table[:, :2], [2, 5, 6], 0))
    np.testing.assert_array_equal(values, np.delete(table[:, 2:], [2, 5, 6], 0))
    assert "3 of 9 points are dropped: they have NaN or infinity" in caplog.text


def test_repeated_points_are_averaged(caplog):
    points = np.array([[1.0, 0], [0, 1], [1, 0], [0, 0], [1, 0]])
    merged = check_points(points, [1.0, 5, 2, 7, 6])
    np.testing.assert_array_equal(merged.points, [[0, 0], [0, 1], [1, 0]])
    np.testing.assert_allclose(merged.values[:, 0], [7, 5, 3])
    assert "2 points occur more than once and are merged; their values, which differ by up to 5," in caplog.text


def test_points_that_are_only_written_twice_need_no_warning(caplog):
    points = np.array([[1.0, 0], [0, 1], [1, 0], [0, 0]])
    values = np.array([0.1, 0.2, 0.1, 0.3])
    np.testing.assert_array_equal(check_points(points, values).values[:, 0], [0.3, 0.2, 0.1])
    assert not caplog.text


@pytest.mark.parametrize(
    ("points", "values", "message"),
    [
        ([[1.0, 2.0]], [3.0], "1 different points in 2 dimensions: give at least 3"),
        ([[1.0, 2], [1, 2], [3, 4]], [3.0, 3, 4], "2 different points in 2 dimensions"),
        ([[np.nan, 2], [1, 2], [3, 4]], [3.0, 3, 4], "2 different points in 2 dimensions"),
        ([[5.0, 2], [5, 1], [5, 4]], [3.0, 3, 4], "coordinate 0 is 5 for all points: leave that column out"),
        ([[5.0, 2], [6, 1]], [3.0, 3, 4], "2 points and 3 rows of values: give one row of values per point"),
        ([["a"]], [1.0], "points of type <U1: give integers or floats"),
        ([[1.0]], [True], "values of type bool"),
        ([[1.0]], [1j], "values of type complex128"),
        ([[[1.0]]], [1.0], r"points of shape \(1, 1, 1\): give one row per point"),
        (np.array(1.0), [1.0], r"points of shape \(\)"),
        (np.ones((3, 0)), [1.0, 2, 3], r"points of shape \(3, 0\)"),
        ([], [], "0 different points in 1 dimensions: give at least 2"),
    ],
)
def test_points_that_fix_no_signal_are_refused(points, values, message):
    with pytest.raises(UserError, match=message) as caught:
        check_points(points, values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("mode", "options"), [("random", {}), ("density", {}), ("fibers", {"axis": 0})])
def test_a_sample_of_a_grid_has_its_nodes(mode, options):
    values = np.random.default_rng(0).normal(size=(5, 6, 7, 2))
    values[0, 0] = np.nan
    observed = np.asarray(masks.make(jax.random.key(0), (5, 6, 7), mode, 0.7, **options))
    points, taken = sample(values, observed, (2.0, 0.5, 1.0))
    index = (points / [2, 0.5, 1]).astype(int)
    np.testing.assert_array_equal(taken, values[tuple(index.T)])
    assert len(points) == (observed & ~np.isnan(values[..., 0])).sum()
    if mode == "fibers":
        stations = np.unique(points[:, 1:], axis=0, return_counts=True)[1]
        assert set(stations) <= {4, 5}


def test_the_box_spans_the_points_in_the_coordinates_of_its_domain():
    points = np.array([[5e5, 10.0], [5e5 + 40, 30], [5e5 + 20, 15]])
    box = box_around(points, 9)
    assert box.shape == (9, 5)
    assert (box.low, box.step) == ((5e5, 10.0), (5.0, 5.0))
    np.testing.assert_allclose(box.to_domain(points), [[-1, -0.5], [1, 0.5], [0, -0.25]])
    # The nodes of the box are those of the domain.
    axes = Domain(box.shape, 1, None, box.spacing).axes
    nodes = np.stack([np.array(box.low) + i * np.array(box.step) for i in range(5)])
    np.testing.assert_allclose(box.to_domain(nodes)[:, 0], axes[0][:5], atol=1e-6)
    np.testing.assert_allclose(box.to_domain(nodes)[:, 1], axes[1], atol=1e-6)


def test_rescaled_axes_have_the_same_length():
    points = np.array([[0.0, 10.0], [400, 11], [100, 10.5]])
    box = box_around(points, 9, rescale=True)
    assert box.shape == (9, 9)
    np.testing.assert_allclose(box.to_domain(points), [[-1, -1], [1, 1], [-0.5, 0]])
    np.testing.assert_allclose(Domain(box.shape, 1, None, box.spacing).axes[1], np.linspace(-1, 1, 9), atol=1e-6)
    # Thin boxes keep two nodes across.
    assert box_around(points, 9).shape == (9, 2)
