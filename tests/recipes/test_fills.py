"""The registry of fills: its names, the classical methods, and that each entry is the fill of that name."""

import numpy as np

from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.opencv import navier_stokes, telea
from inrr_jax.recipes import stacking
from inrr_jax.recipes.fills import FILLS


def test_the_names_are_those_of_published_results_in_their_order():
    assert list(FILLS) == [
        "linear",
        "harmonic",
        "biharmonic",
        "tv",
        "soft_impute",
        "telea_r3",
        "navier_stokes_r5",
        "wnll",
        "gsr",
        "locally_linear",
        "locally_linear_fine",
        "stacked",
        "grouped",
    ]


def test_classical_methods_are_marked():
    classical = {name for name, entry in FILLS.items() if entry.classical}
    assert classical == {"linear", "harmonic", "biharmonic", "tv", "soft_impute", "telea_r3", "navier_stokes_r5"}


def test_names_are_those_of_their_fills():
    others = {"telea_r3": telea, "navier_stokes_r5": navier_stokes, "grouped": stacking.grouped}
    for name, entry in FILLS.items():
        assert entry.fill is others[name] if name in others else entry.fill.__name__ == name
    assert FILLS["harmonic"].fill is harmonic


def test_the_fills_of_the_stack_have_the_names_of_fills():
    assert set(stacking.names(stacking.starts(np.eye(9) < 1))) < set(FILLS)
