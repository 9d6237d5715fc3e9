"""inrr_jax.solve: boundary problems with known solutions, and errors of one line."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import inrr_jax
from inrr_jax import Constraint
from inrr_jax.errors import UserError
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.recipes.equations import EQUATION

DOMAIN = Domain((9, 9), 1, None)
QUICK = change(
    EQUATION,
    {"field.width": 24, "field.depth": 2, "field.omega": 3.0, "field.precision": "float32", "train.steps": 200}
    | {"train.measurements": 64, "train.chunk": 100},
)
T = np.linspace(-1, 1, 40, dtype=np.float32)
BORDER = np.concatenate(
    [np.stack(side, axis=1) for one in (np.full_like(T, -1), np.full_like(T, 1)) for side in ((one, T), (T, one))]
)


def exact(points):
    return points[..., :1] ** 2 - points[..., 1:] ** 2 + points[..., :1] * points[..., 1:]


def harmonic(field, points):
    return field.laplacian(points)


def known(field, points, values):
    return field(points) - values


def test_laplaces_equation_with_boundary_values():
    field = inrr_jax.solve(
        [Constraint(harmonic), Constraint(known, BORDER, exact(BORDER), weight=30.0)], DOMAIN, settings=QUICK
    )
    inside = np.random.default_rng(0).uniform(-0.9, 0.9, (200, 2))
    assert np.abs(field(inside) - exact(inside)).max() < 0.03
    # Without the equation the boundary values say nothing about the inside.
    without = inrr_jax.solve(Constraint(known, BORDER, exact(BORDER), weight=30.0), DOMAIN, settings=QUICK)
    assert np.abs(without(inside) - exact(inside)).max() > 0.1


def test_a_field_of_two_channels_from_its_divergence_and_gradient():
    def residual(field, points):
        gradient = field.gradient(points)
        rotation = gradient[:, 1, 0] - gradient[:, 0, 1]
        return jnp.stack([field.divergence(points) - 2.0, rotation], axis=1)

    def centre(field, points):
        return field(points)

    domain = dataclasses.replace(DOMAIN, channels=2)
    points = np.zeros((1, 2), np.float32)
    settings = change(QUICK, {"train.steps": 150})
    field = inrr_jax.solve([Constraint(residual), Constraint(centre, points)], domain, settings=settings)
    slopes = field.gradient(np.random.default_rng(0).uniform(-0.8, 0.8, (50, 2)))
    assert np.abs(slopes[:, 0, 0] + slopes[:, 1, 1] - 2).max() < 0.2
    assert np.abs(field(points)).max() < 0.05


def test_points_drawn_in_a_step_lie_in_the_domain_and_change(key):
    domain = Domain((9, 5), 1, None)
    drawn, data = Constraint(harmonic).draw(domain, key, 500)
    assert data is None
    assert np.abs(drawn).max(axis=0) == pytest.approx([1.0, 0.5], abs=0.02)


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (lambda field, points: field(points).sum(), r"returns the shape \(\) for 2 points: return one residual"),
        (lambda field, points: field(points)[None], r"returns the shape \(1, 2, 1\) for 2 points"),
        (lambda field, points: 0.0, r"returns float for 2 points"),
        (lambda field, points: field.divergence(points), r"divergence of a signal with 1 channels in 2 dimensions"),
        (Constraint(harmonic, np.zeros((4, 3))), r"residual harmonic has points of shape \(4, 3\): give \(M, 2\)"),
        (Constraint(harmonic, np.zeros((0, 2))), r"points of shape \(0, 2\): give \(M, 2\)"),
        (
            Constraint(harmonic, np.array([[0.0, 0.5], [0.0, 1.5], [np.nan, 0.0]])),
            r"harmonic: 2 of 3 points lie outside of the domain, the first at \(0\.0, 1\.5\): give .* within ±\(1, 1\)",
        ),
        (Constraint(known, BORDER, exact(BORDER)[1:]), r"has 160 points and data of other lengths"),
        (Constraint(known, None, exact(BORDER)), r"known has data but no points"),
        (Constraint(harmonic, weight=-1.0), r"harmonic has weight=-1\.0: give a number of at least 0"),
        (Constraint(harmonic, weight="3"), r"harmonic has weight='3'"),
        ([3.0], r"residual=\[3\.0\] is no residual: give a function, a Constraint or a list"),
        ([], r"residual=\[\] is no residual"),
    ],
)
def test_mistakes_are_refused_in_one_line(constraint, message):
    with pytest.raises(UserError, match=message) as caught:
        inrr_jax.solve(constraint, DOMAIN, settings=QUICK)
    assert "\n" not in str(caught.value)


CALLS = """
import numpy as np, inrr_jax
from inrr_jax import Domain
domain = Domain((8, 8), 1)
assert Domain([8, 8], 1, [0, 1], [1.0, 2.0]) == Domain((8, 8), 1, (0, 1), (1.0, 2.0))
for call in (
    lambda: Domain(8, 1),
    lambda: Domain("88", 1),
    lambda: Domain((8.0, 8), 1),
    lambda: Domain((8, 8), 1.0),
    lambda: Domain((8, 8), 1, bounds=(0, 1, 2)),
    lambda: Domain((8, 8), 1, spacing=2),
    lambda: inrr_jax.solve(None, domain),
    lambda: inrr_jax.solve(abs, (8, 8)),
    lambda: inrr_jax.solve(abs, domain, settings={"seed": 1}),
    lambda: inrr_jax.reconstruct(abs, np.ones((8, 8)), shape=(8, 8), settings="best"),
):
    try:
        call()
    except inrr_jax.errors.UserError as error:
        print(error)
    else:
        print("accepted")
"""


def test_arguments_of_another_kind_are_refused_in_one_line():
    """In a process of its own, because the type checks of the tests would refuse them before the package does."""
    command = [sys.executable, "-c", CALLS]
    found = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.splitlines() == [
        "shape=8 of a domain: give the nodes along each axis, such as (64, 64)",
        "shape='88' of a domain: give the nodes along each axis, such as (64, 64)",
        "shape=(8.0, 8) of a domain: give the nodes along each axis, such as (64, 64)",
        "channels=1.0 of a domain: give a whole number of at least 1",
        "bounds=(0, 1, 2) of a domain: give the smallest and the largest value, such as (0, 1), or None",
        "spacing=2 of a domain: give 2 numbers above 0, or None",
        "residual=None is no residual: give a function, a Constraint or a list of them",
        "domain=(8, 8) is no domain: give inrr_jax.Domain(shape, channels)",
        "settings={'seed': 1} is no Settings: give inrr_jax.Settings(...) or None",
        "settings='best' is no Settings: give inrr_jax.Settings(...) or None",
    ]
