"""What the tests of operators with points of their own share: a signal, and fits to it."""

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.fields import siren
from inrr_jax.regularizers import RegularizerSettings, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings


def smooth(points):
    """Evaluate a smooth signal with values in (0, 1), at points [N, 2], as [N, 1]."""
    x, y = points[:, 0], points[:, 1]
    return (0.5 + 0.3 * jnp.sin(3 * x + y) * jnp.cos(2 * y - 0.5 * x))[:, None]


@pytest.fixture
def signal():
    """The smooth signal as a function of points."""
    return smooth


@pytest.fixture
def truth_on():
    """A function that returns the smooth signal on a grid, [H, W, 1]."""

    def make(grid):
        points = np.stack(np.meshgrid(*grids.axes(grid), indexing="ij"), axis=-1).reshape(-1, 2)
        return np.asarray(smooth(jnp.asarray(points))).reshape(*grid, 1)

    return make


@pytest.fixture
def quick():
    """A function that returns settings of a fit that takes seconds, by the name of the regulariser."""

    def make(name, measurements=0):
        return Settings(
            field=siren.Config(width=32, depth=3, omega=5.0, precision="float32"),
            regularizer=RegularizerSettings(name=name, inrr=inrr.Config(weight=1e-3, width=8, depth=2, rank=8)),
            optimizer=OptimizerSettings(name="adam", warmup=20),
            train=TrainSettings(steps=300, fibers=3, measurements=measurements, chunk=300),
        )

    return make
