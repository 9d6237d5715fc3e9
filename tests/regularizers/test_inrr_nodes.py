"""INRR's graph on scattered nodes: unbiased, without n x n matrices, evaluated with the measurements, and of use."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.errors import UserError
from inrr_jax.fibers import Nodes, Sample
from inrr_jax.fields import Field
from inrr_jax.operators.sampling import Sampling
from inrr_jax.options import change
from inrr_jax.problem import Domain, Problem
from inrr_jax.regularizers import RegularizerSettings, build, inrr
from inrr_jax.regularizers.laplacian import adjacency, laplacian
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.types import HyperParameters

DOMAIN = Domain((20, 12, 16), 2)
SMALL = inrr.NodesConfig(positions="given", count=8, width=8, depth=2, rank=5)
DRAWS = 4000


def signal(points):
    x, y, z = points.T
    return jnp.stack([jnp.sin(3 * x + y), jnp.cos(2 * z) * y], axis=-1)


def problem_of(nodes=None):
    points = jnp.asarray(np.random.default_rng(1).uniform(-0.5, 0.5, (30, 3)), jnp.float32)
    auxiliary = {} if nodes is None else {"nodes": nodes}
    return Problem(DOMAIN, Sampling(points), signal(points), auxiliary)


def given_nodes(count=60):
    return jnp.asarray(np.random.default_rng(0).uniform(-0.5, 0.5, (count, 3)), jnp.float32)


def energy_at(term, params, points):
    sample = Sample(nodes={"inrr_nodes": Nodes(points, signal(points))})
    return term.energies({"inrr_nodes": params}, sample, None)["all"]


def whole_energy(params, nodes):
    """Return tr(Fᵀ L F) / (n C) over all nodes, by matrices."""
    factor = SMALL.rows(params["all"], nodes, SMALL.rank)
    values, matrix = np.asarray(signal(nodes), np.float64), np.asarray(laplacian(adjacency(factor)), np.float64)
    return np.trace(values.T @ matrix @ values) / values.size


def draws(config, params, problem, key):
    term = config.build(DOMAIN)
    many = jax.jit(jax.vmap(lambda k: energy_at(term, params, term.request(k, problem))))
    return np.asarray(many(jax.random.split(key, DRAWS)), np.float64)


def misses(many, expected):
    """Return by how many of its standard errors a mean differs from what it estimates."""
    return abs(many.mean() - expected) / (many.std() / DRAWS**0.5)


def test_random_subsets_estimate_the_energy_of_all_nodes_without_bias(key):
    problem = problem_of(given_nodes())
    params = SMALL.build(DOMAIN).init(key)
    expected, many = whole_energy(params, given_nodes()), draws(SMALL, params, problem, key)
    assert misses(many, expected) < 4
    assert many.std() > 0.1 * expected
    assert misses(many * (SMALL.count - 1) / SMALL.count, expected) > 10  # without the factor for repeated nodes


def test_random_positions_fill_the_domain_and_estimate_the_energy_of_the_domain(key):
    config = dataclasses.replace(SMALL, positions="random")
    params = SMALL.build(DOMAIN).init(key)
    points = np.asarray(dataclasses.replace(config, count=5000).build(DOMAIN).request(key, problem_of()))
    for axis, coordinates in enumerate(DOMAIN.axes):
        low, high = float(coordinates[0]), float(coordinates[-1])
        assert low <= points[:, axis].min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < points[:, axis].max() <= high
    dense = whole_energy(params, jnp.asarray(points[:2000]))
    assert draws(config, params, problem_of(), key).mean() == pytest.approx(dense, rel=0.05)


def test_nothing_has_the_size_of_a_graph_on_all_nodes_or_on_those_of_a_step(key):
    config = dataclasses.replace(SMALL, count=300)
    problem, term = problem_of(given_nodes(5000)), config.build(DOMAIN)

    def step(params, nodes):
        problem = problem_of(nodes)
        return energy_at(term, params, term.request(key, problem))

    equations = jax.make_jaxpr(jax.grad(step))(term.init(key), problem.auxiliary["nodes"]).jaxpr.eqns
    sizes = [variable.aval.size for equation in equations for variable in equation.outvars]
    assert max(sizes) < 300 * 300


@pytest.mark.parametrize(("terms", "fibers"), [("inrr_nodes", 0), ("grid+inrr_nodes", 3 * (20 + 12 + 16))])
def test_a_step_evaluates_measurements_nodes_and_fibers_in_one_batch(key, terms, fibers):
    counts = []

    def apply(params, points, hyper):
        counts.append(len(points))
        return params["scale"] * signal(points)

    problem, settings = problem_of(given_nodes()), RegularizerSettings(name=terms, inrr_nodes=SMALL)
    regularizer = build(settings.terms, DOMAIN)
    assert regularizer.on_fibers == (fibers > 0)
    params = {"field": {"scale": jnp.ones(())}, **regularizer.init(key)}
    evaluate = partial(
        objective,
        problem=problem,
        hyper=HyperParameters({}, dict.fromkeys(settings.terms, 1.0), {}),
        key=key,
        field=Field(lambda key, auxiliary: {}, apply),
        regularizer=regularizer,
        fiber_count=3,
        measurement_count=10,
    )
    _, info = jax.jit(evaluate)(params)
    assert counts == [fibers + 10 + SMALL.count]
    term = SMALL.build(DOMAIN)
    points = term.request(jax.random.fold_in(key, 2), problem)
    own = float(energy_at(term, params["inrr_nodes"], points))
    assert float(info["energy_inrr_nodes_all"]) == pytest.approx(own, rel=1e-5)
    assert float(info["fidelity"]) == pytest.approx(0, abs=1e-9)  # the field is the true signal


@pytest.mark.parametrize("nodes", [None, jnp.zeros((5, 2)), jnp.zeros((4, 4, 3))])
def test_given_positions_that_are_none_are_refused_in_one_line(key, nodes):
    problem = problem_of(nodes)
    with pytest.raises(UserError, match=r"inrr_nodes\.positions=given with nodes of shape .*: give \(n, 3\)") as caught:
        SMALL.build(DOMAIN).request(key, problem)
    assert "\n" not in str(caught.value)


def test_a_strong_weight_flattens_a_fit_to_scattered_points():
    small = {"field.width": 16, "field.depth": 2, "field.omega": 6.0, "field.precision": "float32"}
    graph = {f"regularizer.inrr_nodes.{name}": size for name, size in dict(count=32, width=8, depth=2, rank=6).items()}
    training = {"optimizer.name": "adam", "train.steps": 60, "train.chunk": 60}
    settings = change(Settings(), {**small, **graph, **training, "regularizer.name": "inrr_nodes"})
    spread = [
        np.std(
            fit.solve(problem_of(), change(settings, {"regularizer.inrr_nodes.weight": weight})), axis=(0, 1, 2)
        ).mean()
        for weight in (0.0, 100.0)
    ]
    assert spread[1] < 0.3 * spread[0]
