"""Problems: the range of a signal, the part that a fit may see, digests, and problems as pytrees."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.operators.masking import Masking, masked
from inrr_jax.operators.resample import AreaAverage
from inrr_jax.problem import Domain, Problem

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(4, 6, 1)).astype(np.float32)
MASK = RNG.uniform(size=(4, 6)) < 0.6
UNBOUNDED = jnp.array([[-30.0], [-1.0], [0.0], [2.0], [30.0]])


def squash(bounds):
    return Domain((4, 6), 1, bounds).squash(UNBOUNDED)


def test_squash_maps_into_the_bounds_and_keeps_unbounded_values():
    np.testing.assert_array_equal(squash(None), UNBOUNDED)
    np.testing.assert_array_equal(squash((0.0, 1.0)), jax.nn.sigmoid(UNBOUNDED))
    wide = squash((-2.0, 3.0))
    np.testing.assert_allclose(wide, -2 + 5 * jax.nn.sigmoid(UNBOUNDED), rtol=1e-6)
    np.testing.assert_allclose(wide[jnp.array([0, 2, 4]), 0], [-2, 0.5, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shape": ()}, r"shape=\(\) of a domain: give the nodes along each axis, such as \(64, 64\)"),
        ({"shape": (8, 0)}, r"shape=\(8, 0\) of a domain"),
        ({"channels": 0}, r"channels=0 of a domain: give a whole number of at least 1"),
        ({"bounds": (1.0, 0.0)}, r"bounds=\(1\.0, 0\.0\) of a domain: give the smallest and the largest value"),
        ({"bounds": (0.0, math.nan)}, r"bounds=\(0\.0, nan\) of a domain"),
        ({"spacing": (1.0,) * 3}, r"spacing=\(1\.0, 1\.0, 1\.0\) of a domain: give 2 numbers above 0, or None"),
        ({"spacing": (1.0, -1.0)}, r"spacing=\(1\.0, -1\.0\) of a domain"),
        ({"signal": 2}, r"signal=2 of a domain: give a whole number of at most 1, the channels"),
    ],
)
def test_a_domain_with_a_wrong_value_is_refused(values, message):
    with pytest.raises(UserError, match=message):
        Domain(**{"shape": (4, 6), "channels": 1} | values)


def test_the_visible_part_has_no_truth_and_does_not_depend_on_missing_values():
    junk = np.where(MASK[..., None], IMAGE, np.nan).astype(np.float32)
    visible = masked(IMAGE, MASK).visible
    assert visible.truth is None
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(visible))
    jax.tree.map(np.testing.assert_array_equal, visible, masked(junk, MASK).visible)
    jax.tree.map(np.testing.assert_array_equal, visible, masked(junk, MASK, truth=False).visible)
    np.testing.assert_array_equal(visible.measurements[MASK], IMAGE[MASK])
    assert not visible.measurements[~MASK].any()
    assert np.isnan(masked(junk, MASK).truth).any()  # this problem itself does hold the junk, but not its visible part
    assert masked(junk, MASK, truth=False).truth is None


def test_equal_problems_have_equal_digests_and_others_do_not():
    problem = masked(IMAGE, MASK)
    assert problem.digest == masked(IMAGE.copy(), MASK.copy()).digest
    assert problem.digest == problem.with_auxiliary(guide=IMAGE).digest
    others = {
        "values": masked(1 - IMAGE, MASK),
        "mask": masked(IMAGE, ~MASK),
        "bounds": masked(IMAGE, MASK, bounds=(0.0, 2.0)),
        "shape": masked(IMAGE.reshape(6, 4, 1), MASK.reshape(6, 4)),
        "truth": masked(IMAGE, MASK, truth=False),
        "operator": Problem(Domain((8, 6), 1), AreaAverage((2, 1)), problem.measurements, truth=IMAGE),
        "factor": Problem(Domain((8, 6), 1), AreaAverage((1, 2)), problem.measurements, truth=IMAGE),
    }
    assert len({problem.digest, *(other.digest for other in others.values())}) == 1 + len(others)


def test_auxiliary_arrays_are_added_and_replaced_in_a_copy():
    problem = masked(IMAGE, MASK)
    guided = problem.with_auxiliary(guide=IMAGE)
    both = guided.with_auxiliary(first_estimate=IMAGE)
    assert set(both.auxiliary) == {"guide", "first_estimate"}
    np.testing.assert_array_equal(both.with_auxiliary(guide=1 - IMAGE).auxiliary["guide"], 1 - IMAGE)
    np.testing.assert_array_equal(both.auxiliary["guide"], IMAGE)
    assert problem.auxiliary == {}
    assert set(guided.auxiliary) == {"guide"}


def test_a_problem_passes_through_jit_and_vmap_with_a_static_domain():
    traces = []

    @jax.jit
    def total(problem):
        traces.append(problem.domain)
        return problem.measurements.sum() + problem.operator.mask.sum()

    problems = [masked(IMAGE, MASK).visible, masked(1 - IMAGE, ~MASK).visible]
    expected = [p.measurements.sum() + p.operator.mask.sum() for p in problems]
    assert [float(total(p)) for p in problems] == pytest.approx([float(x) for x in expected])
    assert traces == [Domain((4, 6), 1)]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *problems)
    assert isinstance(stack.operator, Masking)
    np.testing.assert_allclose(jax.vmap(total)(stack), expected, rtol=1e-6)
    total(masked(IMAGE, MASK, bounds=None).visible)
    assert traces[-1] == Domain((4, 6), 1, None)  # another domain is another program
