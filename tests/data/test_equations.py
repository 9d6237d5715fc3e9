"""Data of differential equations: their residuals vanish for exact solutions, and not for others."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import grids
from inrr_jax.data import shapes
from inrr_jax.data.kinds.equations import helmholtz, poisson, poisson_blend, sdf, wave
from inrr_jax.data.kinds.equations.poisson_blend import Pair
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.operators.residuals import Signal

RNG = np.random.default_rng(0)
INSIDE = jnp.asarray(RNG.uniform(-0.9, 0.9, (30, 2)), jnp.float32)


def quadratic(points):
    """Differences at midpoints are exact derivatives of a quadratic polynomial."""
    x, y = points[:, 0], points[:, 1]
    return jnp.stack([0.2 + x - 0.5 * y * y + 0.3 * x * y, x * x], axis=1)


def picture_of(function, shape):
    points = np.stack(np.meshgrid(*grids.axes(shape), indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(function(jnp.asarray(points))).reshape(*shape, -1)


def largest(problem, signal):
    residuals = jax.jit(lambda: problem.operator.predict(signal, problem.domain))()
    return [float(np.abs(values).max()) for values in residuals]


@pytest.mark.parametrize("options", [{}, {"source": "laplacian"}, {"missing": 0.3}, {"sums": 0.0}])
def test_residuals_of_a_pictures_derivatives_vanish_for_the_picture(options):
    picture = picture_of(quadratic, (12, 9))
    problem = poisson.Config(**options).problem(picture, MaskSettings())
    assert max(largest(problem, quadratic)) < 2e-5
    assert max(largest(problem, lambda points: quadratic(points) + points[:, :1] ** 3)) > 1e-3
    assert len(problem.operator.constraints) == (1 if options == {"sums": 0.0} else 2)


def test_missing_and_noisy_differences():
    picture = picture_of(quadratic, (32, 32))
    found = poisson.differences(picture, np.ones((32, 32), bool), 0.5, np.random.default_rng(1))
    assert np.std(found.down - np.diff(picture, axis=0)) == pytest.approx(0.5, rel=0.05)
    known = np.ones((32, 32), bool)
    known[5, 7] = False
    found = poisson.differences(picture, known, 0.0, RNG)
    assert (~found.down_known).sum() == (~found.right_known).sum() == 2
    assert not found.down[4:6, 7].any()
    cells, sums = poisson.gradient_constraints(found, poisson.Domain((32, 32), 2, None), 1.0, RNG)
    assert len(cells.points) == 31 * 31 - 4
    lows, highs = (grids.nearest(jnp.asarray(p), (32, 32)) for p in (sums.points, sums.data[0]))
    crossing = [
        (np.asarray(lows[1 - a]) == (7, 5)[a])
        & (np.asarray(highs[1 - a]) == (7, 5)[a])
        & (np.asarray(lows[a]) <= (5, 7)[a])
        & (np.asarray(highs[a]) >= (5, 7)[a])
        for a in (0, 1)
    ]
    assert not np.any(crossing)


def test_the_residuals_of_a_blend_vanish_for_a_source_that_continues_the_target():
    picture = picture_of(quadratic, (16, 16))
    region = np.zeros((16, 16), bool)
    region[4:10, 5:11] = True
    problem = poisson_blend.Config().problem(Pair(picture + 0.5, picture, region), MaskSettings())
    assert max(largest(problem, quadratic)) < 2e-5
    assert largest(problem, lambda points: quadratic(points) + 0.5)[1] == pytest.approx(0.5, rel=1e-4)


def test_a_blend_reads_two_pictures_of_one_size():
    pair = poisson_blend.Config(size=24).read()
    assert pair.source.shape == pair.target.shape == (24, 24, 3)
    assert 0.3 < pair.region.mean() < 0.5
    assert not pair.region[[0, -1]].any()


@pytest.mark.parametrize(("shape", "dimensions"), [("ball", 2), ("ball", 3), ("torus", 3)])
def test_the_residuals_of_a_distance_vanish_for_the_distance(shape, dimensions):
    content = sdf.Config(shape=shape, dimensions=dimensions, count=200, size=9).read()
    problem = sdf.Config().problem(content, MaskSettings())

    def signal(points):
        if shape == "ball":
            return jnp.linalg.norm(points, axis=1)[:, None] - 0.6
        ring = jnp.sqrt((points[:, :2] ** 2).sum(axis=1) + 1e-20) - 0.55
        return jnp.sqrt(ring**2 + points[:, 2] ** 2 + 1e-20)[:, None] - 0.2

    assert largest(problem, signal)[0] < 1e-2
    probes = jnp.asarray(RNG.uniform(0.1, 0.5, (20, dimensions)), jnp.float32)
    assert np.abs(sdf.eikonal_residual(Signal(signal), probes)).max() < 1e-4
    assert np.abs(sdf.eikonal_residual(Signal(lambda points: 2 * signal(points)), probes)).min() > 0.9
    flipped = problem.operator.constraints[0].evaluate(
        lambda points: -signal(points), jnp.asarray(content.cloud.points), jnp.asarray(content.cloud.normals)
    )
    assert float(jnp.abs(flipped).max()) > 1.0


@pytest.mark.parametrize("name", sorted(shapes.SHAPES))
@pytest.mark.parametrize("dimensions", [2, 3])
def test_points_on_a_shape_have_distance_zero_and_unit_normals(name, dimensions):
    signed = shapes.distance(name)
    cloud = shapes.sample(signed, dimensions, 300, np.random.default_rng(0))
    assert cloud.points.shape == (300, dimensions)
    assert np.abs(signed(cloud.points.astype(float))).max() < 1e-5
    assert np.linalg.norm(cloud.normals, axis=1) == pytest.approx(np.ones(300), abs=1e-3)
    np.testing.assert_allclose(signed(cloud.points + 0.01 * cloud.normals), 0.01, atol=1e-4)


def test_a_mesh_has_normals_that_point_outwards():
    vertices, normals, volume = shapes.blobs(24)
    index = np.round((vertices + 0.1 * normals + 1) / 2 * 23).astype(int)
    assert (volume[tuple(index.T)] < 0).mean() > 0.99
    assert np.linalg.norm(normals, axis=1) == pytest.approx(np.ones(len(normals)), abs=1e-3)
    assert sdf.Config(shape="blobs", count=500).read().cloud.points.shape == (500, 3)


def test_points_on_a_mesh_are_uniform_by_area():
    vertices = np.array([[0, 0, 0], [3, 0, 0], [0, 3, 0], [0, 0, 1]], float)
    triangles = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    cloud = shapes.sample_mesh(vertices, triangles, 4000, np.random.default_rng(0))
    # A vector over a closed surface: the normals cancel, and points times normals give three volumes over the area.
    area = 4.5 + 1.5 + 1.5 + np.sqrt(9 + 9 + 81) / 2
    assert np.abs(cloud.normals.mean(axis=0)).max() < 0.03
    assert (cloud.points * cloud.normals).sum(axis=1).mean() == pytest.approx(3 * 1.5 / area, rel=0.05)
    floor = cloud.points[cloud.normals[:, 2] == -1]
    assert np.abs(floor[:, 2]).max() < 1e-6
    assert floor.mean(axis=0)[:2] == pytest.approx([1, 1], abs=0.06)


def test_the_cortex_is_a_closed_surface_in_the_domain():
    pytest.importorskip("nibabel")
    if not importlib.util.find_spec("nilearn"):
        pytest.skip("nilearn is not installed; importing it takes seconds")
    cloud = sdf.Config(shape="cortex", count=3000, size=9).read().cloud
    assert np.abs(cloud.points).max() == pytest.approx(0.7, abs=0.01)
    assert np.linalg.norm(cloud.normals, axis=1) == pytest.approx(np.ones(3000), abs=1e-5)
    assert np.abs(cloud.normals.mean(axis=0)).max() < 0.05
    # Three volumes over the area of the mesh, which is positive only if the normals point outwards.
    assert (cloud.points * cloud.normals).sum(axis=1).mean() == pytest.approx(0.320, rel=0.05)


def test_the_cortex_without_nilearn_is_refused_in_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install inrr-jax\[data\]$"):
        sdf.Config(shape="cortex").read()


def test_uneven_points_are_rare_on_one_side_and_noisy_normals_have_length_one():
    cloud = sdf.Config(shape="ball", count=1000, uneven=1.0, noise=0.2, size=9).read().cloud
    assert (cloud.points[:, 0] > 0).mean() < 0.4
    assert np.linalg.norm(cloud.normals, axis=1) == pytest.approx(np.ones(1000), abs=1e-5)
    assert np.abs(cloud.normals - cloud.points / 0.6).mean() > 0.05


def test_a_file_of_points_is_scaled_into_the_domain(tmp_path):
    cloud = shapes.sample(shapes.ball, 3, 50, RNG)
    rows = np.concatenate([cloud.points * 50 + 7, 3 * cloud.normals], axis=1)
    np.save(tmp_path / "a.npy", rows)
    np.savetxt(tmp_path / "a.txt", rows)
    for name in ("a.npy", "a.txt"):
        found = sdf.Config(shape="file", path=str(tmp_path / name), count=50, size=9).read().cloud
        assert np.abs(found.points).max() == pytest.approx(0.7, abs=1e-5)
        assert (found.points * found.normals).sum(axis=1).min() > 0
    with pytest.raises(UserError, match=r"a\.npy is read by data\.shape=file only, not by torus"):
        sdf.Config(path=str(tmp_path / "a.npy")).read()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((20, 5)), r"shape \(20, 5\): give finite \(M, 4\) or \(M, 6\)"),
        (np.full((20, 6), np.nan), r"give finite"),
        (np.zeros((20, 6)), r"20 normals of length zero"),
    ],
)
def test_files_without_oriented_points_are_refused_in_one_line(tmp_path, rows, message):
    np.save(tmp_path / "bad.npy", rows)
    with pytest.raises(UserError, match=message) as caught:
        shapes.read(tmp_path / "bad.npy")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_an_unknown_shape_are_refused_in_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be read as points"):
        shapes.read(tmp_path / "none.npy")
    with pytest.raises(UserError, match="did you mean torus"):
        shapes.distance("tors")


def test_helmholtz_residuals():
    k, width = 6.0, 0.1

    def plane(points):
        return jnp.stack([jnp.cos(k * points[:, 0]), jnp.sin(k * points[:, 0])], axis=1)

    found = helmholtz.helmholtz_residual(Signal(plane), INSIDE, wavenumber=k, width=width)
    source = helmholtz.source_density(INSIDE, k, width)
    np.testing.assert_allclose(found[:, 0], source / k**2, atol=1e-4)
    assert np.abs(found[:, 1]).max() < 1e-4

    def outgoing(sign):
        def signal(points):
            r = jnp.linalg.norm(points, axis=1)
            return jnp.stack([jnp.cos(k * r), sign * jnp.sin(k * r)], axis=1) / jnp.sqrt(r)[:, None]

        return np.abs(helmholtz.outgoing_residual(Signal(signal), INSIDE + 2.0, wavenumber=k)).max()

    assert outgoing(1) < 1e-4
    assert outgoing(-1) > 0.5


def test_a_helmholtz_problem_has_greens_function_away_from_its_source():
    config = helmholtz.Config(size=17)
    problem = config.problem(config.read(), MaskSettings())
    missing = np.isnan(problem.truth[..., 0])
    assert missing[8, 8]
    assert missing.sum() == (np.hypot(*np.meshgrid(*[np.linspace(-1, 1, 17)] * 2)) < config.away).sum()
    border = problem.operator.constraints[1].points
    assert np.abs(border).max(axis=1) == pytest.approx(np.ones(len(border)))
    assert all((border[:, a] == side).mean() == pytest.approx(0.25, abs=0.01) for a in (0, 1) for side in (-1, 1))


def test_wave_residuals_and_dalemberts_solution():
    def standing(points):
        return (jnp.sin(jnp.pi * (points[:, 1] + 1)) * jnp.cos(0.5 * jnp.pi * (points[:, 0] + 1)))[:, None]

    found = [np.abs(wave.wave_residual(Signal(standing), INSIDE, speed=c, width=0.1)).max() for c in (0.5, 0.6)]
    assert found[0] < 1e-4 < 1e-2 < found[1]
    config = wave.Config(size=65)
    truth = config.read()[..., 0]
    assert np.abs(truth[:, [0, -1]]).max() < 1e-6
    np.testing.assert_allclose(truth[0], np.exp(-((np.linspace(-1, 1, 65) + 0.3) ** 2) / (2 * 0.12**2)), atol=1e-6)
    inner = truth[2:, 1:-1] - 2 * truth[1:-1, 1:-1] + truth[:-2, 1:-1]
    space = truth[1:-1, 2:] - 2 * truth[1:-1, 1:-1] + truth[1:-1, :-2]
    assert np.abs(inner - config.speed**2 * space).max() < 0.02 * np.abs(inner).max()
    start = config.problem(config.read(), MaskSettings()).operator.constraints[1]
    assert np.all(start.points[:, 0] == -1)
