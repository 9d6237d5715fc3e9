"""The benchmark of large photographs at a tiny size."""

import json
import sys

import numpy as np
import pytest

from benchmarks import photographs


@pytest.mark.parametrize("megapixels", [0.001, 0.3])
def test_the_mosaic_has_the_size_and_values_of_a_photograph(megapixels):
    image = photographs.picture(megapixels)
    assert image.shape[0] * image.shape[1] == pytest.approx(megapixels * 1e6, rel=0.05)
    assert 0 <= image.min() < 0.1 < 0.9 < image.max() <= 1 or megapixels < 0.01
    for damage, share in (("scratches", 0.01), ("half", 0.5)):
        assert np.mean(~photographs.draw(damage, image.shape[:2])) == pytest.approx(share, rel=0.1)


def test_finished_rows_are_kept_and_all_are_reported(tmp_path, monkeypatch, capsys):
    calls = []

    def run(case, folder, limit):
        calls.append(case)
        path = folder / "a.npz"
        photographs.prepare(case["damage"], case["megapixels"], path)
        return case | photographs.recover(case["method"], path)

    monkeypatch.setattr(photographs, "run", run)
    flags = ["--megapixels", "0.07", "--methods", "harmonic", "gsr", "--workdir", str(tmp_path / "large")]
    monkeypatch.setattr(sys, "argv", ["photographs", *flags])
    photographs.main()
    assert {case["method"] for case in calls} == {"harmonic"}  # not the slow one
    calls.clear()
    flags = ["--megapixels", "0.001", "--methods", "harmonic", "linear", "--workdir", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["photographs", *flags])
    photographs.main()
    photographs.main()
    assert len(calls) == 4
    rows = json.loads((tmp_path / "photographs.json").read_text())["rows"]
    assert {(row["damage"], row["method"]) for row in rows} == {(case["damage"], case["method"]) for case in calls}
    assert all(row["psnr_missing"] > 10 and row["peak"] > 50 and row["seconds"] > 0 for row in rows)
    assert (tmp_path / "photographs.png").stat().st_size > 0
    assert "| half | 0.001 | harmonic |" in capsys.readouterr().out
    photographs.figure(tmp_path / "one.png", rows[:1])  # a panel without rows has no logarithmic scale


def test_a_recovery_beyond_the_limit_has_no_figures(tmp_path):
    case = {"damage": "half", "megapixels": 0.001, "method": "harmonic"}
    row = photographs.run(case, tmp_path, limit=0.01)
    assert row == case | {"failed": "TimeoutExpired"}
    assert "| half | 0.001 | harmonic | - | - |" in photographs.measure.table([row], photographs.COLUMNS)
