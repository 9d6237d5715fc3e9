"""The memory of a fit: what is refused before it is allocated, and what is announced."""

from types import SimpleNamespace

import jax
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fields import SINGLE
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import memory

GRID = Domain((64, 48), 1)


@pytest.fixture
def free(monkeypatch):
    """Set the free memory."""

    def install(count):
        monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=count))

    return install


def test_a_wide_network_is_refused_with_the_figure_and_nothing_is_allocated():
    before = len(jax.live_arrays())
    settings = change(Settings(), {"field.width": 2**31 - 1})
    with pytest.raises(UserError, match=r"^a fit of siren to 64 x 48 x 1 values needs at least \d+\.\d GB"):
        memory.check_memory(GRID, settings)
    assert len(jax.live_arrays()) <= before + 1  # a random key


def test_a_fit_that_takes_most_of_the_memory_is_announced(free, caplog):
    settings = Settings()
    needed = memory.estimate(GRID, settings)
    free(10 * needed)
    memory.check_memory(GRID, settings)
    assert not caplog.messages
    free(int(1.5 * needed))
    memory.check_memory(GRID, settings)
    assert "needs at least" in caplog.text
    free(needed - 1)
    with pytest.raises(UserError, match="are free: give a smaller"):
        memory.check_memory(GRID, settings)


def test_the_estimate_of_a_siren_is_its_formula():
    settings = change(Settings(), {"field.width": 10, "field.depth": 3, "field.tile": 100})
    parameters = (2 * 10 + 10) + 2 * (10 * 10 + 10) + (10 + 1)
    assert memory.estimate(GRID, settings) == 4 * (5 * parameters + 3 * 64 * 48 + 100 * 10 * 3)


@pytest.mark.parametrize("name", SINGLE)
def test_every_field_has_an_estimate_that_grows_with_the_grid(name):
    settings = change(Settings(), {"field.name": name})
    assert memory.estimate(Domain((64, 64), 1), settings) > memory.estimate(Domain((32, 32), 1), settings) > 0
