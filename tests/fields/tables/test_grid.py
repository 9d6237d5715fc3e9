"""The grid of values: its parameters are the signal, and its fit is the classical regularised problem."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.fields.tables import grid
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import fit


@pytest.mark.parametrize(("bounds", "start"), [((0.0, 1.0), 0.5), ((-2.0, 3.0), 0.5), ((1.0, 3.0), 2.0), (None, 0.0)])
def test_it_starts_at_the_middle_of_the_bounds_and_is_not_squashed(key, bounds, start):
    domain = Domain((3, 4), 2, bounds)
    field = grid.Config().build(domain)
    np.testing.assert_array_equal(field.on_grid(field.init(key, {}), {}), np.full((3, 4, 2), start, np.float32))
    values = 10 * jax.random.normal(key, (3, 4, 2))
    np.testing.assert_array_equal(field.on_grid({"values": values}, {}), values)


def test_between_nodes_it_is_bilinear_also_with_spacing():
    domain = Domain((3, 2), 1, spacing=(1.0, 4.0))
    values = jnp.arange(6.0).reshape(3, 2, 1)
    rows, columns = domain.axes
    middle = jnp.stack([(rows[0] + rows[1]) / 2, (columns[0] + 3 * columns[1]) / 4])[None]
    assert float(grid.Config().build(domain).apply({"values": values}, middle, {})[0, 0]) == pytest.approx(
        1.75, abs=1e-5
    )


def test_with_the_energy_of_the_path_graph_it_becomes_the_harmonic():
    rows, columns = np.mgrid[:10, :12] / 12
    image = (0.5 + 0.3 * np.sin(5 * rows) * np.cos(4 * columns))[..., None].astype(np.float32)
    mask = np.random.default_rng(0).random((10, 12)) < 0.4
    changes = {"field.name": "grid", "regularizer.name": "grid", "regularizer.grid.weight": 1e-3, "train.steps": 400}
    settings = change(Settings(), {**changes, **grid.Config.habits, "optimizer.field_rate": 0.02})
    recovered, classical = fit.solve(masked(image, mask), settings), harmonic(image, mask)
    np.testing.assert_allclose(recovered[~mask], classical[~mask], atol=5e-3)
    strong = fit.solve(masked(image, mask), change(settings, {"regularizer.grid.weight": 10.0}))
    assert np.abs(strong - classical).max() > 0.1
