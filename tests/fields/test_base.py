import dataclasses
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fields
from inrr_jax.errors import UserError
from inrr_jax.fields import FIELDS, FIXED, SINGLE, FieldConfig, siren
from inrr_jax.fields.base import tiled
from inrr_jax.fields.factorised import dmf
from inrr_jax.options import change, from_mapping
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings

SHARED = {"base", "__init__"}
"""Files that define no field."""
FOLDERS = ("", "factorised", "tables")
"""Folders that define fields."""
PLAIN = siren.Config(width=64, depth=3, precision="float32", sine="exact", tile=0)
OMEGA = {"omega": 30.0}
GRID = (5, 6)
BOUNDS = ((0.0, 1.0), (-2.0, 3.0))


def small(name):
    """Return a small config of any field."""
    config = FIELDS[name](precision="float32")
    sizes = {"width": 8, "depth": 2, "factor_width": 8, "features": 4, "decoder_width": 6, "decoder_depth": 2}
    return dataclasses.replace(config, **{name: size for name, size in sizes.items() if hasattr(config, name)})


def auxiliary(config):
    return {name: jnp.full((*GRID, 2), 0.3) for name in config.auxiliary}


def points_in(key, count):
    return jax.random.uniform(key, (count, 2), minval=-1, maxval=1)


def test_every_name_has_a_file_and_every_file_a_name():
    root = Path(fields.__file__).parent
    files = [path.relative_to(root).with_suffix("") for folder in FOLDERS for path in (root / folder).glob("*.py")]
    assert {".".join(file.parts) for file in files if file.name not in SHARED} == {*fields.NAMES}
    assert len(SINGLE) == len(fields.NAMES)
    for path, (name, config) in zip(fields.NAMES, SINGLE.items(), strict=True):
        assert issubclass(config, FieldConfig)
        assert config().name == name == path.split(".")[-1]
        assert config.__module__ == f"inrr_jax.fields.{path}"


def test_unknown_names_are_refused():
    with pytest.raises(
        UserError, match=r"field\.name=sirn is unknown: did you mean siren\? accepted are cp, dmf, finer, fourier,"
    ):
        from_mapping({"field": {"name": "sirn"}}, Settings)
    with pytest.raises(UserError, match=r"field\.name=sirn is unknown"):
        change(Settings(), {"field.name": "sirn"})
    with pytest.raises(UserError, match="name=relu is unknown: accepted are siren"):
        siren.Config(name="relu")


def test_options_of_another_field_are_refused_when_they_are_given():
    with pytest.raises(UserError, match=r"field\.factors is no setting of field\.name=siren: it has .*omega"):
        change(Settings(), {"field.factors": 4})
    assert change(Settings(), {"field.name": "dmf", "field.factors": 4}).field == dmf.Config(factors=4)


@pytest.mark.parametrize("name", SINGLE)
def test_every_field_evaluates_its_points_and_its_fixed_parameters_get_no_gradient(key, name):
    config = small(name)
    field = config.build(Domain(GRID, 2))
    params = field.init(key, auxiliary(config))
    hyper, points = config.hyper_parameters(Domain(GRID, 2), 1.0), points_in(key, 7)

    @partial(jax.grad, has_aux=True)
    def gradient(params):
        values = field.apply(params, points, hyper)
        return (values**2).sum(), values

    gradients, values = jax.jit(gradient)(params)
    assert values.shape == (7, 2)
    moved = {name for name, gradient in gradients.items() if any(leaf.any() for leaf in jax.tree.leaves(gradient))}
    assert moved == set(params) - set(config.fixed)
    assert set(config.fixed) == set(params) & set(FIXED)


DOMAINS = [Domain((9,), 2), Domain((5, 4, 6), 1), Domain((3, 4, 1, 5), 2, spacing=(1.0, 0.5, 4.0, 1.0))]
PLANE = Domain((7, 5), 3, None, spacing=(1.0, 2.5))
AXES = {"dmf": (2,), "inrz": (2,), "planes": (2, 3, 4), "hash_grid": (1, 2, 3)}
"""Numbers of axes that a field accepts; all, where it is not named."""
AXES |= dict.fromkeys(("finer", "gauss", "relu", "fourier", "wire"), (1, 4))
"""Other networks than SIREN differ in the function of a layer alone, so that the fewest and the most axes suffice."""


def cases():
    """List every field with the domains that it accepts; a plane is slow where other domains stand for it."""
    for name in SINGLE:
        accepted = [domain for domain in (*DOMAINS, PLANE) if len(domain.shape) in AXES.get(name, (1, 2, 3, 4))]
        for domain in accepted:
            slow = domain is PLANE and len(accepted) > 1
            yield pytest.param(name, domain, marks=pytest.mark.slow if slow else ())


def initial(config, domain, key):
    given = {name: jnp.full((*domain.shape, domain.channels), 0.3) for name in config.auxiliary}
    return config.build(domain).init(key, given)


def values_at(config, domain, params):
    return config.build(domain).apply(params, domain.points, config.hyper_parameters(domain, 1.0))


@pytest.mark.parametrize(("name", "domain"), [*cases()])
def test_fields_of_any_dimension_agree_at_nodes_on_the_grid_and_in_tiles_on_several_devices(key, name, domain):
    config = small(name)
    field, hyper = config.build(domain), config.hyper_parameters(domain, 1.0)

    params = initial(config, domain, key)

    @jax.jit
    def everything(params):
        cut = values_at(dataclasses.replace(config, tile=4, sharded=True), domain, params)
        whole = field.on_grid(params, hyper) if field.on_grid else cut
        return values_at(config, domain, params), cut, whole, field.factors and field.factors(params, hyper)

    values, cut, whole, factors = everything(params)
    assert (values.shape, values.dtype) == ((len(domain.points), domain.channels), jnp.float32)
    assert np.std(values) > 0 or name == "grid"
    np.testing.assert_allclose(cut, values, atol=1e-5)
    np.testing.assert_allclose(whole.reshape(values.shape), values, atol=1e-5)
    assert [len(factor) for factor in factors or ()] == (list(domain.shape) if name in ("tucker", "cp") else [])


@pytest.mark.parametrize("name", SINGLE)
def test_bfloat16_changes_the_values_a_little_and_a_mapped_field_equals_lone_ones(key, name):
    exact, coarse = (dataclasses.replace(small(name), precision=precision) for precision in ("float32", "bfloat16"))

    def both(params):
        return [values_at(config, PLANE, params) for config in (exact, coarse)]

    members = [initial(exact, PLANE, k) for k in jax.random.split(key, 2)]
    many = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)
    # One program for all, in which the loop over lone members is compiled once.
    lone, mapped = jax.jit(lambda many: (jax.lax.map(both, many), jax.vmap(both)(many)))(many)
    for member, (values, rounded) in enumerate(zip(*lone, strict=True)):
        np.testing.assert_allclose(rounded, values, atol=0.03 * float(jnp.abs(values).max()))
        assert rounded.dtype == jnp.float32
        assert np.array_equal(rounded, values) == (name in ("dmf", "grid"))  # these are always float32
        for one, many in zip((values, rounded), mapped, strict=True):
            np.testing.assert_allclose(many[member], one, atol=0.01 * float(jnp.abs(values).max()))


def test_the_fixed_parameters_are_those_of_all_fields():
    assert set(FIXED) == {"frequencies", "first_estimate"}


@pytest.mark.parametrize("name", ["siren", "gauss", "relu", "fourier", "inrz", "hash_grid"])
def test_networks_are_squashed_into_the_bounds_of_the_domain(key, name):
    config, points = small(name), points_in(key, 9)
    hyper = config.hyper_parameters(Domain(GRID, 2), 1.0)
    params = config.build(Domain(GRID, 2)).init(key, auxiliary(config))

    @jax.jit
    def within(params):
        params = jax.tree.map(lambda p: 3 * p, params)
        return [config.build(Domain(GRID, 2, limits)).apply(params, points, hyper) for limits in (None, *BOUNDS)]

    raw, *found = map(np.asarray, within(params))
    for values, (low, high) in zip(found, BOUNDS, strict=True):
        np.testing.assert_allclose(values, low + (high - low) / (1 + np.exp(-raw.astype(np.float64))), atol=1e-5)
    assert np.ptp(raw) > 0


@pytest.mark.parametrize("count", [7, 16, 35, 64])
def test_tiles_change_neither_values_nor_gradients(key, count):
    whole = PLAIN.build(Domain(GRID, 2))
    in_tiles = dataclasses.replace(PLAIN, tile=8).build(Domain(GRID, 2))
    params, points = whole.init(key, {}), points_in(key, count)

    def evaluated(params):
        def loss(params, field):
            values = field.apply(params, points, OMEGA)
            return jnp.sum(values**2), values

        return [jax.grad(loss, has_aux=True)(params, field) for field in (whole, in_tiles)]

    (gradient, values), (gradient_in_tiles, values_in_tiles) = jax.jit(evaluated)(params)
    np.testing.assert_allclose(values_in_tiles, values, atol=1e-6)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(gradient_in_tiles), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * float(jnp.abs(a).max()))


@pytest.mark.parametrize(("tile", "count", "largest"), [(8, 15, 15), (8, 16, 8), (8, 35, 8), (0, 64, 64)])
def test_batches_of_fewer_than_two_tiles_are_evaluated_whole(tile, count, largest):
    sizes = []

    def apply(params, points, hyper):
        sizes.append(len(points))
        return points[:, :1]

    points = jnp.arange(2.0 * count).reshape(count, 2)
    np.testing.assert_array_equal(tiled(apply, tile)({}, points, {}), points[:, :1])
    assert max(sizes) == largest


def test_the_config_itself_builds_nothing():
    with pytest.raises(NotImplementedError):
        FieldConfig().build(Domain(GRID, 1))
