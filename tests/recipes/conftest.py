"""What the tests of recipes share."""

import pytest

from inrr_jax.baselines import patch_fill
from inrr_jax.priors import patch_search


@pytest.fixture
def quick_fills(monkeypatch):
    """Fills whose chain has three graphs, and not five, from blocks as small as the test pictures."""
    monkeypatch.setattr(patch_search, "SIDE", 16)
    monkeypatch.setattr(patch_fill, "WNLL_ROUNDS", 1)
