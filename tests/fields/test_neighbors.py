import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import fields, grids
from inrr_jax.errors import UserError
from inrr_jax.fields.neighbors import lines, patch
from inrr_jax.recipes.inpaint import inpaint
from inrr_jax.settings import FieldSettings, OptimizerSettings, RegularizerSettings, Settings, TrainSettings, change
from inrr_jax.training import fit as training
from inrr_jax.types import Signal

GRID = (6, 7)
TINY = Settings(
    field=FieldSettings(name="inrz", width=16, depth=1, omega=5.0, precision="float32"),
    regularizer=RegularizerSettings(
        name="inrr+air+grid+tv+tv_anisotropic+tikhonov0+tikhonov2+weight_decay", width=4, depth=1, rank=4
    ),
    optimizer=OptimizerSettings(name="adam", warmup=4),
    train=TrainSettings(steps=60, fibers=4, chunk=60),
)


def picture(channels=1, grid=GRID):
    return np.random.default_rng(0).random((*grid, channels)).astype(np.float32)


def pixels(grid=GRID):
    return tuple(jnp.asarray(index.ravel()) for index in np.indices(grid))


def signal_of(context=True):
    image = np.broadcast_to(np.linspace(0.1, 0.9, GRID[1], dtype=np.float32)[:, None], (*GRID, 1))
    return Signal(jnp.asarray(image), jnp.ones(GRID, bool), jnp.asarray(image[::-1]) if context else None)


@pytest.mark.parametrize("channels", [1, 3])
def test_values_on_the_lines_equal_a_plain_loop(channels):
    context = picture(channels)
    found = np.asarray(lines(jnp.asarray(context), pixels(), reach=2))
    height, width = GRID
    assert found.shape == (height * width, (height + width) * channels)
    for place, (i, j) in enumerate(np.ndindex(GRID)):
        column = [context[k, j, c] / (height * channels) for k in range(height) for c in range(channels)]
        row = [context[i, k, c] / (width * channels) for k in range(width) for c in range(channels)]
        np.testing.assert_allclose(found[place], column + row, rtol=1e-6)


@pytest.mark.parametrize(("grid", "channels", "reach"), [(GRID, 1, 1), (GRID, 3, 2), ((2, 3), 1, 4), ((3, 2, 4), 2, 1)])
def test_values_in_the_patch_equal_a_plain_loop_and_the_border_goes_on(grid, channels, reach):
    context = picture(channels, grid)
    found = np.asarray(patch(jnp.asarray(context), pixels(grid), reach))
    padded = np.pad(context, [(reach, reach)] * len(grid) + [(0, 0)], mode="edge")
    for place, corner in enumerate(np.ndindex(grid)):
        around = padded[tuple(slice(start, start + 2 * reach + 1) for start in corner)]
        np.testing.assert_allclose(found[place], around.ravel() / around.size, rtol=1e-6)


@pytest.mark.parametrize("grid", [(5, 9), (1, 4), (255, 256), (3, 4, 5)])
def test_the_nearest_pixel_is_the_one_whose_coordinates_they_are(grid):
    points = np.stack(np.meshgrid(*grids.axes(grid), indexing="ij"), axis=-1).reshape(-1, len(grid))
    half = 0.49 * 2 / (max(grid) - 1)  # of the way to the next pixel
    for shift in (0.0, half, -half):
        found = grids.nearest(jnp.asarray(points + np.float32(shift)), grid)
        np.testing.assert_array_equal(found, np.indices(grid).reshape(len(grid), -1))


def test_the_field_is_the_network_of_position_and_neighbours(key):
    settings = dataclasses.replace(TINY.field, neighbors="patch", reach=1)
    field = fields.on_grid(settings, GRID, 1)
    params = jax.jit(field.init)(key)
    assert params["first"]["kernel"].shape == (2 + 9, 16)
    assert float(jnp.abs(params["first"]["kernel"][:2]).max()) > 1 / 11  # U(-1/2, 1/2), as without the neighbours
    centre = jnp.stack([jnp.asarray(grids.axes(GRID)[0][2:3]), jnp.asarray(grids.axes(GRID)[1][3:4])], axis=-1)
    far, near = picture(), picture()
    far[4, 3], near[3, 3] = 0.0, 0.0
    apply = jax.jit(field.apply)
    value, unseen, seen = (apply({**params, "context": jnp.asarray(c)}, centre, 5.0) for c in (picture(), far, near))
    assert float(value[0, 0]) == float(unseen[0, 0])
    assert float(value[0, 0]) != float(seen[0, 0])


@pytest.mark.parametrize(("form", "terms"), [("lines", TINY.regularizer.name), ("patch", "none")])
def test_a_fit_with_every_term_improves_and_the_context_never_moves(form, terms):
    settings = change(TINY, {"field.neighbors": form, "regularizer.name": terms})
    signal = signal_of()
    state, knobs, key = training.start(signal, settings)
    before = np.array(state.params["field"]["first"]["kernel"])
    ((state, info),) = training.fit(state, signal, knobs, key, settings)
    np.testing.assert_array_equal(state.params["field"]["context"], signal.context)
    assert not np.array_equal(before, state.params["field"]["first"]["kernel"])
    assert info["fidelity"][-10:].mean() < 0.7 * info["fidelity"][:5].mean()
    energies = {name for name in info if name.startswith("energy")}
    assert all(any(name.startswith(f"energy_{term}_") for name in energies) for term in settings.regularizer.terms)


def test_without_a_context_it_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"field\.name=inrz needs the recovery of a first fit") as caught:
        training.start(signal_of(context=False), TINY)
    assert "\n" not in str(caught.value)


def test_the_first_fit_is_that_of_a_siren_without_regulariser_and_is_done_where_it_is_needed():
    settings = dataclasses.replace(
        TINY, regularizer=RegularizerSettings(name="grid"), train=TrainSettings(steps=4, fibers=4, chunk=4)
    )
    first = training.first_fit(settings)
    assert (first.field.name, first.regularizer.name) == ("siren", "none")
    assert training.first_fit(first) is None
    image, missing = picture()[..., 0], np.indices(GRID).sum(axis=0) % 3 == 0
    signal = Signal(jnp.where(missing, 0.0, image)[..., None], jnp.asarray(~missing))
    solved = training.solve(signal, settings)
    by_hand = training.solve(signal, first)
    state, knobs, key = training.start(signal._replace(context=by_hand), settings)
    ((state, _),) = training.fit(state, signal._replace(context=by_hand), knobs, key, settings)
    np.testing.assert_array_equal(
        solved, training.recover(state.params["field"], knobs.omega, signal.values.shape, settings)
    )
    assert np.abs(np.asarray(solved - by_hand)).max() > 1e-4
    filled = inpaint(image, missing, settings=settings)
    np.testing.assert_array_equal(filled, np.where(missing, solved[..., 0], image))
