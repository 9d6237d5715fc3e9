"""What the tests of recipes share."""

import pytest

from inrr_jax.priors import patch_search
from inrr_jax.recipes import stacking


@pytest.fixture
def quick_fills(monkeypatch):
    """Fills whose chain has three graphs, and not five, from blocks as small as the test pictures."""
    monkeypatch.setattr(patch_search, "SIDE", 16)
    monkeypatch.setattr(stacking, "WNLL_ROUNDS", 1)
