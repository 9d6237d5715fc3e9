"""Group-based sparse representation: the strongest classical fill under random masks, and a slow one.

J. Zhang, D. Zhao and W. Gao, "Group-based sparse representation for image restoration", IEEE Trans. Image Processing
2014. The iteration is that of priors/feedback.py, with the sizes and the threshold of the authors' experiments. Two
things differ. The mean value of every patch is always kept, while the authors threshold all singular values: that of
the mean is far above the threshold unless a group is nearly black. And the iteration starts from the harmonic fill.
"""

import itertools
import math

import numpy as np

from inrr_jax.baselines.contract import keeping_observed
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.priors import feedback
from inrr_jax.priors.patch_groups import Geometry
from inrr_jax.types import Image, Mask

GEOMETRY = Geometry(side=8, spacing=4, radius=20, members=60)
# The singular values below sqrt(2 lambda K / (mu N)) are set to zero, with lambda = 0.082, mu = 0.0025 and K / N = 240
# values in all groups for each pixel. This is that threshold for grey values in [0, 1], in the unit of `low_rank`.
NOISE = math.sqrt(2 * 0.082 * 240 / feedback.MU) / 255 / (math.sqrt(GEOMETRY.members) + GEOMETRY.side)
ROUNDS = 200  # at most; with 80 % missing, the recovery still improves after 100
SETTLED = 1e-5  # mean absolute change of the missing pixels in 10 rounds at which they have settled


@keeping_observed
def gsr(image: Image, mask: Mask) -> Image:
    """Fill by low-rank groups of patches with feedback, for 200 rounds or until the missing pixels have settled.

    A round takes about half a second for 256 x 256 grey pixels on two CPU cores.
    """
    start = harmonic(image, mask)
    rounds = feedback.rounds(image, mask, start, GEOMETRY, NOISE, regroup=1)
    before = start
    for estimate in itertools.islice(rounds, 9, ROUNDS, 10):
        if np.abs(estimate - before)[~mask].mean() < SETTLED:
            break
        before = estimate
    return estimate
