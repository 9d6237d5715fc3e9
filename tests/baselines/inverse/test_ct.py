"""Reconstructions of slices: they find the truth in its place, and fan beams are refused where they are not known."""

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines.inverse import ct as methods
from inrr_jax.data.kinds.inverse import ct
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError


def make(**options):
    config = ct.Config(**{"size": 64, "views": 60, "photons": 1e7, **options})
    return config.problem(config.read(), MaskSettings())


@pytest.mark.parametrize("options", [{}, {"bins": 90, "arc": 360.0}])
@pytest.mark.parametrize(("name", "least"), [("fbp", 21.0), ("sart", 24.0)])
def test_scikit_images_reconstructions_lie_in_their_place(name, least, options):
    problem = make(**options)
    found = np.clip(methods.CT[name](problem), 0, 1)
    psnr = float(metrics.psnr(found, problem.truth))
    assert psnr > least
    # Half a pixel, the distance of the two centres of rotation, would matter.
    assert psnr > float(metrics.psnr((found + np.roll(found, 1, axis=0)) / 2, problem.truth))


def test_fan_beams_have_the_methods_for_every_operator_alone():
    problem = make(beam="fan", views=3)
    assert list(methods.methods(problem)) == ["tikhonov", "tv", "deep_image_prior"]
    assert list(methods.methods(make(views=3))) == list(methods.CT)
    with pytest.raises(UserError, match="choose tv or tikhonov"):
        methods.fbp(problem)
