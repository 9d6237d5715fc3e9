import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, fields, grids, regularizers
from inrr_jax.baselines.total_variation import tv_energy_and_gap
from inrr_jax.regularizers import variation
from inrr_jax.settings import FieldSettings, OptimizerSettings, RegularizerSettings, Settings, TrainSettings
from inrr_jax.training import fit as training
from inrr_jax.training.objective import objective
from inrr_jax.types import Signal

GRID = (8, 11)
SIGNAL_TERMS = ("tv", "tv_anisotropic", "tikhonov0", "tikhonov2")
SUM = RegularizerSettings(name="+".join(SIGNAL_TERMS))
DRAWS = 2000


@jax.jit
def energy_of(picture):
    """Return the energy of every term of the sum, for a picture on its whole grid."""
    grid = picture.shape[:-1]
    signal = Signal(picture, jnp.ones(grid, bool))
    axes = tuple(jnp.asarray(axis) for axis in grids.axes(grid))
    built = regularizers.make(SUM, grid)
    batch = fibers.everything(lambda points: picture.reshape(points.shape[0], -1), signal, axes, beside=True)
    return {term: sum(parts.values()) for term, parts in built.energies({}, batch.along, batch.beside).items()}


def on_grid(values, channels=1):
    return jnp.broadcast_to(values[..., None], (*GRID, channels)).astype(jnp.float32)


ROWS, COLUMNS = (jnp.arange(n, dtype=jnp.float32) for n in GRID)


def test_a_constant_picture_costs_nothing_but_its_square():
    energies = energy_of(on_grid(jnp.full(GRID, 0.25), 3))
    assert {name: float(energy) for name, energy in energies.items()} == {
        **dict.fromkeys(SIGNAL_TERMS, 0.0),
        "tikhonov0": 0.0625,
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_the_variation_of_a_step_edge_is_its_height_times_its_length(channels):
    edge = on_grid(jnp.where(COLUMNS[None, :] >= 5, 0.75, 0.25) + jnp.zeros((GRID[0], 1)), channels)
    energies = energy_of(edge)
    length = 0.5 * GRID[0] / (GRID[0] * GRID[1])
    # Channels that change together count by their Euclidean norm in the vectorial form, each in the anisotropic one.
    assert float(energies["tv"]) == pytest.approx(length / channels**0.5, rel=1e-6)
    assert float(energies["tv_anisotropic"]) == pytest.approx(length, rel=1e-6)


def test_a_slanted_ramp_has_the_norm_of_its_slope_and_costs_no_second_order():
    energies = energy_of(on_grid(0.03 * ROWS[:, None] + 0.04 * COLUMNS[None, :]))
    (height, width), size = GRID, GRID[0] * GRID[1]
    inner, bottom, right = (height - 1) * (width - 1), width - 1, height - 1
    assert float(energies["tv"]) == pytest.approx((0.05 * inner + 0.04 * bottom + 0.03 * right) / size, rel=1e-4)
    taxi = 0.03 * (height - 1) * width + 0.04 * height * (width - 1)
    assert float(energies["tv_anisotropic"]) == pytest.approx(taxi / size, rel=1e-4)
    assert float(energies["tikhonov2"]) == pytest.approx(0, abs=1e-12)


def test_the_second_order_of_a_parabola_is_its_curvature_squared():
    energy = energy_of(on_grid(0.005 * ROWS[:, None] ** 2 + 0.02 * COLUMNS[None, :]))["tikhonov2"]
    assert float(energy) == pytest.approx(0.01**2 * (GRID[0] - 2) / GRID[0], rel=1e-3)


def test_isotropic_variation_is_that_of_the_classical_fill(key):
    picture = jax.random.uniform(key, (*GRID, 3))
    total, _ = tv_energy_and_gap(picture, jnp.zeros((2, *picture.shape)), np.ones(GRID, bool))
    assert float(energy_of(picture)["tv"]) == pytest.approx(float(total) / picture.size, rel=1e-5)


def test_energies_equal_slow_loops_in_a_volume(key):
    volume = jax.random.uniform(key, (3, 4, 5, 2))
    x, expected = np.asarray(volume, np.float64), dict.fromkeys(SIGNAL_TERMS, 0.0)
    for place in np.ndindex(3, 4, 5):
        gradient = []
        for axis in range(3):
            step = np.eye(3, dtype=int)[axis]
            following, before = tuple(np.add(place, step)), tuple(np.subtract(place, step))
            if place[axis] + 1 < x.shape[axis]:
                gradient.append(x[following] - x[place])
                if place[axis] > 0:
                    expected["tikhonov2"] += ((x[following] - 2 * x[place] + x[before]) ** 2).sum()
        expected["tv"] += np.sqrt(np.square(gradient).sum())
        expected["tv_anisotropic"] += np.abs(gradient).sum()
        expected["tikhonov0"] += (x[place] ** 2).sum()
    for name, energy in energy_of(volume).items():
        assert float(energy) == pytest.approx(expected[name] / x.size, rel=1e-5), name


def test_gradients_against_central_differences_in_float64(double_precision, key):
    with double_precision():
        rng = np.random.default_rng(0)
        picture, direction = jnp.array(rng.random((*GRID, 2))), jnp.array(rng.random((*GRID, 2)))
        gradients = jax.jit(jax.jacrev(energy_of))(picture)
        above, below = energy_of(picture + 1e-6 * direction), energy_of(picture - 1e-6 * direction)
        for name, gradient in gradients.items():
            central = float(above[name] - below[name]) / 2e-6
            assert float((gradient * direction).sum()) == pytest.approx(central, rel=1e-6), name
            assert abs(central) > 1e-4


def test_the_gradient_of_a_flat_picture_is_zero():
    gradient = jax.jit(jax.grad(lambda picture: energy_of(picture)["tv"]))(on_grid(jnp.full(GRID, 0.5)))
    np.testing.assert_array_equal(gradient, 0)


def surface(points):
    """Some field that bends along both axes, and along each at other places."""
    x, y = points[:, :1], points[:, 1:]
    return jnp.concatenate([jnp.sin(3 * x + 5 * x * y), jnp.cos(4 * y - x)], axis=-1)


AXES = tuple(jnp.asarray(axis) for axis in grids.axes(GRID))


def picture_of_surface():
    return surface(grids.all_points(AXES)).reshape(*GRID, 2)


def draws(key):
    """Return, by term, the energies of many random sets of fibres of that field."""
    signal = Signal(jnp.zeros((*GRID, 2)), jnp.ones(GRID, bool))
    built = regularizers.make(SUM, GRID)

    def sampled(k):
        batch = fibers.sample(surface, signal, AXES, k, 3, beside=True)
        return {term: sum(parts.values()) for term, parts in built.energies({}, batch.along, batch.beside).items()}

    return jax.jit(jax.vmap(sampled))(jax.random.split(key, DRAWS))


def misses(whole, many):
    """By how many of its standard errors a mean misses what it estimates."""
    return float(abs(many.mean() - whole) / (many.std() / DRAWS**0.5))


def test_every_energy_is_estimated_by_random_fibres_without_bias(key):
    whole = energy_of(picture_of_surface())
    for name, many in draws(key).items():
        assert misses(float(whole[name]), many) < 4, name
        assert float(many.std()) > 0.01 * float(whole[name]), name  # there is something to average over


def test_differences_across_fibres_that_were_not_beside_would_be_biased(key, monkeypatch):
    whole, honest = energy_of(picture_of_surface())["tv"], fibers.next_to
    monkeypatch.setattr(fibers, "next_to", lambda index, grid: honest(honest(index, grid)[0], grid))
    assert misses(float(whole), draws(key)["tv"]) > 10


def some(init, *arguments):
    """Return parameters like those of an initialisation, which is not compiled."""
    rng, shapes = np.random.default_rng(0), jax.eval_shape(init, *arguments)
    return jax.tree.map(lambda leaf: jnp.array(rng.random(leaf.shape, np.float32)), shapes)


@pytest.mark.parametrize("name", ["siren", "fourier", "dmf"])
def test_weights_decay_and_biases_and_fixed_frequencies_do_not(key, name):
    field = fields.on_grid(FieldSettings(name=name, width=8, depth=2, precision="float32"), GRID, 1)
    params = some(field.init, key)
    energy, gradients = jax.jit(jax.value_and_grad(variation.weight_decay))(params)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    weights = [leaf for path, leaf in leaves if path[-1].key == "kernel" or path[-1].key.startswith("factor")]
    count = sum(leaf.size for leaf in weights)
    assert float(energy) == pytest.approx(sum(np.square(leaf).sum() for leaf in weights) / count, rel=1e-5)
    for (path, leaf), gradient in zip(leaves, jax.tree.leaves(gradients), strict=True):
        decays = path[-1].key not in ("bias", "frequencies")
        np.testing.assert_allclose(gradient, 2 * np.asarray(leaf) / count * decays, rtol=1e-5, atol=1e-12)


SMALL = Settings(
    field=FieldSettings(width=8, depth=1, precision="float32"),
    regularizer=RegularizerSettings(name="tv+grid+weight_decay+inrr", width=4, depth=1, rank=4),
    optimizer=OptimizerSettings(name="adam"),
    train=TrainSettings(steps=2, fibers=3),
)


def test_the_energies_of_a_sum_are_those_of_its_parts(key):
    signal = Signal(jax.random.uniform(key, (*GRID, 1)), jnp.ones(GRID, bool))
    params, knobs = some(lambda: training.start(signal, SMALL)[0].params), training.knobs_of(SMALL, GRID)

    @jax.jit
    def info(params):
        """Return the named parts of the loss with each term, and with their sum."""
        field, names = fields.make(SMALL.field, 2, 1), (*SMALL.regularizer.terms, SMALL.regularizer.name)
        built = [regularizers.make(dataclasses.replace(SMALL.regularizer, name=name), GRID) for name in names]
        loss = partial(objective, params, signal, AXES, knobs, key, field=field, count=3)
        return [loss(regularizer=one)[1] for one in built]

    *alone, together = info(params)
    merged = {name: value for part in alone for name, value in part.items()}
    assert set(together) == set(merged)
    for name in set(together) - {"loss"}:
        assert float(together[name]) == pytest.approx(float(merged[name]), rel=1e-5), name
    added = sum(float(part["loss"] - part["fidelity"]) for part in alone)
    assert float(together["loss"] - together["fidelity"]) == pytest.approx(added, rel=1e-3)
    assert {"energy_tv_all", "energy_grid_row", "energy_weight_decay_field", "energy_inrr_col"} < set(together)
