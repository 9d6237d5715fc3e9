"""The table of results: rows are found by their keys and survive interruptions and damaged lines."""

import csv
import json

import numpy as np
import pytest

from inrr_jax.io import writers
from inrr_jax.io.results import Results

ROWS = [{"rate": 0.1, "seed": seed, "psnr": 20.0 + seed, "error": ""} for seed in range(3)]


def test_rows_come_back_and_are_identified_by_their_keys_alone(tmp_path):
    results = Results(tmp_path, ("rate", "seed"))
    results.add(ROWS[:2])
    results.add(ROWS[2:])
    again = Results(tmp_path, ("rate", "seed"))
    assert again.rows == results.rows == ROWS
    assert {"rate": 0.1, "seed": 2} in again
    assert {"rate": 0.1, "seed": 3} not in again
    assert {"rate": 0.1 + 1e-16, "seed": 2} not in again


def test_rows_that_are_dropped_are_gone_for_good(tmp_path):
    results = Results(tmp_path, ("seed",))
    results.add(ROWS)
    results.drop([{"seed": 1}])
    assert results.rows == Results(tmp_path, ("seed",)).rows == [ROWS[0], ROWS[2]]
    assert {"seed": 1} not in results
    results.add([ROWS[1]])
    assert Results(tmp_path, ("seed",)).rows == [ROWS[0], ROWS[2], ROWS[1]]


@pytest.mark.parametrize(
    "line", [b"null", b"{}", b'{"seed": 7}', b'{"seed": 7, "psnr": "high", "error": ""}', b"\xff\x00\x93", b"[1]"]
)
def test_foreign_rows_are_skipped_with_file_and_line_and_the_others_kept(tmp_path, caplog, line):
    Results(tmp_path, ("seed",)).add(ROWS[:1])
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(line + b"\n")
    columns = {"psnr": float | int | None, "error": str}
    assert Results(tmp_path, ("seed",), columns).rows == ROWS[:1]
    assert "results.jsonl: line 2 is skipped because it" in caplog.text
    assert Results(tmp_path, ("seed",), columns).rows == ROWS[:1]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_last_line_that_was_cut_short_is_dropped_for_good(tmp_path, cut):
    Results(tmp_path, ("seed",)).add(ROWS)
    path = tmp_path / "results.jsonl"
    path.write_text(path.read_text()[: -1 - cut])
    results = Results(tmp_path, ("seed",))
    assert results.rows == ROWS[:2]
    results.add(ROWS[2:])
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (b"\x00\xff", "is not valid JSON"),
        (b"17", "is not a mapping"),
        (b'{"rate": 0.1, "psnr": 20.0}', "has no column seed"),
    ],
)
def test_rows_after_a_damaged_line_are_kept(tmp_path, caplog, damage, reason):
    Results(tmp_path, ("rate", "seed")).add(ROWS)
    path = tmp_path / "results.jsonl"
    first, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + damage + b"\n" + b"".join(others))
    results = Results(tmp_path, ("rate", "seed"))
    assert results.rows == ROWS
    assert all(row in results for row in ROWS)
    assert [record.getMessage() for record in caplog.records] == [f"{path}: line 2 is skipped because it {reason}"]
    caplog.clear()
    assert Results(tmp_path, ("rate", "seed")).rows == ROWS
    assert not caplog.records  # the damaged line is no longer in the file


def test_a_whole_last_line_without_its_newline_counts(tmp_path):
    Results(tmp_path, ("seed",)).add(ROWS)
    path = tmp_path / "results.jsonl"
    path.write_text(path.read_text()[:-1])
    Results(tmp_path, ("seed",)).add([{"seed": 9}])
    assert [row["seed"] for row in Results(tmp_path, ("seed",)).rows] == [0, 1, 2, 9]


def test_the_csv_has_every_column_and_empty_cells_for_missing_and_infinite_values(tmp_path):
    results = Results(tmp_path, ("seed",))
    results.add([*ROWS, {"seed": 7, "psnr": np.inf, "extra": "a,b"}])
    results.write_csv()
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["rate", "seed", "psnr", "error", "extra"]
    assert rows[3] == {"rate": "", "seed": "7", "psnr": "", "error": "", "extra": "a,b"}
    assert rows[1]["psnr"] == "21.0"


def test_a_csv_that_cannot_be_written_keeps_the_old_one(tmp_path, monkeypatch):
    results = Results(tmp_path, ("seed",))
    results.add(ROWS)
    results.write_csv()
    before = (tmp_path / "results.csv").read_bytes()
    results.add([{"seed": 9}])

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writers.os, "replace", refuse)
    with pytest.raises(OSError, match="No space left"):
        results.write_csv()
    assert (tmp_path / "results.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.csv", "results.jsonl"]
