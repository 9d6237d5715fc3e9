"""The cache of compiled programs: what it changes is the time alone, and no folder can break a run."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import cache

ROOT = Path(__file__).parents[2]
FIT = """
import resource, signal
import jax, numpy as np
from configs import baboon
from inrr_jax.data import loading
from inrr_jax.options import change, from_mapping
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from scripts import cache

settings = from_mapping(baboon.get_config("smoke").to_dict(), Settings)
settings = change(settings, {"data.size": 16, "field.width": 8, "field.depth": 1, "train.chunk": 2, "train.steps": 4})
problem = loading.load(settings.data, settings.mask)
cache.MIN_SECONDS = 0.0
cache.keep_programs()
hits = []
jax.monitoring.register_event_listener(lambda event, **unused: hits.append(event))

def run(settings):
    hits.clear()
    leaves = jax.tree.leaves(fit.run(problem, settings)[0].params)
    print(hash(b"".join(np.asarray(leaf).tobytes() for leaf in leaves)), end=" ")
    print(hits.count("/jax/compilation_cache/cache_hits") > 20, flush=True)
    jax.clear_caches()

run(settings)
run(settings)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # from here on, no file can be written
run(change(settings, {"train.chunk": 4}))
run(change(settings, {"train.chunk": 4}))  # which finds an empty file for this program
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A process that fits twice, and twice more when the disk is full; the cache's folder, and the printed lines."""
    home = tmp_path_factory.mktemp("cache")
    environment = {**os.environ, "XDG_CACHE_HOME": str(home)}
    del environment["JAX_COMPILATION_CACHE_DIR"]  # that of the tests
    command = [sys.executable, "-c", FIT]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.stderr == ""
    (folder,) = (home / "inrr_jax").iterdir()
    return folder, [line.split() for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_programs_from_the_cache_give_the_same_parameters_bit_for_bit(fitted):
    folder, ((first, hit), (second, hit_again), *_) = fitted
    assert first == second
    assert (hit, hit_again) == ("False", "True")
    assert any(path.stat().st_size for path in folder.glob("*fit_chunk*-cache"))


@pytest.mark.slow
def test_a_full_disk_does_not_break_a_run(fitted):
    folder, lines = fitted
    assert len({parameters for parameters, _ in lines}) == 1  # chunks of another length change nothing
    assert len(lines) == 4
    assert any(path.stat().st_size == 0 for path in folder.glob("*fit_chunk*-cache"))


@pytest.fixture
def configured(monkeypatch):
    """What `keep_programs` configures, without configuring it, where the user has chosen no folder."""
    found = {}
    config = SimpleNamespace(jax_compilation_cache_dir=None, update=found.__setitem__)
    monkeypatch.setattr(cache, "jax", SimpleNamespace(config=config))
    return found


def test_the_folder_is_the_users_cache_of_the_platform(tmp_path, monkeypatch, configured):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.keep_programs()
    folder = Path(configured["jax_compilation_cache_dir"])
    assert folder.is_dir()
    assert cache.cache_folder() == folder
    if sys.platform == "linux":
        assert folder.parent == tmp_path / "inrr_jax"


def test_a_folder_that_takes_no_files_is_not_used(tmp_path, monkeypatch, configured):
    (tmp_path / "file").touch()
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "file" / "programs")
    cache.keep_programs()
    assert configured == {}


def test_a_folder_of_the_users_own_choice_stays(configured):
    cache.jax.config.jax_compilation_cache_dir = "/chosen"
    cache.keep_programs()
    assert configured == {}
