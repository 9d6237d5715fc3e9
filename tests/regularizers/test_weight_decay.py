import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.fields import FIELDS
from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.regularizers.weight_decay import weight_decay

DOMAIN = Domain((8, 11), 1)


def some(init, *arguments):
    """Return parameters like those of an initialisation, which is not compiled."""
    rng, shapes = np.random.default_rng(0), jax.eval_shape(init, *arguments)
    return jax.tree.map(lambda leaf: jnp.array(rng.random(leaf.shape, np.float32)), shapes)


@pytest.mark.parametrize("name", ["siren", "relu", "fourier", "dmf", "inrz"])
def test_weights_decay_and_biases_and_fixed_parameters_do_not(key, name):
    config = FIELDS[name](precision="float32")
    if name != "dmf":
        config = dataclasses.replace(config, width=8, depth=2)
    auxiliary = {name: jnp.ones((*DOMAIN.shape, 1)) for name in config.auxiliary}
    params = some(config.build(DOMAIN).init, key, auxiliary)
    energy, gradients = jax.jit(jax.value_and_grad(weight_decay))(params)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    weights = [leaf for path, leaf in leaves if path[-1].key == "kernel" or path[-1].key.startswith("factor")]
    count = sum(leaf.size for leaf in weights)
    assert float(energy) == pytest.approx(sum(np.square(leaf).sum() for leaf in weights) / count, rel=1e-5)
    for (path, leaf), gradient in zip(leaves, jax.tree.leaves(gradients), strict=True):
        decays = path[-1].key not in ("bias", "frequencies", "first_estimate")
        np.testing.assert_allclose(gradient, 2 * np.asarray(leaf) / count * decays, rtol=1e-5, atol=1e-12)


def test_as_a_term_it_sees_the_parameters_of_the_field_alone(key, sample_of, problem_on):
    built = build(RegularizerSettings(name="weight_decay").terms, DOMAIN)
    params = {"field": {"layer": {"kernel": jnp.full((2, 3), 0.5), "bias": jnp.ones(3)}}, "inrr": jnp.ones((4, 4))}
    assert built.init(key) == {}
    energies = built.energies(params, sample_of(), problem_on(8, 11))
    assert energies == {"weight_decay": {"field": 0.25}}
