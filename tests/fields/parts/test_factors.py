"""Tucker and CP fields: the sums of products that they state, their initial values, and tensors that they recover."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.errors import UserError
from inrr_jax.fields import FIELDS
from inrr_jax.fields.factorised import cp, tucker
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit, optimizers

DOMAIN = Domain((5, 7, 4), 2)
KINDS = [(name, factor) for name in ("tucker", "cp") for factor in ("siren", "nodes")]


def small(name, factor="siren", **changes):
    config = FIELDS[name](precision="float32", factor=factor, factor_width=8, sine="exact")
    return dataclasses.replace(config, **changes)


@pytest.mark.parametrize(("name", "factor"), KINDS)
def test_on_the_grid_it_is_the_sum_of_products_of_its_factors(key, name, factor):
    config = small(name, factor)
    field, hyper = config.build(DOMAIN), config.hyper_parameters(DOMAIN, 1.0)
    params = field.init(key, {})
    factors = [np.asarray(u, np.float64) for u in field.factors(params, hyper)]
    core = np.asarray(params["core"], np.float64)
    expected = np.zeros((*DOMAIN.shape, 2))
    for r in np.ndindex(*core.shape[:-1]):
        a, b, c = r if name == "tucker" else r * 3
        product = np.einsum("i,j,k->ijk", factors[0][:, a], factors[1][:, b], factors[2][:, c])
        expected += product[..., None] * core[r]
    np.testing.assert_allclose(field.on_grid(params, hyper), expected, atol=1e-5)


def test_a_siren_factor_is_the_siren_of_the_node_s_place_in_its_axis(key):
    config = small("tucker", factor_depth=2)
    field, hyper = config.build(DOMAIN), {"omega": 9.0}
    params = field.init(key, {})
    x = np.linspace(-1, 1, 5)[:, None]
    layers = {name: {k: np.asarray(v, np.float64) for k, v in p.items()} for name, p in params["row"].items()}
    # The longest axis has 7 nodes, so that of 5 nodes has 5/7 of its frequency factor.
    x = np.sin(9.0 * 5 / 7 * (x @ layers["first"]["kernel"] + layers["first"]["bias"]))
    x = np.sin(x @ layers["hidden1"]["kernel"] + layers["hidden1"]["bias"])
    x = x @ layers["last"]["kernel"] + layers["last"]["bias"]
    np.testing.assert_allclose(field.factors(params, hyper)[0], x, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "factor", "amplitude"), [*((*kind, 10.0) for kind in KINDS), ("tucker", "siren", 0.1)]
)
def test_initial_values_have_the_amplitude_and_are_unbounded(key, name, factor, amplitude):
    field = small(name, factor, amplitude=amplitude, factor_width=64, omega=40.0).build(Domain((12, 10), 1))
    draw = jax.jit(jax.vmap(lambda k: field.on_grid(field.init(k, {}), {"omega": 40.0})))
    values = draw(jax.random.split(key, 20))
    assert amplitude / 2 < float(jnp.sqrt(jnp.mean(values**2))) < 2 * amplitude
    assert float(values.min()) < 0
    assert (float(values.max()) > 1) == (amplitude == 10.0)


def test_ranks_are_given_per_axis_or_a_share_of_the_nodes(key):
    def ranks(config, shape):
        field = config.build(Domain(shape, 1))
        factors = jax.eval_shape(lambda: field.factors(field.init(key, {}), {"omega": 1.0}))
        return [u.shape[1] for u in factors]

    assert ranks(small("tucker"), (40, 3, 20)) == [10, 3, 8]
    assert ranks(small("tucker", rank_share=0.6), (40, 20)) == [24, 12]
    assert ranks(small("tucker", ranks=(2, 5)), (40, 20)) == [2, 5]
    assert ranks(small("cp"), (12, 20)) == [20, 20]
    assert ranks(small("cp", rank=3), (12, 20)) == [3, 3]
    for wrong in ((3,), (0, 3), (2.0, 3)):
        with pytest.raises(UserError, match=r"field.ranks=.* on a grid of shape \(4, 5\): give 2 whole") as caught:
            tucker.Config(ranks=wrong).build(Domain((4, 5), 1))
        assert "\n" not in str(caught.value)
    assert (tucker.Config().size, cp.Config(factor="nodes").size) == ("siren 128 x 2", "nodes")


def test_muon_takes_the_hidden_layers_alone_and_first_layers_have_their_own_rate(key):
    params = {"field": small("tucker", ranks=(8, 8)).build(Domain((8, 8), 1)).init(key, {})}
    labels = optimizers.labels(params, matrices=True)["field"]
    assert labels["core"] == "field"
    for axis in ("row", "col"):
        assert labels[axis]["first"] == {"kernel": "first", "bias": "first"}
        assert labels[axis]["hidden1"] == {"kernel": "matrix", "bias": "field"}
    square = {"field": small("tucker", "nodes", ranks=(8, 8)).build(Domain((8, 8), 1)).init(key, {})}
    assert set(jax.tree.leaves(optimizers.labels(square, matrices=True))) == {"field"}


def smooth_tensor():
    """Return a tensor of multilinear rank (3, 3, 3) whose factors are smooth."""
    rng, t = np.random.default_rng(0), np.linspace(-1, 1, 12)
    factors = [np.cos(np.outer(t, [1.0, 2.0, 3.0]) + rng.uniform(0, 6, 3)) for _ in range(3)]
    tensor = np.einsum("abc,ia,jb,kc->ijk", rng.normal(size=(3, 3, 3)), *factors)
    return ((tensor - tensor.min()) / np.ptp(tensor))[..., None].astype(np.float32)


def recover(name, factor, mask):
    tensor = smooth_tensor()
    changes = {"field.name": name, "field.factor": factor, "field.factor_width": 32, "regularizer.name": "none"}
    settings = change(Settings(train=TrainSettings(steps=500, chunk=500)), {**FIELDS[name].habits, **changes})
    recovered = fit.solve(masked(tensor, mask), change(settings, {"optimizer.field_rate": 1e-2}))
    return float(np.sqrt(np.mean((recovered - tensor)[~mask] ** 2)))


@pytest.mark.parametrize("name", ["tucker", pytest.param("cp", marks=pytest.mark.slow)])
def test_smooth_factors_recover_missing_slices_and_plain_values_do_not(name):
    mask = np.random.default_rng(1).random((12, 12, 12)) < 0.3
    mask[5] = False
    assert recover(name, "siren", mask) < 0.03
    assert recover(name, "nodes", mask) > 0.06


def test_a_grid_costs_the_nodes_of_its_axes_and_not_their_product(key):
    config = small("tucker", ranks=(4, 4, 4))
    domain = Domain((64, 64, 64), 1)
    params = jax.eval_shape(config.build(domain).init, key, {})
    field = config.build(domain)

    def sines(evaluate, *arguments):
        equations = jax.make_jaxpr(evaluate)(params, *arguments).jaxpr.eqns
        inner = [e for eq in equations for e in (eq.params["jaxpr"].jaxpr.eqns if "jaxpr" in eq.params else [eq])]
        return sum(e.outvars[0].aval.size for e in inner if e.primitive.name == "sin")

    assert sines(field.on_grid, {"omega": 1.0}) == 3 * 64 * 8 * 2
    assert grids.all_points(domain.axes).shape[0] == 64**3
