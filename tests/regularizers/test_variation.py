import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fibers, grids, regularizers
from inrr_jax.baselines.total_variation import tv_energy_and_gap
from inrr_jax.operators.masking import Masking
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import RegularizerSettings

GRID = (8, 11)
SIGNAL_TERMS = ("tv", "tv_anisotropic", "tikhonov0", "tikhonov2")
SUM = RegularizerSettings(name="+".join(SIGNAL_TERMS))
DRAWS = 2000


def problem_of(values):
    """Return the problem of a signal that is observed everywhere."""
    grid = values.shape[:-1]
    return Problem(Domain(grid, values.shape[-1]), Masking(jnp.ones(grid, bool)), values)


@jax.jit
def energy_of(picture):
    """Return the energy of every term of the sum, for a picture on its whole grid."""
    problem = problem_of(picture)
    built = regularizers.build(SUM.terms, problem.domain)
    plan = fibers.plan(jax.random.key(0), problem.domain.shape, 0, adjacent=built.adjacent)
    sample = plan.collect(picture.reshape(-1, picture.shape[-1]))
    return {term: sum(parts.values()) for term, parts in built.energies({}, sample, problem).items()}


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
    for term in ("tv", "tv_anisotropic"):
        gradient = jax.jit(jax.grad(lambda picture, term=term: energy_of(picture)[term]))(on_grid(jnp.full(GRID, 0.5)))
        np.testing.assert_array_equal(gradient, 0)


def surface(points):
    """Some field that bends along both axes, and along each at other places."""
    x, y = points[:, :1], points[:, 1:]
    return jnp.concatenate([jnp.sin(3 * x + 5 * x * y), jnp.cos(4 * y - x)], axis=-1)


AXES = tuple(jnp.asarray(axis) for axis in grids.axes(GRID))


def picture_of_surface():
    return surface(grids.all_points(AXES)).reshape(*GRID, 2)


def draws(key):
    """Return, by term, the energies of many random sets of fibers of that field."""
    problem = problem_of(jnp.zeros((*GRID, 2)))
    built = regularizers.build(SUM.terms, problem.domain)

    def sampled(k):
        plan = fibers.plan(k, GRID, 3, adjacent=built.adjacent)
        sample = plan.collect(surface(plan.points))
        return {term: sum(parts.values()) for term, parts in built.energies({}, sample, problem).items()}

    return jax.jit(jax.vmap(sampled))(jax.random.split(key, DRAWS))


def misses(whole, many):
    """Return by how many of its standard errors a mean differs from what it estimates."""
    return float(abs(many.mean() - whole) / (many.std() / DRAWS**0.5))


def test_every_energy_is_estimated_by_random_fibers_without_bias(key):
    whole = energy_of(picture_of_surface())
    for name, many in draws(key).items():
        assert misses(float(whole[name]), many) < 4, name
        assert float(many.std()) > 0.01 * float(whole[name]), name  # there is something to average over


def test_differences_across_fibers_that_were_not_adjacent_would_be_biased(key, monkeypatch):
    whole, honest = energy_of(picture_of_surface())["tv"], fibers.next_to
    monkeypatch.setattr(fibers, "next_to", lambda index, grid: honest(honest(index, grid)[0], grid))
    assert misses(float(whole), draws(key)["tv"]) > 10


def test_only_isotropic_variation_needs_adjacent_fibers():
    for name in regularizers.TERMS:
        built = regularizers.build(RegularizerSettings(name=name).terms, Domain(GRID, 1))
        assert built.adjacent == (name == "tv"), name
    assert regularizers.build(SUM.terms, Domain(GRID, 1)).adjacent
