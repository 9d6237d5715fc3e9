"""What a comparison consists of: its cases, its fits and their rows."""

import dataclasses
import functools

import numpy as np
import pytest
from PIL import Image

from inrr_jax.errors import UserError
from inrr_jax.experiments import comparison
from inrr_jax.experiments.comparison import ComparisonSettings
from inrr_jax.options import change
from inrr_jax.settings import Settings
from inrr_jax.training.sweep import Outcome

FIT = change(Settings(), {"data.size": 16, "data.grey": True, "train.fibers": 4, "train.steps": 8})
OURS = ComparisonSettings(FIT, "camera,coins", "random:0.5,text:0.2", "harmonic,siren+inrr,siren+inrr@50,relu", seeds=2)


tasks_of = functools.cache(comparison.tasks)


def all_of(settings=OURS, tried=()):
    wanted, tasks = comparison.names(settings), tasks_of(settings)
    trials = comparison.trials(settings, tasks, wanted)
    return comparison.fillings(tasks, wanted)[0], trials, comparison.fits(settings, tasks, wanted, tried)


def outcome(recovered, error=""):
    return Outcome(recovered, 2.0, error, 1)


def judged(trial, error):
    return {**trial.key, "error": error, "seconds": 1.0, "at_once": 1, "digest": trial.digest}


def test_every_method_meets_every_case_with_every_seed():
    fillings, trials, fits = all_of()
    assert len(fillings) == 4
    assert len(trials) == 4 * 4  # siren+inrr alone chooses, for its frozen one too, among four
    assert len(fits) == 4 * 3 * 2
    keys = [tuple(job.key.values()) for job in (*fillings, *fits)]
    assert len(set(keys)) == len(keys)
    assert {fit.member.settings.seed for fit in fits} == {0, 1}
    assert {fit.member.settings.mask.seed for fit in fits} == {0}


def test_a_trial_sees_neither_missing_nor_held_out_pixels():
    _, trials, _ = all_of()
    for trial in trials:
        whole, given = trial.task.problem, trial.member.problem
        mask = given.operator.mask
        assert not (trial.held & mask).any()
        np.testing.assert_array_equal(trial.held | mask, whole.operator.mask)
        assert given.truth is None
        assert not given.measurements[~mask].any()
        assert trial.row(outcome(whole.truth))["error"] == 0.0
        assert np.isnan(trial.row(outcome(whole.truth, "step 3: no number"))["error"])


def test_what_the_trials_choose_is_what_every_seed_is_fitted_with():
    _, trials, _ = all_of()
    best = {}
    rows = []
    for i, trial in enumerate(trials):
        error = 0.1 if i % 4 == 2 else 0.2 + i
        rows.append(judged(trial, error))
        if error == 0.1:
            best[trial.task.case] = trial.candidate
    _, _, fits = all_of(tried=rows)
    for fit in fits:
        if fit.text == "relu":
            assert fit.chosen == {}
        else:
            assert comparison.format_changes(fit.chosen) == best[fit.task.case]
            assert fit.member.settings.regularizer.inrr.weight == fit.chosen["regularizer.inrr.weight"]
            assert fit.row(outcome(fit.task.problem.truth))["chosen"] == best[fit.task.case]


def test_if_every_candidate_diverged_the_first_one_is_fitted():
    _, trials, _ = all_of()
    _, _, fits = all_of(tried=[judged(trial, None) for trial in trials])
    assert all(fit.chosen == fit.method.candidates[0] for fit in fits)


def test_rows_have_the_same_columns_and_scores_of_the_missing_pixels():
    fillings, _, fits = all_of()
    image, mask = fits[0].task.problem.truth, fits[0].task.problem.operator.mask
    off = np.where(mask[..., None], image, np.clip(image + 0.1, 0, 1))
    row = fits[0].row(outcome(off))
    assert list(row) == list(fillings[0].row(fillings[0].recover(), 0.1)) == list(fits[0].row(outcome(off, "diverged")))
    assert 19.9 < row["psnr_missing"] < row["psnr_pasted"]
    assert (row["field"], row["regularizer"], row["steps"], row["seconds"]) == ("siren", "inrr", 8, 2.0)
    assert fits[0].row(outcome(off, "diverged"))["psnr_missing"] is None


def test_digests_depend_on_contents_and_settings_and_not_on_paths_or_seeds(tmp_path):
    def digests(path="camera", seeds=1, **changes):
        settings = dataclasses.replace(OURS, signals=str(path), masks="text:0.2", seeds=seeds, methods="siren")
        settings = dataclasses.replace(settings, fit=change(FIT, changes))
        _, trials, fits = all_of(settings)
        return {job.digest for job in (*trials, *fits)}

    pixels = np.random.default_rng(0).integers(0, 255, (16, 16), np.uint8)
    for name, array in (("a", pixels), ("b", pixels), ("c", 255 - pixels)):
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    a, b, c = (digests(tmp_path / f"{name}.png") for name in "abc")
    assert a == b != c
    assert digests(seeds=2) == digests() == digests(seed=1)
    assert len(digests() | digests(**{"train.steps": 9}) | digests(**{"mask.seed": 1}) | a) == 3  # writing has no seed


def test_pictures_and_masks_come_from_patterns_and_are_called_by_their_stem(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), np.uint8)).save(tmp_path / f"{name}.png")
    np.save(tmp_path / "m.npy", np.eye(16) < 0.5)
    masks = f"{tmp_path}/m.npy, density:0.3, {tmp_path}/m.npy+random:0.3"
    settings = dataclasses.replace(OURS, signals=f"{tmp_path}/*.png,camera", masks=masks)
    tasks = comparison.tasks(settings)
    assert [task.case for task in tasks] == [
        (image, mask) for image in ("a", "b", "camera") for mask in ("m", "density:0.3", "m+random:0.3")
    ]
    alone, _, together = (~task.problem.operator.mask for task in tasks[:3])
    assert alone.sum() == 16
    assert together[alone].all()
    assert 0.15 < together[~alone].mean() < 0.45


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": "cammera"}, "did you mean camera"),
        ({"signals": " , "}, "is empty"),
        ({"signals": "nowhere/*.png"}, "matches no file: check the path, or name its folder"),
        ({"folder": "nowhere"}, "folder=nowhere is no folder: give that of the paths of signals and masks"),
        ({"signals": "camera[:8]"}, "a picture has no crop"),
        ({"masks": "text:much"}, "'much' is no number"),
        ({"masks": "slices:0.2:x"}, "'0.2:x' is no number"),
        ({"masks": "clouds:0.2:0:1:3"}, "has 4 numbers"),
        ({"masks": "txt:0.2"}, "did you mean text"),
        ({"masks": "text:2"}, "out of range"),
        ({"masks": "a.png+b.png"}, "adds 2 files"),
        ({"masks": "nowhere/m.png"}, "no file"),
        ({"methods": "siren,dfm"}, "did you mean dmf"),
        ({"methods": "als"}, "method als is unknown"),
        ({"methods": "siren/blended"}, "the correction blended is unknown"),
        ({"fit": change(FIT, {"data.name": "points"})}, "cannot be compared: give picture or array"),
    ],
)
def test_what_is_no_picture_mask_or_method_is_refused_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        all_of(dataclasses.replace(OURS, **changes))
    assert "\n" not in str(caught.value)


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((16, 16), np.uint8)).save(tmp_path / folder / "a.png")
    with pytest.raises(UserError, match=r"both be called a: rename one"):
        comparison.tasks(dataclasses.replace(OURS, signals=f"{tmp_path}/*/a.png"))


def test_a_folder_is_put_before_paths_alone(tmp_path):
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), np.uint8)).save(tmp_path / "images" / "a.png")
    np.save(tmp_path / "masks" / "m.npy", np.eye(16) < 0.5)
    settings = dataclasses.replace(
        OURS, folder=str(tmp_path), signals="images/*.png,camera", masks="masks/m.npy,masks/m.npy+random:0.3,text:0.2"
    )
    cases = [tuple(task.case) for task in comparison.tasks(settings)]
    assert cases == [(image, mask) for image in ("a", "camera") for mask in ("m", "m+random:0.3", "text:0.2")]


def test_seeds_beyond_the_largest_are_refused_before_anything_is_fitted():
    settings = dataclasses.replace(OURS, fit=change(FIT, {"seed": 2**32 - 1}))
    with pytest.raises(UserError, match="the last seed is above 4294967295"):
        comparison.tasks(settings)


@pytest.fixture
def arrays(tmp_path):
    """A comparison of two arrays with three axes, in units of their own and with an entry that is really missing."""
    values = 500 + 20 * np.fromfunction(lambda i, j, k: np.sin(i / 2) + j / 4 + k / 3, (8, 6, 5))
    values[0, 0, 0] = np.nan
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", values)
    fit = change(Settings(), {"data.name": "array", "train.steps": 8})
    masks, names = "slices:0.4:2,random:0.5,clouds:0.3:0:2", "linear,als,tucker,tucker/blended,grid+grid"
    return ComparisonSettings(fit, f"a.npy[:7,:,1:],{tmp_path}/b.npy", masks, names, 1, str(tmp_path))


def test_arrays_have_crops_and_masks_have_axes(arrays):
    tasks = comparison.tasks(arrays)
    assert [task.case.signal for task in tasks] == ["a"] * 3 + ["b"] * 3
    slices, _, clouds = tasks[:3]
    assert slices.problem.domain.shape == (7, 6, 4)
    missing = ~slices.problem.operator.mask
    missing[0, 0, :] = missing[1, 1, :]
    assert {int(n) for n in missing.sum(axis=(0, 1))} == {0, 42}
    assert (clouds.settings.mask.axis, clouds.settings.mask.duration) == (0, 2)
    assert slices.settings.mask.duration == -1


def test_a_row_of_an_array_skips_what_is_really_missing_and_has_its_units(arrays):
    fillings, trials, fits = all_of(arrays)
    assert {job.text for job in fits} == {"tucker", "tucker/blended", "grid+grid"}
    for trial in trials:
        assert not (trial.held & trial.member.problem.operator.mask).any()
        assert 0 < trial.held.sum() < trial.task.problem.operator.mask.sum()
    problem = fillings[-1].task.problem
    truth = np.nan_to_num(problem.truth)
    row = fillings[-1].row(truth + np.float32(2 / problem.units.scale[0]), 1.0)
    assert row["rmse_missing"] == pytest.approx(2, rel=1e-3)
    assert list(row) == list(fits[-1].row(outcome(truth)))
    assert fits[-1].row(outcome(truth))["psnr_missing"] > 100
    for filling in fillings:
        assert filling.row(filling.recover(), 1.0)["nmae_missing"] < 0.2


def test_what_figures_show_of_an_array_is_a_slice_with_missing_entries(arrays):
    for task in comparison.tasks(arrays):
        mask = np.asarray(task.problem.operator.mask)
        picture, observed = (task.kind.shown(x, task.problem) for x in (np.nan_to_num(task.problem.truth), mask))
        assert picture.shape == (*observed.shape, 1)
        assert not observed.all()


def cases_of(folder, array, masks, names):
    np.save(folder / "array.npy", array)
    fit = change(Settings(), {"data.name": "array"})
    settings = ComparisonSettings(fit, f"{folder}/array.npy", masks, names)
    return comparison.tasks(settings), comparison.names(settings)


def test_a_completion_that_no_case_suits_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"method als on a grid of shape \(20,\): it needs 2 axes"):
        comparison.fillings(*cases_of(tmp_path, np.arange(20.0), "random:0.5", "als,linear"))
    with pytest.raises(UserError, match="2 axes or more, and a mask that changes along 2 of them alone"):
        comparison.fillings(*cases_of(tmp_path, np.arange(120.0).reshape(6, 5, 4), "random:0.5", "linear,patches"))


def test_a_completion_is_left_out_of_the_cases_that_do_not_suit_it(tmp_path):
    cube = np.arange(120.0).reshape(6, 5, 4)
    listed, (line,) = comparison.fillings(*cases_of(tmp_path, cube, "fibers:0.5:2,random:0.5", "linear,patches"))
    assert [(job.task.case.mask, job.name) for job in listed] == [
        ("fibers:0.5:2", "linear"),
        ("fibers:0.5:2", "patches"),
        ("random:0.5", "linear"),
    ]
    assert line.startswith("array, random:0.5: method patches")
    assert all(np.isfinite(job.recover()).all() for job in listed)


def test_a_signal_along_a_line_is_shown_as_a_row(tmp_path):
    (linear,), _ = comparison.fillings(*cases_of(tmp_path, np.arange(20.0), "random:0.5", "linear"))
    assert linear.task.kind.shown(linear.recover(), linear.task.problem).shape == (1, 20, 1)
