"""Recovery in tiles: which tiles there are, that nothing depends on them, and what is kept."""

import numpy as np
import pytest

import inrr_jax
from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.options import change
from inrr_jax.recipes import stacking, tiles
from inrr_jax.recipes.tiles import filling, plan, weights

pytestmark = pytest.mark.usefixtures("optimised_programs")


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 40 pixels with an overlap of 12, so that test pictures have several."""
    monkeypatch.setattr(plan, "SIDE", 40)
    monkeypatch.setattr(plan, "HALO", 12)
    monkeypatch.setattr(plan, "DEPTH", 12)
    monkeypatch.setattr(weights, "SIDE", 40)
    monkeypatch.setattr(weights, "SAMPLE_SIDE", 32)
    monkeypatch.setattr(weights, "SAMPLES", 2)


def picture(shape=(70, 52), channels=1):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    waves = 0.5 + 0.3 * np.sin(rows / 3) * np.cos(columns / 4)
    return np.stack([waves, 1 - waves, waves**2][:channels], axis=-1).astype(np.float32)


def scratched(shape=(70, 52)):
    mask = np.ones(shape, bool)
    mask[10:60, 20] = mask[33, 5:50] = False
    return mask


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_every_missing_pixel_belongs_to_one_tile_whose_surroundings_it_sees(small_tiles, share):
    mask = np.random.default_rng(0).random((70, 113)) >= share
    mask[20:66, 30:70] = False  # a large hole
    count, found = np.zeros(mask.shape, int), plan.plan(mask)
    for (rows, columns), own, large in found:
        count[rows, columns] += own
        assert own.shape == (mask[rows, columns].shape if large else (40, 40))
        y, x = np.argwhere(own).T
        for first, last, size, stop in ((y.min(), y.max(), 70, rows), (x.min(), x.max(), 113, columns)):
            assert first + stop.start == 0 or first >= min(12, first + stop.start)
            assert last >= len(own) - 12 or last + stop.start <= size - 1
    np.testing.assert_array_equal(count, ~mask)
    assert [tile.large for tile in found].count(True) == 1
    hole = next(tile for tile in found if tile.large)
    assert hole.own.sum() >= 46 * 40


def test_tiles_without_missing_pixels_are_left_out(small_tiles):
    mask = np.ones((200, 200), bool)
    mask[100, 100] = False
    (tile,) = plan.plan(mask)
    assert tile.own.sum() == 1
    assert not mask[tile.window][tile.own]


def test_a_tile_recovers_what_the_whole_picture_does(small_tiles):
    image, mask = picture(), scratched()
    chosen, rounds = weights.Weights(np.array([0.2, 0.2, 0.3, 0.3]), np.array([1.0, 0])), weights.GAUSSIAN
    kept = {"weights": np.concatenate(chosen)}
    recovered = tiles.recover(np.where(mask[..., None], image, np.nan), mask, kept)
    whole = filling.fill(image, mask, chosen, rounds)
    assert len(kept) > 3
    np.testing.assert_array_equal(recovered[mask], image[mask])
    assert np.abs(recovered - whole).max() < 0.02
    error, smooth = (np.abs(each - image)[~mask].mean() for each in (recovered, harmonic(image, mask)))
    assert error < 0.7 * smooth


def test_finished_tiles_are_not_computed_again(small_tiles, monkeypatch):
    image, mask = picture(), scratched()
    kept, counts = {"weights": np.array([1.0, 0, 0, 0, 1.0, 0])}, []

    def stop(done, total):
        counts.append((done, total))
        if len(counts) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiles.recover(image, mask, kept, progress=stop)
    assert set(kept) == {"weights", "tile0", "tile1"}
    calls, fill = [], filling.fill
    monkeypatch.setattr(filling, "fill", lambda *arguments: calls.append(1) or fill(*arguments))
    resumed = tiles.recover(image, mask, kept)
    assert len(calls) == len(kept) - 3
    np.testing.assert_array_equal(resumed, tiles.recover(image, mask, dict(kept)))
    np.testing.assert_allclose(resumed, harmonic(image, mask), atol=1e-6)
    assert counts[-1][1] == (~mask).sum() > counts[-1][0]


def test_what_another_version_has_kept_is_computed_again(small_tiles, monkeypatch):
    image, mask, lines = picture(), scratched(), []
    monkeypatch.setattr(filling, "choose", lambda *unused: weights.Weights(np.eye(4)[0], np.eye(2)[0]))
    kept = {"weights": np.ones(3), "tile0": np.zeros((1, 1), np.float32)}
    recovered = tiles.recover(image, mask, kept, log=lines.append)
    assert any("another version" in line for line in lines)
    np.testing.assert_allclose(recovered, harmonic(image, mask), atol=1e-6)


def test_the_weights_are_those_of_held_out_pixels_of_several_parts(small_tiles):
    image, mask = picture(), scratched()
    found = weights.choose(image, mask, plan.plan(mask))
    known, hidden = weights._sample(image, mask, plan.plan(mask))
    assert len(known) == 2
    errors = []
    for part, held in zip(known, hidden, strict=True):
        assert part.shape == (32, 32, 1)
        assert not held.image[held.held].any()
        fills = stacking.fill_all(held.image, held.mask, weights.STARTS)
        errors.append(stacking.relative_errors(fills, part, held.held))
    expected = stacking.minimal_error_weights(np.concatenate([e for e, _ in errors]), sum(n for _, n in errors))
    expected = np.where(expected < weights.LEAST_WEIGHT, 0, expected)
    np.testing.assert_allclose(found.fills, expected / expected.sum(), atol=1e-6)
    assert found.rounds.sum() == pytest.approx(1)
    noise = np.random.default_rng(1).random(image.shape, dtype=np.float32)
    changed = weights.choose(np.where(mask[..., None], image, noise), mask, plan.plan(mask))
    np.testing.assert_array_equal(np.concatenate(changed), np.concatenate(found))


@pytest.mark.parametrize(("share", "rounds"), [(0.05, weights.GAUSSIAN), (0.5, weights.BOTH)])
def test_the_share_of_missing_pixels_decides_how_tiles_are_refined(small_tiles, monkeypatch, share, rounds):
    image, mask = picture((30, 28)), np.random.default_rng(0).random((30, 28)) >= share
    kept, calls = {}, []
    combined = filling.refinement.combined
    monkeypatch.setattr(filling.refinement, "combined", lambda *each: calls.append(each[3:]) or combined(*each))
    recovered = tiles.recover(image, mask, kept)
    ((used, chosen),) = calls
    assert chosen == rounds
    assert used.sum() == pytest.approx(1)
    np.testing.assert_array_equal(used, kept["weights"][-len(rounds.names) :])
    assert metrics.psnr(recovered, image, ~mask) > metrics.psnr(harmonic(image, mask), image, ~mask) + 1


def test_only_large_pictures_are_recovered_in_tiles():
    assert tiles.suits(np.ones((513, 512), bool))
    assert not tiles.suits(np.ones((512, 512), bool))
    assert not tiles.suits(np.ones((100, 100, 100), bool))


def test_given_settings_fit_a_network_to_the_whole_picture(monkeypatch):
    image, mask = picture(), scratched()
    monkeypatch.setattr(tiles, "suits", lambda *unused: True)
    monkeypatch.setattr(tiles, "recover", lambda *unused: pytest.fail("recovered in tiles"))
    settings = change(inrr_jax.Settings(), {"train.steps": 1, "train.chunk": 1, "field.width": 8})
    assert inrr_jax.inpaint(image, ~mask, settings=settings).shape == image.shape


def test_inpaint_recovers_large_pictures_in_tiles_and_keeps_alpha(monkeypatch):
    image, mask = picture(channels=3), scratched()
    alpha = np.linspace(0, 1, mask.size, dtype=np.float32).reshape(*mask.shape, 1)
    monkeypatch.setattr(tiles, "suits", lambda *unused: True)
    calls = []
    monkeypatch.setattr(tiles, "recover", lambda known, *unused: calls.append(known) or known + np.float32(0.25))
    filled = inrr_jax.inpaint(np.concatenate([image, alpha], axis=-1), ~mask)
    np.testing.assert_array_equal(filled[..., 3:], alpha)
    np.testing.assert_array_equal(filled[mask][:, :3], image[mask])
    np.testing.assert_array_equal(filled[~mask][:, :3], 0.25)
    assert len(calls) == 1


def test_a_part_at_a_large_hole_has_observed_pixels(small_tiles):
    mask = np.ones((160, 160), bool)
    mask[50:100, 50:100] = False
    known, hidden = weights._sample(picture((160, 160)), mask, plan.plan(mask))
    assert len(known) == 1  # no part twice
    assert hidden[0].held.any()
    assert hidden[0].mask.mean() > 0.4
