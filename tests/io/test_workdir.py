"""Work directories: a run claims a new one, recognises its own, and is refused all others."""

import dataclasses
import json
import os

import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields import siren
from inrr_jax.io import workdir, writers
from inrr_jax.options import to_mapping
from inrr_jax.settings import Settings

OURS = Settings(seed=3)


def content(folder):
    """Return every file with its bytes and the time of its last change."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_new_folder_is_claimed_and_recognised_untouched(tmp_path):
    folder = tmp_path / "deep" / "run"
    assert workdir.recorded(folder) is None
    workdir.claim(folder, to_mapping(OURS), "inputs")
    assert workdir.recorded(folder) == OURS
    written = json.loads(json.dumps(to_mapping(OURS)))  # JSON has lists for tuples
    assert json.loads((folder / "config.json").read_text()) == {**written, "inputs": "inputs"}
    before = content(folder)
    workdir.claim(folder, to_mapping(OURS), "inputs")
    assert content(folder) == before


def test_a_relative_folder_lies_in_the_current_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workdir.claim(workdir.Path("run"), to_mapping(OURS), "inputs")
    assert workdir.recorded(tmp_path / "run") == OURS


def test_another_run_is_refused_by_name(tmp_path):
    workdir.claim(tmp_path, to_mapping(OURS), "inputs")
    before = content(tmp_path)
    other = dataclasses.replace(OURS, seed=4, field=siren.Config(width=64))
    with pytest.raises(UserError, match=r"holds another run, which differs in field\.width, seed: give another"):
        workdir.claim(tmp_path, to_mapping(other), "inputs")
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["photo.png", "checkpoints", "result.json"])
def test_a_folder_with_other_files_is_refused(tmp_path, name):
    (tmp_path / name).write_text("precious")
    before = content(tmp_path)
    with pytest.raises(UserError, match=f"holds {name} but no config.json.*new or empty"):
        workdir.claim(tmp_path, to_mapping(OURS), "inputs")
    assert content(tmp_path) == before


def test_a_folder_whose_claim_was_killed_can_be_claimed_again(tmp_path):
    (tmp_path / "config.json.tmp").write_text('{"se')
    workdir.claim(tmp_path, to_mapping(OURS), "inputs")
    assert workdir.recorded(tmp_path) == OURS
    assert os.listdir(tmp_path) == ["config.json"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"seed": 1', "cannot be read"),
        ("\xff", "cannot be read"),
        ("[]", r"no record of a run of this version \("),
        ("3", "content is no mapping"),
        ("null", "content is no mapping"),
        ("[" * 100_000, r"cannot be read \(it is nested too deeply\)"),
        ('{"seed": ' + "[" * 500 + "]" * 500 + "}", r"cannot be read \(it is nested too deeply\)"),
        ('{"seed": 1}', "settings are missing"),
        ('{"model_type": "bert"}', "model_type is unknown"),
        ('{"field": 3}', "field=3 is no group of settings"),
        ('{"seed": "one"}', "is no int: give a whole number"),
    ],
)
def test_a_damaged_or_foreign_record_is_refused(tmp_path, record, message):
    (tmp_path / "config.json").write_bytes(record.encode("latin-1"))
    before = content(tmp_path)
    with pytest.raises(UserError, match=message):
        workdir.recorded(tmp_path)
    for call in (workdir.recorded, lambda folder: workdir.claim(folder, to_mapping(OURS), "inputs")):
        with pytest.raises(UserError, match="give another --workdir") as caught:
            call(tmp_path)
        assert "\n" not in str(caught.value)
    assert content(tmp_path) == before


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "run"):
        with pytest.raises(UserError, match=r"cannot be written \((File exists|Not a directory)\): give another"):
            workdir.claim(folder, to_mapping(OURS), "inputs")
    assert file.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(writers.os, "replace", refuse)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\): give another --workdir"):
        workdir.claim(tmp_path / "run", to_mapping(OURS), "inputs")
    assert content(tmp_path) == {}


def test_a_record_of_today_is_far_from_the_limit_of_nesting(tmp_path):
    def depth(value):
        return 1 + max(map(depth, value.values()), default=0) if isinstance(value, dict) else 1

    assert depth(to_mapping(OURS)) <= workdir._MAX_DEPTH // 2


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ("[1]", "its content is no mapping"),
        ("null", "its content is no mapping"),
        ("[" * 100_000, "it is nested too deeply"),
        ("\xff", "can't decode byte"),
    ],
)
def test_a_result_that_is_no_mapping_is_refused_in_one_line(tmp_path, result, message):
    (tmp_path / "result.json").write_bytes(result.encode("latin-1"))
    with pytest.raises(UserError, match=rf"result\.json cannot be read \(.*{message}.*\): give another") as caught:
        workdir.finished(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_result_is_there_or_not_or_damaged(tmp_path):
    assert workdir.finished(tmp_path) is None
    (tmp_path / "result.json").write_text('{"steps": 5}')
    assert workdir.finished(tmp_path) == {"steps": 5}
    (tmp_path / "result.json").write_text('{"steps"')
    with pytest.raises(UserError, match=r"result\.json cannot be read"):
        workdir.finished(tmp_path)


def test_other_contents_behind_the_same_paths_are_another_run(tmp_path):
    workdir.claim(tmp_path, to_mapping(OURS), "inputs")
    workdir.claim(tmp_path, to_mapping(OURS), "inputs")
    with pytest.raises(UserError, match="differs in the contents of its picture or mask"):
        workdir.claim(tmp_path, to_mapping(OURS), "other inputs")
