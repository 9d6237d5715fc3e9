"""Configs: every file has a variant for seconds that runs, and variants differ in what they say."""

import dataclasses
import importlib
import math
from pathlib import Path

import pytest

import configs
from configs import base
from inrr_jax.errors import UserError
from inrr_jax.experiments import comparison, methods, presets, sweep_grid
from inrr_jax.experiments.comparison import ComparisonSettings
from inrr_jax.experiments.sweep_grid import SweepSettings
from inrr_jax.io import workdir
from inrr_jax.options import difference, from_mapping, to_mapping
from inrr_jax.recipes import completion
from inrr_jax.reports import report_of
from inrr_jax.settings import RECIPE, Settings
from scripts import train

NAMES = sorted(path.stem for path in Path(configs.__file__).parent.glob("*.py") if path.stem != "__init__")


def config_of(name, variant=""):
    return importlib.import_module(f"configs.{name}").get_config(variant)


FITS = [name for name in NAMES if "train" in config_of(name)]
"""Those of scripts.train; the others are run by the tests of their own scripts."""


def settings_of(name, variant=""):
    return from_mapping(config_of(name, variant).to_dict(), Settings)


def differences(name, variant):
    return difference(to_mapping(settings_of(name)), to_mapping(settings_of(name, variant)))


def test_the_base_is_the_defaults():
    assert settings_of("base") == Settings()
    assert settings_of("baboon") != Settings()


RUN_ELSEWHERE = {"baboon", "inpaint"}
"""Configs whose smoke variants the tests of scripts.train run."""
OF_ONE_KIND = {"base", "hyperspectral", "video", "volume"}
"""Configs of a kind that another one runs by default: `baboon` is a picture, and `matrix` an array."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in OF_ONE_KIND else ())
        for name in FITS
        if name not in RUN_ELSEWHERE
    ],
)
def test_smoke_runs_to_its_end(name, tmp_path, monkeypatch):
    monkeypatch.setattr(completion, "MOST_DRAWS", 1)  # draws take most of the time of a completion
    config = config_of(name, "smoke")
    try:
        train.main(config, tmp_path / "run")
    except UserError as error:
        if "pip install" not in str(error):
            raise
        pytest.skip(str(error))  # the data are those of an optional package
    result = workdir.finished(tmp_path / "run")
    assert result["steps"] == 20
    names = report_of(config.data.name).names
    if "psnr_observed" in names:
        assert math.isfinite(result["others"]["network"]["psnr_observed"])
        assert (result["psnr_missing"] is None) == (not config.data.truth)
    else:
        assert all(math.isfinite(result[name]) for name in names)


@pytest.mark.parametrize("name", FITS)
def test_smoke_differs_from_its_config_in_size_and_length_only(name):
    changed = differences(name, "smoke")
    lengths = {"prior.rounds", "tune.axes"}
    assert {part.split(".")[0] for part in changed if part not in lengths} <= {"data", "field", "train"}
    assert "data.image" not in differences(name, "smoke")


@pytest.mark.parametrize("variant", ["", "smoke"])
@pytest.mark.parametrize("name", [name for name in NAMES if "axes" in config_of(name)])
def test_every_sweep_has_its_fits(name, variant):
    points = sweep_grid.expand(from_mapping(config_of(name, variant).to_dict(), SweepSettings))
    assert 2 <= len(points) <= (8 if variant else 300)


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        (name, variant)
        for name, own in (
            ("compare", ("reference",)),
            ("quality", ("reference", "ablation", "reference_ablation")),
            ("compare_arrays", ("volume", "climate", "video", "corners")),
        )
        for variant in ("", *own, "smoke")
    ],
)
def test_every_comparison_has_its_methods(name, variant):
    settings = from_mapping(config_of(name, variant).to_dict(), ComparisonSettings)
    found = comparison.names(settings)
    assert len(found) > 5
    assert all(methods.build(parts, settings.fit, 256).candidates for parts in found.values() if parts)


def test_the_recipe_is_the_baboons_best():
    best = settings_of("baboon", "best")
    assert dataclasses.replace(best, data=RECIPE.data, mask=RECIPE.mask) == RECIPE
    assert (best.data, best.mask) == (settings_of("baboon").data, settings_of("baboon").mask)


def test_siren_is_the_default_without_regulariser():
    assert differences("baboon", "siren") == ["regularizer.name"]
    assert settings_of("baboon", "siren").regularizer.name == "none"


def test_paper_is_the_papers_recipe():
    paper = settings_of("baboon", "paper")
    assert (paper.train.steps, paper.train.fibers) == (10_001, 0)
    assert (paper.optimizer.name, paper.optimizer.schedule) == ("adam", "constant")
    assert paper.optimizer.field_rate == paper.optimizer.laplacian_rate == 1e-4
    assert paper.optimizer.first_scale == 1.0
    # 1e-6 of the energy's sum form, over the 256 x 256 entries.
    assert paper.regularizer.inrr.weight == pytest.approx(1e-6 * 256**2, rel=1e-3)
    assert paper.data == settings_of("baboon").data


@pytest.mark.parametrize("name", FITS)
def test_an_unknown_variant_is_refused_with_the_nearest(name):
    with pytest.raises(
        UserError, match=r"variant smok is unknown: did you mean smoke\? accepted are .*smoke"
    ) as caught:
        config_of(name, "smok")
    assert "\n" not in str(caught.value)


def test_a_variant_cannot_name_an_unknown_setting():
    config = presets.vary(base.get_config(), "x", {"x": {"train.step": 3}})
    with pytest.raises(UserError, match=r"train\.step is unknown: did you mean steps"):
        from_mapping(config.to_dict(), Settings)
