"""Completions of matrices whose rows have no order."""

import sys

import numpy as np
import pytest

from inrr_jax.baselines.matrices import MATRICES
from inrr_jax.errors import UserError


@pytest.fixture(params=MATRICES)
def complete(request):
    if request.param in ("nearest_rows", "chained_regressions"):
        pytest.importorskip("sklearn")
    return MATRICES[request.param].complete


def table(rows=40, columns=9):
    """Return a matrix of rank 2 plus a mean for each column, and a mask with three quarters of the entries."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((rows, 2)) @ rng.standard_normal((2, columns)) + 5 * np.arange(columns)
    return values[..., None].astype(np.float32), rng.random((rows, columns)) < 0.75


def test_a_completion_keeps_observed_entries_and_beats_the_overall_mean(complete):
    values, mask = table()
    recovered = complete(np.where(mask[..., None], values, np.nan).astype(np.float32), mask)
    np.testing.assert_array_equal(recovered[mask], values[mask])
    error = np.square(recovered - values)[~mask].mean()
    assert error < 0.2 * np.square(values[mask].mean() - values)[~mask].mean()


def test_the_order_of_the_rows_does_not_matter(complete):
    values, mask = table(20, 5)
    order = np.random.default_rng(1).permutation(len(values))
    np.testing.assert_allclose(
        complete(values[order], mask[order]), complete(values, mask)[order], rtol=1e-3, atol=0.02
    )


def test_a_column_without_entries_is_filled(complete):
    values, mask = table()
    mask[:, 3] = False
    assert np.isfinite(complete(values, mask)).all()


def test_correlations_are_used_by_all_but_the_mean():
    pytest.importorskip("sklearn")
    values, mask = table(80)
    errors = {n: np.square(e.complete(values, mask) - values)[~mask].mean() for n, e in MATRICES.items()}
    assert errors["chained_regressions"] < 0.3 * errors["column_mean"]
    assert errors["nearest_rows"] < errors["column_mean"]


@pytest.mark.parametrize("name", ["nearest_rows", "chained_regressions"])
def test_a_missing_scikit_learn_raises_an_error_with_the_command_that_installs_it(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(UserError, match="pip install scikit-learn"):
        MATRICES[name].complete(*table(6, 5))
