import numpy as np
import pytest

from inrr_jax.data.seismic import velocity


@pytest.mark.parametrize("kind", velocity.MODELS)
def test_models_are_drawn_by_their_seed_alike_on_all_grids(kind):
    model = velocity.draw(kind, (41, 81), 3)
    assert 1000 < model.min() < 2000 < model.max() < 5000
    np.testing.assert_array_equal(velocity.draw(kind, (21, 41), 3), model[::2, ::2])
    assert np.abs(velocity.draw(kind, (41, 81), 4) - model).max() > 50


def test_each_kind_has_what_its_name_says():
    drawn = {kind: velocity.draw(kind, (60, 90), 1) for kind in velocity.MODELS}
    assert np.ptp(drawn["flat"], axis=1).max() == 0 < np.ptp(drawn["curved"], axis=1).max()
    assert 0.03 < np.mean(drawn["salt"] == velocity.SALT) < 0.25
    assert np.abs(np.diff(drawn["gas"], axis=1)).max() < np.abs(np.diff(drawn["salt"], axis=1)).max()
