"""Arrays in a folder."""

import numpy as np
import pytest

from inrr_jax.io.arrays import Arrays


def test_arrays_outlive_the_mapping(tmp_path):
    arrays = Arrays(tmp_path)
    arrays["a"], arrays["b"] = np.arange(3), np.ones((2, 2), np.float32)
    again = Arrays(tmp_path)
    assert list(again) == ["a", "b"]
    assert len(again) == 2
    np.testing.assert_array_equal(again["a"], np.arange(3))
    assert again["b"].dtype == np.float32
    del again["a"]
    assert "a" not in arrays
    for use in (lambda: again["a"], lambda: again.pop("c"), lambda: again.__delitem__("a")):
        with pytest.raises(KeyError):
            use()


def test_a_file_that_was_not_finished_is_no_entry(tmp_path):
    (tmp_path / "a.tmp").write_bytes(b"half")
    assert dict(Arrays(tmp_path)) == {}
