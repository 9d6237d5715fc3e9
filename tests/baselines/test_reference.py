"""The fills against reference results of other implementations, where these files are present."""

import json
from pathlib import Path

import numpy as np
import pytest

from inrr_jax import metrics
from inrr_jax.baselines.wnll import wnll
from inrr_jax.recipes.fills import FILLS

SHARED = Path(__file__).parents[3] / "shared"
needs_reference = pytest.mark.skipif(not (SHARED / "reference").is_dir(), reason="no reference results here")
IMAGES = ("baboon", "man", "boats", "barbara", "cameraman")
MASKS = ("text", "patch", "random50", "random80")


def reference_case(case):
    """Read the picture, the mask and the reference results of a case such as "baboon/text"."""
    from PIL import Image

    image, mask = case.split("/")
    pixels = np.asarray(Image.open(SHARED / "data" / "images" / f"{image}.png"), np.float32)[..., None] / 255
    observed = np.asarray(Image.open(SHARED / "data" / "masks" / f"{mask}.png")) == 255
    return pixels, observed, json.loads((SHARED / "reference" / "classical.json").read_text())["cases"][case]


@needs_reference
@pytest.mark.parametrize("case", ["baboon/text", "cameraman/random50"])
@pytest.mark.parametrize("name", ["linear", "harmonic", "biharmonic"])
def test_fill_reproduces_the_reference(name, case):
    image, mask, reference = reference_case(case)
    summary = metrics.summarize(FILLS[name].fill(image, mask), image, mask)
    for metric, tolerance in {"psnr_missing": 0.05, "psnr_pasted": 0.05, "nmae_missing": 1e-4}.items():
        assert summary[metric] == pytest.approx(reference[name][metric], abs=tolerance)
        assert summary[metric] != pytest.approx(reference["soft_impute"][metric], abs=tolerance)


@needs_reference
@pytest.mark.slow
@pytest.mark.parametrize("case", [f"{image}/{mask}" for image in IMAGES for mask in MASKS])
def test_fill_reproduces_every_reference(fill, case):
    image, mask, reference = reference_case(case)
    name = next(n for n, entry in FILLS.items() if entry.fill is fill)
    if name not in reference:
        pytest.skip("no reference for this fill")
    # The TV of the reference was stopped before it converged, and the thresholds of its soft-impute are not known.
    tolerance = {"tv": 0.25, "soft_impute": 0.3}.get(name, 0.05)
    achieved = metrics.psnr(fill(image, mask), image, ~mask)
    assert achieved == pytest.approx(reference[name]["psnr_missing"], abs=tolerance)


@needs_reference
@pytest.mark.slow
def test_wnll_beats_the_best_of_the_others_on_average():
    gains = []
    for case in [f"{image}/{mask}" for image in IMAGES for mask in MASKS]:
        image, mask, reference = reference_case(case)
        best = max(result["psnr_missing"] for result in reference.values())
        gains.append(metrics.psnr(wnll(image, mask), image, ~mask) - best)
    assert np.mean(gains) > 0.7
