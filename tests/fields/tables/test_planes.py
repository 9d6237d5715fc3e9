"""Feature planes: the paper's equation, the axes that they need, and a fit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields.tables import planes
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import fit

SMALL = planes.Config(features=3, decoder_width=5, precision="float32")


@pytest.mark.parametrize("combine", ["product", "sum"])
@pytest.mark.parametrize("depth", [0, 1])
def test_with_planes_as_fine_as_the_grid_it_decodes_products_or_sums_of_their_nodes(key, combine, depth):
    config = planes.Config(features=3, decoder_width=5, plane_share=1.0, combine=combine, decoder_depth=depth)
    field = config.build(Domain((3, 4, 5), 2))

    @jax.jit
    def evaluated(key):
        params = field.init(key, {})
        return params, field.on_grid(params, {})

    params, found = evaluated(key)
    ab, ac, bc = (np.asarray(params[f"plane{pair}"], np.float64) for pair in ("01", "02", "12"))
    ab, ac, bc = ab[:, :, None], ac[:, None, :], bc[None, :, :]
    x = ab * ac * bc if combine == "product" else ab + ac + bc
    layers = {name: {k: np.asarray(v, np.float64) for k, v in p.items()} for name, p in params["decoder"].items()}
    if depth:
        x = np.maximum(0, x @ layers["hidden0"]["kernel"] + layers["hidden0"]["bias"])
    raw = x @ layers["last"]["kernel"] + layers["last"]["bias"]
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-raw)), atol=1e-5)


def test_planes_have_a_share_of_the_nodes_and_ends_at_the_ends_of_the_axes(key):
    domain = Domain((9, 3), 1, None)
    field = SMALL.build(domain)
    params = field.init(key, {})
    assert params["plane01"].shape == (5, 2, 3)
    linear = params["decoder"]
    # A feature that is linear along both axes stays linear between the coarse nodes.
    ramp = jnp.linspace(0, 1, 5)[:, None, None] + jnp.linspace(0, 1, 2)[None, :, None] * jnp.ones((1, 1, 3))
    found = planes.Planes((9, 3), 0.5, 3, "product").on_grid({"plane01": ramp, "decoder": linear})
    expected = np.linspace(0, 1, 9)[:, None] + np.linspace(0, 1, 3)[None, :]
    np.testing.assert_allclose(found.reshape(9, 3, 3)[..., 0], expected, atol=1e-6)


def test_a_single_axis_is_refused_and_the_size_is_that_of_planes_and_decoder():
    with pytest.raises(UserError, match=r"field.name=planes on a grid of shape \(9,\): it needs at least two axes"):
        SMALL.build(Domain((9,), 1))
    assert SMALL.size == "3 features, 5 x 1"


def test_a_fit_recovers_a_smooth_volume():
    i, j, k = np.mgrid[:10, :10, :10] / 10
    volume = (0.5 + 0.4 * np.sin(3 * i + 2 * j) * np.cos(2 * k))[..., None].astype(np.float32)
    mask = np.random.default_rng(0).random((10, 10, 10)) < 0.4
    settings = change(Settings(), {"field.name": "planes", "regularizer.name": "none", "train.steps": 300})
    recovered = fit.solve(masked(volume, mask), change(settings, planes.Config.habits))
    assert np.sqrt(np.mean((recovered - volume)[~mask] ** 2)) < 0.05
    still = fit.solve(masked(volume, mask), change(settings, {**planes.Config.habits, "optimizer.field_rate": 0.0}))
    assert np.sqrt(np.mean((still - volume)[~mask] ** 2)) > 0.2
