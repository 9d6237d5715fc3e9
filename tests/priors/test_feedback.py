"""Rounds of patch groups with feedback: the iteration against its formula, what it recovers, and what it never uses."""

import itertools

import jax.numpy as jnp
import numpy as np

from inrr_jax import metrics
from inrr_jax.priors import feedback, low_rank, patch_groups
from inrr_jax.priors.patch_groups import Geometry

RNG = np.random.default_rng(0)
GEOMETRY = Geometry(side=4, spacing=3, radius=8, members=24)
MASK = RNG.random((30, 27)) < 0.5


def texture():
    """Return a texture that repeats every 5 rows and every 4 columns."""
    rows, columns = np.mgrid[:30, :27]
    return (0.3 + 0.1 * (rows % 5) + 0.05 * (columns % 4))[..., None].astype(np.float32)


def after(count, image, start, **options):
    rounds = feedback.rounds(image, MASK, start, GEOMETRY, 0.03, **{"regroup": 1, **options})
    return list(itertools.islice(rounds, count))


def test_a_repeated_texture_is_recovered_without_the_missing_truth():
    start = np.where(MASK[..., None], texture(), texture() + 0.1 * RNG.standard_normal((30, 27, 1))).astype(np.float32)
    found = after(8, np.where(MASK[..., None], texture(), np.nan), start)
    for estimate in found:
        np.testing.assert_array_equal(estimate[MASK], texture()[MASK])
    before, one, last = (metrics.psnr(x, texture(), ~MASK) for x in (start, found[0], found[-1]))
    assert before + 0.5 < one < last - 2


def test_the_rounds_are_those_of_the_papers_algorithm():
    # Without noise, equal distances would make the choice of members a matter of rounding.
    image = texture() + 0.02 * RNG.standard_normal((30, 27, 1)).astype(np.float32)
    start = image + 0.1 * RNG.standard_normal((30, 27, 1)).astype(np.float32)
    observed = MASK[..., None]
    u = w = start
    c = np.zeros_like(u)
    for _ in range(2):
        # The authors' order: W from X - C, then X, then C. X - C is U - C at the same point of the iteration.
        u = np.where(observed, (image + feedback.MU * (w + c)) / (1 + feedback.MU), w + c)
        r = jnp.asarray(u - c)
        w = np.asarray(low_rank.denoise(r, patch_groups.find(r, GEOMETRY), 0.03, GEOMETRY, False))
        c = c + w - u
    found = after(2, image, start)[-1]
    np.testing.assert_allclose(found, np.where(observed, image, w.clip(0, 1)), atol=1e-3)


def test_groups_are_kept_for_the_rounds_between_two_searches(monkeypatch):
    searches, honest = [], patch_groups.find
    monkeypatch.setattr(patch_groups, "find", lambda *args: searches.append(args) or honest(*args))
    after(5, texture(), texture(), regroup=2)
    assert len(searches) == 3
