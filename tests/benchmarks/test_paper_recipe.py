"""The paper's claims under two recipes: verdicts from rows, and a run of tiny fits that continues."""

import sys

import pytest

from benchmarks import paper_recipe
from benchmarks.paper_recipe import CLAIMS, FITS, SCORES, fits_table, grouped, verdicts


def row_of(recipe, fit, seed, psnr, falling=0.5):
    return {"recipe": recipe, "fit": fit, "seed": seed} | dict.fromkeys(SCORES, 1.0) | {
        "psnr_missing": psnr, "falling": falling}  # fmt: skip


def line(table, start):
    return next(line for line in table.splitlines() if line.startswith(f"| {start} "))


def test_a_claim_holds_if_it_does_with_every_seed_that_both_fits_have():
    rows = [row_of("ours", "none", seed, 20.0, 0.5) for seed in (0, 1, 2)]
    rows += [row_of("ours", "INRR", seed, psnr, falling) for seed, psnr, falling in ((0, 21, 0.6), (1, 23, 0.4))]
    rows += [row_of("paper", "INRR", 0, 25.0)]
    table = verdicts(grouped(rows))
    assert line(table, "SIREN + INRR ends above a SIREN alone").endswith("| holds: +2.00 dB (2 of 2 seeds) | - |")
    assert line(table, "INRR keeps").endswith("| does NOT hold: +0.00 (1 of 2 seeds) | - |")
    assert line(table, "INRR ends above L frozen at 10 %").endswith("| - | - |")


def test_every_claim_compares_fits_that_can_be_made():
    assert len(CLAIMS) == 13
    assert {fit for claim in CLAIMS.values() for fit in claim[1:]} == set(FITS)


def test_a_table_has_means_over_the_seeds_in_the_order_of_the_fits():
    rows = [row_of("ours", "INRR", 0, 24.0), row_of("ours", "none", 0, 22.0), row_of("ours", "none", 1, 23.0)]
    lines = fits_table(grouped(rows)["ours"]).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| none", "| INRR"]
    assert "| 22.50 ± 0.71 |" in lines[0]
    assert lines[1].endswith(" | 1 |")


def test_recipes_without_a_common_fit_have_tables_and_no_figure(tmp_path):
    results = paper_recipe.finished(tmp_path, None)
    results.add([row_of("ours", "none", 0, 22.0), row_of("paper", "INRR", 0, 23.0)])
    paper_recipe.report(results, None)
    assert "| INRR |" in (tmp_path / "paper_recipe.md").read_text()
    assert not (tmp_path / "paper_recipe.png").exists()


def test_a_run_makes_the_fits_that_the_page_lacks(tmp_path, monkeypatch, capsys):
    docs, frozen = tmp_path / "docs", FITS[-1]
    (docs / "figures").mkdir(parents=True)
    names = (*paper_recipe.RECIPES, "claims")
    (docs / "paper_recipe.md").write_text("".join(f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in names))
    monkeypatch.setattr(paper_recipe, "RECIPES", {"ours": "smoke", "paper": "smoke"})
    flags = ["--recipes", "ours", "--fits", "INRR", frozen, "--seeds", "0", f"--docs={docs}"]

    def run(name):
        monkeypatch.setattr(sys, "argv", ["paper_recipe", f"--workdir={tmp_path / name}", *flags])
        paper_recipe.main()
        return capsys.readouterr().out

    first = run("first")
    assert f"ours, seed 0: {frozen}" in first
    written = (docs / "paper_recipe.csv").read_text()
    assert [line.split(",")[0] for line in written.splitlines()] == ["recipe", "ours", "ours"]
    assert (docs / "figures" / "paper_recipe.png").stat().st_size > 10_000
    page = (docs / "paper_recipe.md").read_text()
    assert page.count(f"| {frozen} |") == 1
    # Another work directory finds these rows in the documentation, and has nothing to fit.
    assert "seed 0:" not in run("second")
    assert (docs / "paper_recipe.csv").read_text() == written
    assert (docs / "paper_recipe.md").read_text() == page


def test_unknown_fits_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["paper_recipe", "--fits", "INR"])
    with pytest.raises(SystemExit):
        paper_recipe.main()
    assert "invalid choice: 'INR'" in capsys.readouterr().err
