import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids
from inrr_jax.regularizers.dirichlet import matrix_free
from inrr_jax.types import Signal

DRAWS = 4000


def problem(key, grid=(10, 14), channels=2):
    keys = jax.random.split(key, 3)
    values, extension = (jax.random.uniform(k, (*grid, channels)) for k in (keys[0], keys[2]))
    signal = Signal(values, jax.random.uniform(keys[1], grid) > 0.4, extension=extension)
    return signal, tuple(jnp.asarray(axis) for axis in grids.axes(grid))


def surface(points):
    """Some field: smooth in both coordinates, different in the channels."""
    return jnp.stack([jnp.sin(3 * points[:, 0] + points[:, 1]), jnp.cos(2 * points[:, 1])], axis=-1)


def factors(key, grid):
    keys = jax.random.split(key, len(grid))
    return [jax.nn.softmax(jax.random.normal(k, (n, 6)), axis=-1) for k, n in zip(keys, grid, strict=True)]


def energies(batch, graphs):
    of_rows_and_columns = [matrix_free(along, graph) for along, graph in zip(batch.along, graphs, strict=True)]
    return jnp.stack([*of_rows_and_columns, batch.fidelity, batch.departure])


def test_everything_equals_slow_loops(key):
    signal, axes = problem(key)
    along, _, fidelity, departure = fibers.everything(surface, signal, axes)
    grid = np.asarray(surface(grids.all_points(axes))).reshape(10, 14, 2)
    np.testing.assert_array_equal(along[0], grid.transpose(1, 0, 2))
    np.testing.assert_array_equal(along[1], grid)
    for found, values, where in (
        (fidelity, signal.values, signal.mask),
        (departure, signal.extension, ~signal.mask),
    ):
        total = 0.0
        for i, j in np.argwhere(np.asarray(where)):
            total += ((grid[i, j] - np.asarray(values)[i, j]) ** 2).sum()
        assert float(found) == pytest.approx(total / grid.size, rel=1e-5)


@pytest.mark.parametrize("count", [3, 4])
def test_sampled_energies_and_fidelity_are_unbiased(key, count):
    signal, axes = problem(key)
    graphs = factors(key, signal.mask.shape)
    full = np.asarray(energies(fibers.everything(surface, signal, axes), graphs))
    draws = np.asarray(sampled(signal, axes, graphs, key, count))
    error = draws.std(axis=0) / DRAWS**0.5
    assert (np.abs(draws.mean(axis=0) - full) < 4 * error).all()
    assert (error < 0.02 * full).all()


def test_a_scheme_that_prefers_the_first_lines_is_caught(key, monkeypatch):
    signal, axes = problem(key)
    graphs = factors(key, signal.mask.shape)
    full = np.asarray(energies(fibers.everything(surface, signal, axes), graphs))
    honest = fibers.stratified
    monkeypatch.setattr(fibers, "stratified", lambda k, population, count: honest(k, population - 1, count))
    draws = np.asarray(sampled(signal, axes, graphs, key, 3))
    assert (np.abs(draws.mean(axis=0) - full) > 4 * draws.std(axis=0) / DRAWS**0.5).any()


def sampled(signal, axes, graphs, key, count):
    def one(k):
        return energies(fibers.sample(surface, signal, axes, k, count), graphs)

    return jax.jit(jax.vmap(one))(jax.random.split(key, DRAWS))


@pytest.mark.parametrize(("population", "count"), [(12, 4), (10, 3), (7, 7), (5, 1)])
def test_stripes_hold_one_line_each_and_every_line_is_as_likely(key, population, count):
    drawn = np.asarray(jax.vmap(lambda k: fibers.stratified(k, population, count))(jax.random.split(key, 20_000)))
    edges = np.arange(count + 1) * population / count
    assert (drawn >= np.floor(edges[:-1])).all()
    assert (drawn < np.ceil(edges[1:])).all()
    shares = np.bincount(drawn.ravel(), minlength=population) / len(drawn)
    expected = count / population
    np.testing.assert_allclose(shares, expected, atol=5 * (expected / len(drawn)) ** 0.5)


def test_sample_with_all_fibres_equals_everything(key):
    signal, axes = problem(key, grid=(9, 9))
    graphs = factors(key, (9, 9))
    whole, drawn = (
        energies(b, graphs)
        for b in (fibers.everything(surface, signal, axes), fibers.sample(surface, signal, axes, key, 9))
    )
    np.testing.assert_allclose(drawn, whole, rtol=1e-5)


def test_fibres_of_a_volume_run_along_every_axis(key):
    grid = (4, 5, 6)
    volume = jnp.arange(4 * 5 * 6).reshape(grid)
    for axis, index in enumerate(fibers.draw(key, grid, 3)):
        lines = np.asarray(volume[index])
        assert lines.shape == (3, grid[axis])
        steps = np.diff(lines, axis=1)
        assert (steps == volume.strides[axis] // volume.itemsize if hasattr(volume, "strides") else steps).all()
        assert (steps == (30, 6, 1)[axis]).all()


def test_gradients_of_fidelity_and_departure_against_central_differences(double_precision, key):
    with double_precision():
        signal, axes = problem(key)
        rng = np.random.default_rng(0)
        picture, direction = (jnp.array(rng.random(signal.values.shape)) for _ in range(2))

        def parts(values):
            batch = fibers.everything(lambda points: values.reshape(len(points), -1), signal, axes)
            return jnp.stack([batch.fidelity, batch.departure])

        found = (jax.jacrev(parts)(picture) * direction[None]).sum((1, 2, 3))
        central = (parts(picture + 1e-6 * direction) - parts(picture - 1e-6 * direction)) / 2e-6
        np.testing.assert_allclose(found, central, rtol=1e-6)
        assert (abs(central) > 1e-4).all()


def test_missing_values_do_not_enter_the_fidelity(key):
    signal, axes = problem(key)
    poisoned = Signal(jnp.where(signal.mask[..., None], signal.values, 1e6), signal.mask)
    changed = Signal(jnp.where(signal.mask[..., None], signal.values + 0.1, 0.0), signal.mask)
    for batch in (lambda s: fibers.everything(surface, s, axes), lambda s: fibers.sample(surface, s, axes, key, 4)):
        assert batch(signal).fidelity == batch(poisoned).fidelity
        assert batch(signal).fidelity != batch(changed).fidelity
