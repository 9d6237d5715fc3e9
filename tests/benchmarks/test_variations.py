"""The variations of INRR against dense formulas, and the ablation at a tiny size."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import learned_graphs, variations
from inrr_jax.fibers import Sample, draw
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.problem import Domain
from inrr_jax.training.programs import collect_hyper_parameters, static_key
from inrr_jax.training.sweep import Outcome

TINY = {"width": 8, "depth": 2, "rank": 6}
NODES = 9
PROBLEM = masked(np.zeros((NODES, 7, 1), np.float32), np.ones((NODES, 7), bool))


def some(init, key):
    """Return parameters like those of an initialisation, which is not compiled."""
    rng, shapes = np.random.default_rng(0), jax.eval_shape(init, key)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape).astype(np.float32)), shapes)


def built(cls, key, **options):
    """Return the graph of a variation, its parameters and fibers [4, 9, 2], and its adjacency and fibers in float64."""
    graph = cls(**TINY, **options).graph(NODES)
    params, fibers = some(graph.init, key), np.random.default_rng(1).random((4, NODES, 2), np.float32)
    similar = np.asarray(jax.jit(graph.adjacency)(params), np.float64)
    columns = np.asarray(fibers, np.float64).transpose(1, 0, 2).reshape(NODES, -1)
    return graph._replace(energy=jax.jit(graph.energy)), params, jnp.asarray(fibers), similar, columns


@pytest.mark.parametrize("power", [1, 2, 3])
def test_a_power_is_that_of_the_dense_laplacian(key, power):
    graph, params, fibers, similar, x = built(learned_graphs.Power, key, power=power)
    dense = np.linalg.matrix_power(np.diag(similar.sum(1)) - similar, power)
    assert float(graph.energy(params, fibers)) == pytest.approx(np.trace(x.T @ dense @ x) / x.size, rel=1e-4)


def pairs(similar, x, rho):
    """1/2 sum_ij A_ij rho(|x_i - x_j|) by loops, divided by the number of entries."""
    total = sum(similar[i, j] * rho(abs(x[i] - x[j])).sum() for i in range(NODES) for j in range(NODES))
    return 0.5 * total / x.size


def test_the_robust_energy_is_the_double_loop_and_the_square_below_delta(key):
    graph, params, fibers, similar, x = built(learned_graphs.Huber, key, delta=0.3)
    expected = pairs(similar, x, lambda s: np.where(s <= 0.3, s**2, 0.3 * (2 * s - 0.3)))
    assert float(graph.energy(params, fibers)) == pytest.approx(expected, rel=1e-5)
    square = pairs(similar, x, np.square)
    assert expected < 0.95 * square
    wide = learned_graphs.huber_energy(fibers, graph.adjacency(params), 1.0)
    assert float(wide) == pytest.approx(square, rel=1e-5)
    gradient = jax.jit(jax.grad(lambda f: graph.energy(params, f)))(jnp.full_like(fibers, 0.5))
    assert float(jnp.abs(gradient).max()) == 0


def test_the_normalised_laplacian_is_the_dense_one(key):
    graph, params, fibers, similar, x = built(learned_graphs.Normalised, key)
    scale = np.diag(similar.sum(1) ** -0.5)
    expected = np.trace(x.T @ (np.eye(NODES) - scale @ similar @ scale) @ x) / x.size
    assert float(graph.energy(params, fibers)) == pytest.approx(expected, rel=1e-4)


def test_the_kernel_of_distances_has_degrees_of_one_on_average_and_no_self_loops(key):
    graph, params, fibers, similar, x = built(learned_graphs.Distances, key)
    np.testing.assert_allclose(similar, similar.T, atol=1e-6)
    assert np.all(np.diag(similar) == 0)
    assert similar.sum() == pytest.approx(NODES, rel=1e-5)
    expected = np.trace(x.T @ (np.diag(similar.sum(1)) - similar) @ x) / x.size
    assert float(graph.energy(params, fibers)) == pytest.approx(expected, rel=1e-4)
    # Nodes that all have one embedding are equally similar; the gradient of the distances is finite there.
    flat = jax.tree.map(jnp.zeros_like, params)
    np.testing.assert_allclose(graph.adjacency(flat)[0, 1:], 1 / (NODES - 1), rtol=1e-5)
    gradients = jax.jit(jax.grad(lambda p: graph.energy(p, fibers)))(flat)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))


def test_a_shared_trunk_has_one_network_and_two_graphs(key):
    term = learned_graphs.SharedTrunk(**TINY).build(Domain((NODES, 7), 1))
    params = some(term.init, key)
    assert set(params) == {"all"}
    assert params["all"]["last"]["kernel"].shape == (8, 12)
    found = jax.jit(term.laplacians)(params)
    assert {name: matrix.shape for name, matrix in found.items()} == {"row": (NODES, NODES), "col": (7, 7)}
    fibers = tuple(jnp.asarray(np.random.default_rng(1).random((4, n, 1), np.float32)) for n in (NODES, 7))
    energies = jax.jit(lambda own: term.energies({"inrr": own}, Sample(fibers), PROBLEM))(params)
    for name, along in zip(("row", "col"), fibers, strict=True):
        x = np.asarray(along[..., 0], np.float64).T
        expected = np.trace(x.T @ np.asarray(found[name], np.float64) @ x) / x.size
        assert float(energies[name]) == pytest.approx(expected, rel=1e-4)


def test_the_energy_of_features_is_that_of_the_last_hidden_activations(key):
    domain, field = Domain((NODES, 7), 1), siren.Config(width=10, depth=2, precision="float32", sine="exact")
    term = learned_graphs.OnFeatures(**TINY, field=field).build(domain)
    own, omega = field.build(domain), field.omega_per_node * NODES
    params = {"field": some(lambda key: own.init(key, {}), key), "inrr": some(term.init, key)}
    drawn = draw(key, domain.shape, 3)
    values = [jnp.zeros((*index[0].shape, 1)) for index in drawn]
    sample = Sample(tuple(values), drawn=drawn)
    energies = jax.jit(lambda params: term.energies(params, sample, PROBLEM))(params)
    matrices = jax.jit(term.laplacians)(params["inrr"])
    p = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params["field"])
    for axis, name in enumerate(("row", "col")):
        grid = np.asarray(domain.points, np.float64).reshape(NODES, 7, 2)[tuple(map(np.asarray, drawn[axis]))]
        first = np.sin(omega * (grid @ p["first"]["kernel"] + p["first"]["bias"]))
        f = np.sin(first @ p["hidden1"]["kernel"] + p["hidden1"]["bias"])
        columns = f.transpose(1, 0, 2).reshape(f.shape[1], -1)
        expected = np.trace(columns.T @ np.asarray(matrices[name], np.float64) @ columns) / f.size
        assert float(energies[name]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("method", variations.METHODS)
def test_every_method_has_settings_with_its_weight_and_variation(method):
    settings = variations.settings_of(method, 0.5, 3, 10)
    term, options, changes, weights = variations.METHODS[method]
    assert settings.seed == 3
    assert settings.regularizer.name == term
    assert [config.weight for config in settings.regularizer.terms.values()] == ([] if term == "none" else [0.5])
    assert type(settings.regularizer.inrr) is type(options)
    assert len(weights) >= 3 or term == "none"
    # The variation survives the split into hyper-parameters and the key of the compiled program.
    kept = dict(static_key(settings).terms)
    assert term != "inrr" or type(kept["inrr"]) is type(options)
    assert method != "frozen L" or collect_hyper_parameters(settings, PROBLEM.domain).optimizer["laplacian_rate"] == 0


ROW = {"picture": "camera", "method": "inrr", "weight": 0.1, "seed": 0}


def test_gains_are_paired_and_weights_chosen_by_held_out_errors():
    errors = {("inrr", "a", 0): 0.01, ("inrr", "a", 1): 0.02, ("tv", "a", 0): 0.02, ("tv", "a", 1): 0.04}
    errors |= {("inrr", "b", 0): 0.01, ("tv", "b", 0): 0.001}
    rows = [
        {**ROW, "stage": "table", "method": method, "mask": mask, "seed": seed, "error": error}
        for (method, mask, seed), error in errors.items()
    ]
    # A weight that is no candidate, from a command with other ones, is never chosen.
    tried = {0.01: 0.3, 0.04: 0.2, 9.0: 0.1}
    rows += [{**ROW, "stage": "choice", "mask": "a", "weight": w, "error": e} for w, e in tried.items()]
    rows += [{**ROW, "stage": "choice", "mask": "b", "weight": 0.16, "error": 0.1}]
    assert variations.chosen(rows, "camera", "a", "inrr") == 0.04
    paper, tv = variations.summary(rows, {"inrr": 2.0, "tv": 3.0})
    assert (paper["gain"], paper["wins"], tv["wins"], tv["cases"], tv["ratio"]) == (0, 0, 1, 2, 1.5)
    assert tv["gain"] == pytest.approx((-10 * np.log10(2) + 10) / 2)
    assert variations.by_mask(rows)["b"]["tv"].tolist() == [[pytest.approx(10)]]


def test_the_ablation_runs_once_and_reports(tmp_path, monkeypatch, capsys):
    fitted = []

    def run(members, **options):
        fitted.extend(members)
        for index, member in enumerate(members):
            values = np.full((16, 16, 1), 0.5 + member.settings.seed / 10, np.float32)
            yield index, Outcome(values, 0.0, "", options["at_once"])

    monkeypatch.setattr(variations.runner.sweep, "run", run)
    monkeypatch.setattr(variations, "SIZE", 16)
    flags = ["--pictures", "camera", "--masks", "random:0.5", "--methods", "grid", "--seeds", "2", "--steps", "2"]
    monkeypatch.setattr(sys, "argv", ["variations", *flags, "--rounds", "0", "--workdir", str(tmp_path)])
    variations.main()
    assert len(fitted) == 2 * (5 + 2)
    # The fits that choose are given neither the truth nor the held-out values.
    choosing, counting = fitted[0].problem, fitted[5].problem
    assert choosing.truth is None
    assert counting.truth is None
    assert np.asarray(choosing.operator.mask).sum() < np.asarray(counting.operator.mask).sum()
    assert not np.asarray(choosing.measurements)[~np.asarray(choosing.operator.mask)].any()
    variations.main()
    assert len(fitted) == 14
    assert (tmp_path / "variations.png").stat().st_size > 0
    assert "| grid |" in capsys.readouterr().out


def test_the_seconds_of_a_step_are_measured(monkeypatch):
    monkeypatch.setattr(variations, "SIZE", 16)
    monkeypatch.setattr(variations, "FIELD", siren.Config(width=4, depth=1))
    assert variations.step_seconds(["none"], rounds=1, steps=1)["none"] > 0
