"""Soft-impute on matrices of known rank."""

import numpy as np

from inrr_jax import metrics
from inrr_jax.baselines.soft_impute import soft_impute


def test_soft_impute_recovers_low_rank_but_not_noise():
    rng = np.random.default_rng(3)
    low_rank = (rng.random((40, 2)) @ rng.random((2, 50)) / 2)[..., None].astype(np.float32)
    noise = rng.random((40, 50, 1)).astype(np.float32)
    mask = rng.random((40, 50)) < 0.7
    assert metrics.psnr(soft_impute(low_rank, mask), low_rank, ~mask) > 35
    assert metrics.psnr(soft_impute(noise, mask), noise, ~mask) < 15
