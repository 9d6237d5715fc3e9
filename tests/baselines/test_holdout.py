"""Hidden entries have the shape of the missing ones."""

import numpy as np

from inrr_jax.baselines.holdout import SHARE, hidden_entries


def test_whole_slices_are_hidden_where_slices_are_missing():
    mask = np.ones((5, 4, 20), bool)
    mask[:, :, [3, 7, 8, 15]] = False
    hidden = hidden_entries(mask)
    assert hidden.any()
    assert not (hidden & ~mask).any()
    np.testing.assert_array_equal(hidden, np.broadcast_to(hidden[:1, :1], hidden.shape))


def test_at_most_about_a_fifth_of_scattered_entries_is_hidden():
    mask = np.random.default_rng(0).random((30, 40)) < 0.1
    share = hidden_entries(mask).sum() / mask.sum()
    assert 0.1 < share <= SHARE


def test_one_observed_entry_is_not_hidden():
    assert not hidden_entries(np.arange(6) == 2).any()
