import csv
import io
import itertools

import numpy as np
import pytest

from inrr_jax.experiments import summary
from inrr_jax.experiments.sweep_grid import SweepSettings
from inrr_jax.metrics import NAMES
from inrr_jax.plots import sweeps

SWEEP = SweepSettings(
    axes=(
        ("mask.mode", ("random", "density")),
        ("mask.rate", (0.3, 0.9)),
        ("field.omega", (5.0, 10.0, 50.0)),
        ("seed+mask.seed", (0, 1)),
    )
)


def row_of(mode, rate, omega, seed):
    """Score highest at omega 50 where 0.3 are missing and at 5 where 0.9 are; under density masks always at 10."""
    best = 10.0 if mode == "density" else {0.3: 50.0, 0.9: 5.0}[rate]
    score = 20.0 + seed - abs(np.log(omega / best)) * (2 if rate == 0.9 else 1)
    place = {"mask.mode": mode, "mask.rate": rate, "field.omega": omega, "seed": seed, "mask.seed": seed}
    return {**place, "seconds": 2.0, "error": "", **dict.fromkeys(NAMES, 0.5), "psnr_missing": score}


ROWS = [row_of(*place) for place in itertools.product(*(values for _, values in SWEEP.axes))]


def test_tables_span_two_axes_with_a_panel_for_each_value_of_the_others():
    random, density = summary.tabulate(SWEEP, ROWS)
    assert (random.title, density.title) == ("mask.mode=random", "mask.mode=density")
    assert (random.names, random.down, random.across) == (("mask.rate", "field.omega"), [0.3, 0.9], [5.0, 10.0, 50.0])
    np.testing.assert_allclose(random.scores[0][2], [20, 21])
    assert (random.best, density.best) == ([2, 0], [1, 1])
    np.testing.assert_allclose(random.mean[1], 20.5 - 2 * np.log([1, 2, 10]))
    assert random.common == 0  # loses log 10 and nothing, less than log 5 and 2 log 2 at 10
    assert random.turned.turned == random
    np.testing.assert_array_equal(random.turned.mean, random.mean.T)


def test_other_axes_can_span_the_tables():
    tables = summary.tabulate(SweepSettings(axes=SWEEP.axes, table=("mask.mode", "mask.rate")), ROWS)
    assert [table.title for table in tables] == ["field.omega=5.0", "field.omega=10.0", "field.omega=50.0"]
    assert tables[0].down == ["random", "density"]


def test_zip_makes_one_line_of_joined_values():
    settings = SweepSettings(axes=(("mask.rate", (0.3, 0.9)), ("field.omega", (5.0, 50.0))), combine="zip")
    (table,) = summary.tabulate(settings, [row_of("random", 0.3, 5.0, 0), row_of("random", 0.9, 50.0, 0)])
    assert table.names == ("", "mask.rate, field.omega")
    assert table.across == ["0.3, 5.0", "0.9, 50.0"]


def test_the_report_says_whether_one_value_serves_all():
    text = summary.report(SWEEP, ROWS)
    assert "24 fits, 48.0 s" in text
    assert "The best field.omega is 10.0 at every mask.rate." in text
    assert "The best field.omega varies with mask.rate: 50.0 at 0.3, 5.0 at 0.9." in text
    assert "loses at most 2.30 ± 0.00 dB (at mask.rate=0.3), more than its standard deviation." in text
    assert "| 0.3 | 18.20 ± 0.71 | 18.89 ± 0.71 | **20.50 ± 0.71** |" in text


def test_smaller_errors_are_better():
    settings = SweepSettings(axes=SWEEP.axes, metric="nmae_missing")
    rows = [row | {"nmae_missing": row["field.omega"]} for row in ROWS]
    assert summary.tabulate(settings, rows)[0].best == [0, 0]


def test_fits_that_diverged_are_told_and_never_best():
    broken = {**dict.fromkeys(NAMES), "error": "step 3: no number in fidelity"}
    rows = [row | broken if row["field.omega"] == 50.0 else row for row in ROWS]
    random, _ = summary.tabulate(SWEEP, rows)
    assert random.best[0] == 1
    text = summary.report(SWEEP, rows)
    assert "2 of 2 diverged" in text
    assert "8 fits diverged: mask.mode=random, mask.rate=0.3, field.omega=50.0, seed=0, mask.seed=0;" in text
    everywhere = [row | broken for row in ROWS]
    assert summary.tabulate(SWEEP, everywhere)[0].best == [None, None]
    assert "varies" not in summary.report(SWEEP, everywhere)


def test_statistics_have_a_line_per_place_and_mean_and_deviation_over_seeds():
    lines = list(csv.DictReader(io.StringIO(summary.statistics(SWEEP, ROWS))))
    assert len(lines) == 12
    assert (lines[0]["mask.mode"], lines[0]["fits"], lines[0]["diverged"]) == ("random", "2", "0")
    assert float(lines[2]["psnr_missing_mean"]) == pytest.approx(20.5)
    assert float(lines[2]["psnr_missing_std"]) == pytest.approx(0.5**0.5)


@pytest.mark.parametrize("axes", [SWEEP.axes, (("mask.mode", ("random", "density")),), SWEEP.axes[:2]])
def test_every_shape_of_a_sweep_is_drawn(tmp_path, axes):
    tables = summary.tabulate(SweepSettings(axes=axes), ROWS)
    sweeps.curves(tmp_path / "curves.png", tables)
    sweeps.heat(tmp_path / "heat.png", tables)
    assert all((tmp_path / name).stat().st_size > 0 for name in ("curves.png", "heat.png"))
