import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.problem import Domain
from inrr_jax.regularizers import RegularizerSettings, build
from inrr_jax.regularizers.tikhonov import tikhonov0, tikhonov2


def test_order_0_is_the_mean_square_over_the_fibers_of_all_axes():
    rows, columns = jnp.full((2, 5, 1), 0.5), jnp.full((3, 7, 1), 1.0)
    assert float(tikhonov0((rows, columns))) == pytest.approx((10 * 0.25 + 21 * 1.0) / 31, rel=1e-6)


def test_order_2_equals_a_slow_loop(key):
    fibers = jax.random.uniform(key, (4, 9, 3))
    x, total = np.asarray(fibers, np.float64), 0.0
    for f, i, c in np.ndindex(4, 7, 3):
        total += (x[f, i + 2, c] - 2 * x[f, i + 1, c] + x[f, i, c]) ** 2
    assert float(tikhonov2(fibers)) == pytest.approx(total / x.size, rel=1e-5)


def test_ramps_have_no_energy_of_order_2_and_parabolas_have_their_curvature_squared():
    nodes = jnp.arange(10.0)
    assert float(tikhonov2((0.1 * nodes)[None, :, None])) == pytest.approx(0, abs=1e-12)
    assert float(tikhonov2((0.05 * nodes**2)[None, :, None])) == pytest.approx(0.1**2 * 8 / 10, rel=1e-4)


def test_as_terms_order_0_has_one_part_and_order_2_one_per_axis(key, sample_of, problem_on):
    built = build(RegularizerSettings(name="tikhonov0+tikhonov2").terms, Domain((6, 8), 1))
    keys = jax.random.split(key)
    along = tuple(jax.random.uniform(k, (3, n, 1)) for k, n in zip(keys, (6, 8), strict=True))
    energies = built.energies({}, sample_of(*along), problem_on(6, 8))
    assert energies == {
        "tikhonov0": {"all": tikhonov0(along)},
        "tikhonov2": {"row": tikhonov2(along[0]), "col": tikhonov2(along[1])},
    }
    assert (built.init(key), built.laplacians({}), built.adjacent) == ({}, {}, False)
