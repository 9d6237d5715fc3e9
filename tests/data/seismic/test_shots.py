import numpy as np
import pytest

from inrr_jax.data.seismic import shots
from inrr_jax.errors import UserError


def test_a_band_has_its_frequencies_alone_and_no_shift():
    step = 0.002
    times = np.arange(1000) * step
    waves = [np.sin(2 * np.pi * f * times) * np.hanning(1000) for f in (2.0, 7.0, 20.0)]
    found = shots.band(np.sum(waves, axis=0)[None], step, 3.0, 10.0)[0]
    assert np.abs(found - waves[1]).max() < 0.01
    assert np.abs(shots.band(waves[0][None], step, 3.0, 10.0)).max() < 0.01
    assert np.abs(shots.band(waves[0][None], step, 0.0, 10.0)[0] - waves[0]).max() < 0.01


def test_weights_grow_with_time_and_are_zero_before_the_mute():
    times, arrivals = np.linspace(0, 1, 101), np.array([[0.1, 0.4]])
    plain = shots.weights(times, arrivals, 1.0, 0.0)
    assert plain.shape == (1, 101, 2, 1)
    assert plain[0, 40, 0, 0] == pytest.approx(0.4)
    assert plain[0, -1, 0, 0] == 0
    muted = shots.weights(times, arrivals, 0.0, 0.2)[0, :, :, 0]
    assert muted[:, 0].argmax() == 31
    assert muted[:, 1].argmax() == 61


def test_files_with_mistakes_are_refused(tmp_path):
    path = str(tmp_path / "gathers.npy")
    with pytest.raises(UserError, match="no file"):
        shots.read(path, 2, 3)
    np.save(path, np.zeros((2, 5, 4)))
    with pytest.raises(UserError, match=r"give \(2 shots, times, 3 receivers\)"):
        shots.read(path, 2, 3)
    np.save(path, np.full((2, 5, 3), np.nan))
    with pytest.raises(UserError, match="NaN or infinite values: replace them"):
        shots.read(path, 2, 3)
    np.save(path, np.zeros((5, 3)))
    with pytest.raises(UserError, match="with 3 axes"):
        shots.read(path, 2, 3)
    (tmp_path / "gathers.npy").write_text("text")
    with pytest.raises(UserError, match=r"numpy\.save"):
        shots.read(path, 2, 3)
