"""PSNR, NMAE and SSIM, compared with closed forms and loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import metrics


@pytest.fixture
def pair():
    """Draw a recovery, a truth and a mask: non-square, three channels."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.1, 0.9, (9, 12, 3)).astype(np.float32)
    return rng.uniform(0, 1, truth.shape).astype(np.float32), truth, rng.random((9, 12)) < 0.7


def test_psnr_of_a_constant_error_of_a_tenth_is_20_db():
    assert metrics.psnr(np.full((4, 5, 1), 0.5), np.full((4, 5, 1), 0.6)) == pytest.approx(20, abs=1e-4)


def test_psnr_counts_only_the_selected_pixels(pair):
    _, truth, mask = pair
    recovered = np.where(mask[..., None], np.nan, truth + 0.01)
    assert metrics.psnr(recovered, truth, ~mask) == pytest.approx(40, abs=1e-3)
    assert np.isnan(metrics.psnr(recovered, truth))


def test_psnr_of_equal_images_is_inf_and_of_no_pixels_nan(pair):
    _, truth, mask = pair
    assert metrics.psnr(truth, truth, mask) == np.inf
    assert np.isnan(metrics.psnr(truth, truth, np.zeros_like(mask)))


def test_psnr_and_nmae_work_under_jit_and_vmap(pair):
    recovered, truth, mask = pair
    for metric in (metrics.psnr, metrics.nmae):
        batch = jax.jit(jax.vmap(metric))(
            jnp.stack([recovered, truth * 0.5]), jnp.stack([truth] * 2), jnp.stack([mask, ~mask])
        )
        alone = [metric(recovered, truth, mask), metric(truth * 0.5, truth, ~mask)]
        np.testing.assert_allclose(batch, alone, rtol=1e-5)


def test_nmae_equals_a_loop(pair):
    recovered, truth, mask = pair
    errors = [
        abs(float(recovered[i, j, c]) - float(truth[i, j, c]))
        for i in range(9)
        for j in range(12)
        for c in range(3)
        if not mask[i, j]
    ]
    expected = np.mean(errors) / (truth.max() - truth.min())
    assert metrics.nmae(recovered, truth, ~mask) == pytest.approx(expected, rel=1e-5)
    assert metrics.nmae(recovered, truth) != pytest.approx(expected, rel=1e-5)


def test_paste_puts_back_what_was_observed_and_nothing_else(pair):
    recovered, truth, mask = pair
    pasted = np.asarray(metrics.paste(recovered, np.where(mask[..., None], truth, np.nan), mask))
    np.testing.assert_array_equal(pasted[mask], truth[mask])
    np.testing.assert_array_equal(pasted[~mask], recovered[~mask])


def test_ssim_is_one_for_equal_images_only(pair):
    recovered, truth, _ = pair
    assert metrics.ssim(truth, truth) == pytest.approx(1)
    assert metrics.ssim(recovered, truth) < 0.5


@pytest.mark.parametrize("side", [3, 4, 6, 7])
def test_ssim_takes_the_largest_window_that_fits(side):
    image = np.random.default_rng(1).random((side, 8, 1)).astype(np.float32)
    assert metrics.ssim(image, image) == pytest.approx(1)
    assert metrics.ssim(image, 1 - image) < 0


def test_ssim_is_nan_if_no_window_fits():
    assert np.isnan(metrics.ssim(np.zeros((2, 9, 1), np.float32), np.zeros((2, 9, 1), np.float32)))


def test_summarize_gives_each_part_its_own_number(pair):
    _, truth, mask = pair
    recovered = np.where(mask[..., None], truth + 0.01, truth - 0.1)
    summary = metrics.summarize(recovered, truth, mask)
    missing = 1 - mask.mean()
    assert summary["psnr_observed"] == pytest.approx(40, abs=1e-2)
    assert summary["psnr_missing"] == pytest.approx(20, abs=1e-3)
    assert summary["psnr_all"] == pytest.approx(-10 * np.log10(0.01 * missing + 0.0001 * (1 - missing)), abs=1e-3)
    assert summary["psnr_pasted"] == pytest.approx(20 - 10 * np.log10(missing), abs=1e-3)
    assert summary["nmae_missing"] == pytest.approx(0.1 / (truth.max() - truth.min()), rel=1e-4)
    pasted = metrics.paste(recovered, truth, mask)
    assert summary["ssim_pasted"] == pytest.approx(metrics.ssim(pasted, truth))


def test_summarize_clips_to_the_range_of_an_image():
    truth, mask = np.ones((8, 8, 1), np.float32), np.eye(8, dtype=bool)
    assert metrics.summarize(truth + 0.5, truth, mask)["psnr_missing"] == np.inf
    assert metrics.psnr(truth + 0.5, truth) < 7


def test_scores_of_missing_pixels_are_hidden_without_the_truth(pair):
    scores = metrics.summarize(*pair)
    assert tuple(scores) == metrics.NAMES
    assert metrics.hide_unknown(scores, has_truth=True) == scores
    hidden = metrics.hide_unknown(scores, has_truth=False)
    assert {name for name, value in hidden.items() if value is not None} == {"psnr_observed"}
    assert hidden["psnr_observed"] == scores["psnr_observed"]
