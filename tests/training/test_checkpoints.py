"""Checkpoints: the newest are kept, unreadable ones are renamed, and a full disk is reported in one line."""

import logging
import os
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.training import checkpoints
from inrr_jax.training.checkpoints import Checkpoints
from inrr_jax.types import State


def state_at(step):
    weights = jax.random.normal(jax.random.key(step), (8, 8))
    return State({"field": {"w": weights}, "inrr": jnp.float32(step)}, (weights + 1,), jnp.int32(step))


def assert_same(left, right):
    jax.tree.map(np.testing.assert_array_equal, left, right)


def save(folder, *steps, **options):
    manager = Checkpoints(folder, **options)
    for step in steps:
        manager.save(state_at(step), step / 10)
    manager.close()


def test_restores_the_newest_bit_for_bit_and_keeps_the_last_two(tmp_path):
    save(tmp_path, 10, 20, 30)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20", "30"]
    state, seconds = Checkpoints(tmp_path).restore(state_at(0))
    assert_same(state, state_at(30))
    assert seconds == 3.0
    with pytest.raises(AssertionError):
        assert_same(state, state_at(20))


def test_keeps_as_many_as_asked(tmp_path):
    save(tmp_path, 1, 2, 3, 4, keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3", "4"]


def test_restores_none_where_there_is_none(tmp_path):
    manager = Checkpoints(tmp_path / "new")
    assert manager.restore(state_at(0)) is None
    assert manager.newest() is None


def test_a_state_that_changes_after_the_save_is_saved_as_it_was(tmp_path):
    manager = Checkpoints(tmp_path)
    state = state_at(5)
    manager.save(state, 0.0)
    jax.tree.map(lambda leaf: leaf.delete(), state)  # as the donation of the state to the next chunk does
    manager.close()
    restored, _ = Checkpoints(tmp_path).restore(state_at(0))
    assert_same(restored, state_at(5))


def truncate_all(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            os.truncate(file, file.stat().st_size // 2)


DAMAGES = {
    "all files cut in half": truncate_all,
    "arrays cut in half": lambda folder: truncate_all(folder / "state"),
    "arrays deleted": lambda folder: shutil.rmtree(folder / "state"),
    "seconds deleted": lambda folder: shutil.rmtree(folder / "meta"),
    "manifest deleted": lambda folder: (folder / "state" / "manifest.ocdbt").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_falls_back_from_a_damaged_checkpoint_with_a_warning(tmp_path, caplog, damage):
    save(tmp_path, 10, 20)
    damage(tmp_path / "20")
    manager = Checkpoints(tmp_path)
    state, _ = manager.restore(state_at(0))
    assert_same(state, state_at(10))
    assert "the checkpoint of step 20 is unreadable" in caplog.text
    # Its step can be saved again, and then it is the newest.
    manager.save(state_at(20), 2.0)
    manager.close()
    assert_same(Checkpoints(tmp_path).restore(state_at(0))[0], state_at(20))


def test_an_unreadable_checkpoint_is_renamed_and_not_deleted(tmp_path):
    save(tmp_path, 10)
    other_shape = State({"field": {"w": jnp.zeros((3, 3))}}, (), jnp.int32(0))
    assert Checkpoints(tmp_path).restore(other_shape) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "10.unreadable"]
    (tmp_path / "10.unreadable").rename(tmp_path / "10")
    assert_same(Checkpoints(tmp_path).restore(state_at(0))[0], state_at(10))


def test_a_full_disk_is_reported_and_the_earlier_checkpoints_are_kept(tmp_path, monkeypatch):
    manager = Checkpoints(tmp_path)
    manager.save(state_at(10), 1.0)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(OSError, match="^No space left on device$"):
        manager.save(state_at(20), 2.0)
    assert manager.newest() == 10
    monkeypatch.undo()
    manager.save(state_at(30), 3.0)
    manager.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "30"]


def test_a_save_that_fails_in_the_background_does_not_take_the_next_with_it(tmp_path, monkeypatch):
    manager = Checkpoints(tmp_path)
    wait = manager._manager.wait_until_finished
    failures = [RuntimeError("disk gone\nwith details")]

    def wait_and_fail_once():
        wait()
        if failures:
            raise failures.pop()

    monkeypatch.setattr(manager._manager, "wait_until_finished", wait_and_fail_once)
    with pytest.raises(OSError, match="^disk gone$"):
        manager.save(state_at(10), 1.0)
    manager.close()
    assert manager.newest() == 10


def test_messages_of_orbax_are_suppressed_but_not_those_of_others(tmp_path, caplog):
    save(tmp_path, 10)
    logging.getLogger("absl").warning("heard")
    messages = [record.getMessage() for record in caplog.records if record.name == "absl"]
    assert messages == ["heard"]
