"""What the tests of recipes share."""

from functools import partial

import pytest

from inrr_jax.priors import patch_search
from inrr_jax.recipes import stacking


@pytest.fixture
def quick_fills(monkeypatch):
    """Fills of the stack that build their graph once, and not four times, from blocks as small as the test pictures."""
    monkeypatch.setattr(patch_search, "SIDE", 16)
    quick = {
        name: fill if name == "harmonic" else partial(fill, rounds=1) for name, fill in stacking.CANDIDATES.items()
    }
    monkeypatch.setattr(stacking, "CANDIDATES", quick)
