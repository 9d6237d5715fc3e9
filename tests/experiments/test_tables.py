"""The tables of a comparison, on rows whose means, wins and gains are known."""

import numpy as np
import pytest

from inrr_jax.experiments import tables
from inrr_jax.experiments.tables import Case


def row(image, mask, method, psnr, seed=0, **others):
    field, _, regularizer = method.partition("+") if method in ("siren", "siren+inrr", "siren+tv") else ("", "", "")
    return {
        "signal": image,
        "mask": mask,
        "method": method,
        "field": field or None,
        "regularizer": regularizer or "none" if field else None,
        "seed": seed,
        "psnr_missing": psnr,
        "psnr_pasted": 30.0,
        "nmae_missing": 0.1,
        "ssim_pasted": 0.9,
        "seconds": 1.0,
        "chosen": None,
        **others,
    }


def some_rows():
    """INRR is ahead of SIREN on 4 of 5 pictures under text, and on none of 5 under random pixels."""
    rows = []
    for i in range(5):
        for mask, gain in (("text", 1.0 if i else -0.5), ("random", -1.0)):
            rows += [row(f"p{i}", mask, "linear", 20.0), row(f"p{i}", mask, "harmonic", 21.0 + i)]
            rows += [row(f"p{i}", mask, "wnll", 23.0 + i)]
            rows += [row(f"p{i}", mask, "siren", 21.0 + i + noise, seed) for seed, noise in enumerate((-0.5, 0.0, 0.5))]
            rows += [row(f"p{i}", mask, "siren+inrr", 21.0 + i + gain, seed) for seed in range(3)]
    return rows


def cells(table, method):
    (line,) = [line for line in table.splitlines() if line.startswith(f"| {method} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_scores_are_those_of_the_seeds_of_a_case():
    psnr = tables.scores(some_rows())
    np.testing.assert_array_equal(psnr[Case("p2", "text")]["siren"], [22.5, 23.0, 23.5])
    assert list(psnr[Case("p0", "random")]) == ["linear", "harmonic", "wnll", "siren", "siren+inrr"]


def test_the_opponent_is_the_best_classical_fill_and_wnll_is_another():
    psnr = tables.scores(some_rows())
    assert tables.best_fill(psnr[Case("p3", "text")]) == 24.0
    assert set(tables.gains(psnr, "wnll").values()) == {2.0}
    assert tables.gains(psnr, "siren+inrr", "wnll")[Case("p0", "text")] == -2.5
    assert tables.gains(psnr, "siren", "dmf") == {}


def test_the_summary_counts_wins_and_tells_mean_and_worst_gain():
    summary = tables.summary(some_rows())
    _, cases, psnr, *_, wins, mean, worst, wins_wnll, mean_wnll, _ = cells(summary, "siren+inrr")
    assert (cases, wins, worst) == ("10", "4 of 10", "-1.00")
    assert float(mean) == pytest.approx((4 - 0.5 - 5) / 10, abs=0.006)
    assert (wins_wnll, mean_wnll) == ("0 of 10", "-2.15")
    assert psnr == "22.85"
    assert cells(summary, "wnll")[2] == "**25.00**"


def test_tables_tell_the_spread_over_seeds_and_bold_the_best():
    text = tables.by_mask(some_rows(), "text")
    assert cells(text, "siren")[1:] == [f"{21 + i}.00 ± 0.50" for i in range(5)]
    assert cells(text, "wnll")[1] == "**23.00**"
    assert text.count("**") == 2 * 5
    assert cells(text, "siren+inrr")[2] == "23.00 ± 0.00"


def test_an_ordering_is_bold_where_four_of_five_pictures_have_it():
    line = cells(tables.orderings(some_rows()), "siren+inrr")
    assert line == ["siren+inrr", "siren", "**4 of 5, +0.70 dB**", "0 of 5, -1.00 dB"]
    assert tables.orderings([r for r in some_rows() if r["method"] != "siren+inrr"]) == ""


def test_freezing_is_compared_with_learning_throughout():
    rows = [
        row("p", "text", "siren+inrr", 22.0),
        row("p", "text", "siren+inrr@25", 21.5, field="siren", regularizer="inrr@25"),
    ]
    assert cells(tables.frozen(rows), "siren+inrr") == ["siren+inrr", "siren+inrr@25", "**1 of 1, +0.50 dB**"]


def test_a_case_tells_all_metrics_and_what_was_chosen():
    rows = [*some_rows(), row("p0", "text", "dmf", 20.0, chosen="a=1")]
    line = cells(tables.by_case(rows, Case("p0", "text")), "dmf")
    assert line == ["dmf", "20.00", "30.00", "0.1000", "0.900", "1.00", "a=1"]


def test_what_diverged_is_told_and_wins_nothing():
    rows = [row("p", "text", "harmonic", 20.0)]
    rows += [row("p", "text", "siren", psnr, seed) for seed, psnr in enumerate((25.0, None))]
    assert cells(tables.by_mask(rows, "text"), "siren")[1] == "1 of 2 diverged"
    assert cells(tables.by_mask(rows, "text"), "harmonic")[1] == "**20.00**"
    assert tables.gains(tables.scores(rows), "siren") == {}
    assert "siren" in tables.to_markdown(rows)


def test_methods_that_are_missing_somewhere_leave_a_blank():
    rows = [row("p", "text", "harmonic", 20.0), row("q", "text", "siren", 21.0)]
    assert cells(tables.by_mask(rows, "text"), "siren") == ["siren", "", "**21.00**"]
    assert cells(tables.summary(rows), "siren")[5:8] == ["", "", ""]


def test_arrays_have_errors_in_their_own_units_by_case_and_no_similarity():
    rows = [
        row("a", "slices:0.5:2", method, psnr) for method, psnr in (("als", 30.0), ("linear", 28.0), ("siren", 31.0))
    ]
    arrays = [
        {k: v for k, v in r.items() if not k.startswith(("psnr_p", "ssim"))} | {"rmse_missing": 12.5} for r in rows
    ]
    text = tables.by_case(arrays, Case("a", "slices:0.5:2"))
    assert cells(text, "als") == ["als", "30.00", "12.5000", "0.1000", "1.00", ""]
    summary = tables.summary(arrays)
    assert "SSIM" not in summary
    assert "WNLL" not in summary
    assert cells(summary, "siren")[4:7] == ["1 of 1", "+1.00", "+1.00"]


def test_all_tables_are_written_and_empty_ones_left_out():
    text = tables.to_markdown(some_rows())
    assert text.startswith("## Over all cases")
    assert "## INRR against the others of its field" in text
    assert "frozen" not in text
    assert text.count("\n## ") == 1 + 2 + 10
