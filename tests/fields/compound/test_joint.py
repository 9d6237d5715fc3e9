"""A pair of fields: channels, parts with options of their own, and regularisers that see the signal alone."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fibers import Nodes, Sample
from inrr_jax.fields import FIELDS, siren
from inrr_jax.fields.tables import grid
from inrr_jax.operators.fourier import ParallelImaging
from inrr_jax.options import all_names, change, from_mapping, to_mapping, without_hyper_parameters
from inrr_jax.problem import Domain, Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import collect_hyper_parameters, static_key

DOMAIN = Domain((10, 8), 6, None, signal=2)
TINY = siren.Config(width=6, depth=2, omega=2.0)
PAIR = FIELDS["joint"](image=grid.Config(), maps=TINY)


def settings(**changes):
    base = dataclasses.replace(Settings(), field=PAIR)
    return change(
        base, {"regularizer.name": "tv", "train.fibers": 0, "train.steps": 3, "optimizer.name": "adam"} | changes
    )


def test_channels_are_those_of_both_fields(key):
    field, hyper = PAIR.build(DOMAIN), PAIR.hyper_parameters(DOMAIN, 1.0)
    assert hyper == {"maps.omega": 2.0}
    maps_alone = TINY.build(dataclasses.replace(DOMAIN, channels=4, signal=0))

    @jax.jit
    def evaluated(key):
        params = field.init(key, {})
        params["image"]["values"] = jax.random.normal(key, (10, 8, 2))
        maps = maps_alone.apply(params["maps"], DOMAIN.points, {"omega": 2.0})
        return params, maps, field.apply(params, DOMAIN.points, hyper), field.on_grid(params, hyper)

    params, maps, values, on_grid = evaluated(key)
    np.testing.assert_allclose(values[:, :2], params["image"]["values"].reshape(-1, 2), atol=1e-6)
    np.testing.assert_allclose(values[:, 2:], maps, atol=1e-6)
    np.testing.assert_allclose(on_grid.reshape(-1, 6), values, atol=1e-6)


def test_detail_is_the_images_alone():
    pair = FIELDS["joint"](image=siren.Config(), maps=siren.Config())
    image, maps = (pair.hyper_parameters(DOMAIN, 2.0)[f"{name}.omega"] for name in ("image", "maps"))
    assert image == 2 * maps > 0


def test_regularisers_see_the_signal_alone(key):
    # The loss without the misfit depends on the image, and not on the maps.
    problem = Problem(DOMAIN, ParallelImaging(), jnp.zeros((2, 10, 8, 2)))
    state, hyper, fibers = fit.init(problem, settings())
    image = jax.random.normal(key, (10, 8, 2))
    state.params["field"]["image"]["values"] = image
    static = static_key(settings())
    parts = {"field": static.build_field(DOMAIN), "regularizer": static.build_regularizer(DOMAIN), "fiber_count": 0}
    _, info = jax.jit(partial(objective, **parts))(state.params, problem, hyper, fibers)
    alone = Sample(whole=image)
    lengths = [jnp.diff(image, axis=a, append=jax.lax.slice_in_dim(image, -1, None, axis=a)) for a in (0, 1)]
    expected = jnp.sqrt(sum(jnp.sum(d**2, axis=-1) for d in lengths)).sum() / alone.whole.size
    assert float(info["energy_tv_all"]) == pytest.approx(float(expected), rel=1e-4)


def test_the_first_channels_of_a_sample():
    values = jnp.arange(24.0).reshape(2, 2, 6)
    sample = Sample((values,), (values,), (), values, (values,), {"t": Nodes(values[0, :, :2], values[0])})
    cut = sample.first_channels(2)
    assert [leaf.shape for leaf in (*cut.along, *cut.adjacent, cut.whole)] == [(2, 2, 2)] * 3
    assert cut.factors == ()
    assert cut.nodes["t"].values.shape == (2, 2)
    np.testing.assert_array_equal(cut.nodes["t"].points, values[0, :, :2])


def test_a_fit_moves_image_and_maps():
    rng = np.random.default_rng(0)
    problem = Problem(DOMAIN, ParallelImaging(), rng.normal(size=(2, 10, 8, 2)).astype(np.float32))
    start, hyper, _ = fit.init(problem, settings())
    before = np.asarray(fit.recover(start.params, hyper, DOMAIN, settings()))
    after = fit.solve(problem, settings())
    assert (np.abs(after - before).reshape(-1, 6).max(axis=0) > 1e-3).all()


def test_parts_have_options_of_their_own_and_one_program_for_every_omega():
    changed = change(settings(), {"field.maps.omega": 5.0})
    assert collect_hyper_parameters(changed, DOMAIN).field == {"maps.omega": 5.0}
    assert static_key(changed) == static_key(settings())
    assert without_hyper_parameters(PAIR).maps.omega is None
    assert PAIR.maps.omega == 2.0
    assert from_mapping(to_mapping(changed), Settings) == changed
    assert from_mapping(all_names(changed), Settings) == changed


def test_a_signal_without_other_channels_is_refused():
    with pytest.raises(UserError, match="field.name=joint for 6 channels, all of them of the signal"):
        PAIR.build(dataclasses.replace(DOMAIN, signal=0))
