"""Files of a run: strict JSON, atomic writes, damaged lines skipped, and metrics that continue after a resume."""

import errno
import json
import math
import os

import pytest

from inrr_jax.io import writers
from inrr_jax.io.writers import MetricsWriter, read_lines, write_json


def strict_json(text):
    """Parse JSON, but refuse NaN and Infinity, which Python accepts although the standard does not."""

    def refuse(name):
        raise ValueError(name)

    return json.loads(text, parse_constant=refuse)


def test_nan_and_infinity_become_null(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": math.nan, "b": {"c": math.inf, "d": -math.inf}, "e": 1.5, "f": None, "g": "inf"})
    content = strict_json(path.read_text())
    assert content == {"a": None, "b": {"c": None, "d": None}, "e": 1.5, "f": None, "g": "inf"}
    with pytest.raises(ValueError, match="NaN"):
        strict_json(json.dumps({"a": math.nan}))


@pytest.mark.parametrize("step", ["replace", "write"])
def test_a_failed_write_keeps_the_old_file_and_no_scratch_file(tmp_path, monkeypatch, step):
    path = tmp_path / "x.json"
    write_json(path, {"old": 1})

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "replace":
        monkeypatch.setattr(writers.os, "replace", full)
    else:
        monkeypatch.setattr(writers.Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"new": 2})
    assert os.listdir(tmp_path) == ["x.json"]
    assert json.loads(path.read_text()) == {"old": 1}


def test_a_missing_file_has_no_lines_and_a_cut_line_does_not_count(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert read_lines(path) == []
    whole = '{"step": 1}\n{"step": 2}\n'
    path.write_text(whole + '{"step": 3, "lo')
    assert read_lines(path) == [{"step": 1}, {"step": 2}]
    path.write_text(whole + '{"step": 3}\n')
    assert read_lines(path) == [{"step": 1}, {"step": 2}, {"step": 3}]


DAMAGES = {
    "is not valid JSON": [b"\x00\x93NUMPY\xff", b'{"step": 2, "lo', b"{'step': 2}", b"[" * 100_000, b"\xff\xfe{"],
    "is not a mapping": [b"3", b"[1, 2]", b"null", b'"text"'],
    "has no column step": [b"{}", b'{"loss": 1.0}'],
    "has a column step that is not of type int": [b'{"step": null}', b'{"step": "2"}'],
}


@pytest.mark.parametrize(("reason", "line"), [(reason, line) for reason, lines in DAMAGES.items() for line in lines])
def test_a_damaged_line_is_skipped_with_one_warning_and_the_others_are_kept(tmp_path, caplog, reason, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + line + b'\n\n{"step": 3}\n{"step": 4, "lo')
    assert read_lines(path, {"step": int}) == [{"step": 1}, {"step": 3}]
    assert [record.getMessage() for record in caplog.records] == [f"{path}: line 2 is skipped because it {reason}"]


def test_only_the_beginning_of_a_row_counts_as_a_cut_off_last_line(tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    for end, warnings in ((b'{"ste', 0), (b'{"a": "\xc3', 0), (b'{"a": 1}', 1), (b"\x00\x00", 1), (b'{"ste\n', 1)):
        caplog.clear()
        path.write_bytes(b'{"step": 1}\n' + end)
        assert read_lines(path, {"step": int}) == [{"step": 1}]
        assert len(caplog.records) == warnings, end


def test_a_row_without_any_requirement_may_have_any_columns(tmp_path, caplog):
    path = tmp_path / "rows.jsonl"
    path.write_text('{}\n{"a": null}\n')
    assert read_lines(path) == [{}, {"a": None}]
    assert not caplog.records


def write_rows(folder, after, *steps):
    writer = MetricsWriter(folder, after)
    for step in steps:
        writer.write(step, {"loss": 1.0 / step, "psnr_missing": math.nan, "unknown": None})
    writer.close()


def test_rows_after_the_resumed_step_are_dropped(tmp_path):
    write_rows(tmp_path, 0, 10, 20, 30)
    write_rows(tmp_path, 20, 30, 40)
    rows = [strict_json(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [10, 20, 30, 40]
    assert rows[0] == {"step": 10, "loss": 0.1, "psnr_missing": None, "unknown": None}


def test_resuming_skips_rows_without_a_step(tmp_path, caplog):
    (tmp_path / "metrics.jsonl").write_text('{"step": 10}\n{"loss": 1.0}\n{"step": "later"}\n{"step": 20}\n')
    write_rows(tmp_path, 20, 30)
    assert [row["step"] for row in read_lines(tmp_path / "metrics.jsonl")] == [10, 20, 30]
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        "line 2 is skipped because it has no column step",
        "line 3 is skipped because it has a column step that is not of type int",
    ]


def test_resuming_keeps_the_rows_when_they_cannot_be_rewritten(tmp_path, monkeypatch):
    write_rows(tmp_path, 0, 10, 20)
    before = (tmp_path / "metrics.jsonl").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writers.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        MetricsWriter(tmp_path, 10)
    assert (tmp_path / "metrics.jsonl").read_bytes() == before


def scalars(folder):
    """Return (step, name, value) of every point in the event files, in their order, and the steps of the restarts."""
    from tensorboardX.proto.event_pb2 import Event

    points, restarts = [], []
    for file in sorted(folder.iterdir()):
        data = file.read_bytes()
        while data:
            length = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + length])
            points += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            restarts += [event.step] if event.HasField("session_log") else []
            data = data[16 + length :]
    return points, restarts


def test_tensorboard_gets_every_known_value(tmp_path):
    pytest.importorskip("tensorboardX")
    write_rows(tmp_path, 3, 4, 8)
    points, restarts = scalars(tmp_path / "tensorboard")
    assert [(step, value) for step, name, value in points if name == "loss"] == [(4, 0.25), (8, 0.125)]
    assert {name for _, name, _ in points} == {"loss", "psnr_missing"}
    assert restarts == [4]


def test_without_tensorboard_the_lines_alone_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr(writers.importlib.util, "find_spec", lambda name: None)
    write_rows(tmp_path, 0, 10)
    assert os.listdir(tmp_path) == ["metrics.jsonl"]
    assert [row["step"] for row in read_lines(tmp_path / "metrics.jsonl")] == [10]
