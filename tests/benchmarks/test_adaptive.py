"""Rules that need no truth: their derivatives, their stops, and the benchmark at a tiny size."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import adaptation, adaptive, features, stopping
from inrr_jax.baselines.holdout import hold_out
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.training import fit
from inrr_jax.training.programs import static_key

TINY = change(
    adaptive.START,
    {
        "field.width": 8,
        "field.depth": 2,
        "field.omega": 5.0,
        "regularizer.inrr.width": 4,
        "regularizer.inrr.depth": 2,
        "optimizer.warmup": 2,
        "optimizer.name": "adam",
        "train.steps": 20,
        "train.fibers": 4,
        "train.chunk": 20,
    },
)
RULE = adaptation.Rule(start=0.25, every=5, release=0.75)


@pytest.fixture(scope="module")
def problem():
    return next(problem for _, mask, problem in adaptive.cases("", 16) if mask == "random50")


@pytest.fixture(scope="module")
def split(problem):
    return hold_out(jax.random.key(0), np.asarray(problem.operator.mask))


def test_the_hypergradient_is_that_of_the_steps_that_are_taken(problem, split, double_precision):
    with double_precision():
        settings = change(TINY, {"regularizer.name": "grid", "field.depth": 1, "field.sine": "exact"})
        static, (state, hyper, key) = static_key(settings), fit.init(problem, settings)
        without, held = adaptation.held_out(problem, split.held)
        state, _ = fit.fit_chunk(state, without.visible, hyper, key, static=static, length=4)
        logs = adaptation.start(hyper, 2, omega=True)
        logs, state, hyper, held, visible = jax.tree.map(_double, (logs, state, hyper, held, without.visible))

        @jax.jit
        def after(logs):
            own = adaptation.scaled(hyper, logs)
            first, _ = fit.step(state, visible, own, key, static)
            second, _ = fit.step(first, visible, own, key, static)
            return adaptation.error(second.params, held, visible, own, static)

        slopes, _ = adaptation.hypergradient(logs, state, visible, held, hyper, key, static=static, unroll=2)
        leaves, tree = jax.tree.flatten(logs)
        for index, slope in enumerate(jax.tree.leaves(slopes)):
            above, below = (
                float(after(tree.unflatten([leaf + moved * (i == index) for i, leaf in enumerate(leaves)])))
                for moved in (1e-3, -1e-3)
            )
            assert abs(float(slope)) > 1e-8
            assert (above - below) / 2e-3 == pytest.approx(float(slope), rel=1e-2)


def _double(leaf):
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


@pytest.mark.slow
def test_the_truth_changes_nothing_and_the_held_out_pixels_do(problem, split):
    def adapted(problem, rule=RULE):
        return adaptation.solve(problem, split.held, TINY, rule)

    mask = np.asarray(problem.operator.mask)[..., None]
    lied = problem._replace(truth=np.where(mask, problem.truth, 1 - problem.truth))
    first, second = adapted(problem), adapted(lied)
    assert len(first.history) == 2
    for a, b in zip(jax.tree.leaves(first.state), jax.tree.leaves(second.state), strict=True):
        np.testing.assert_array_equal(a, b)
    others = problem._replace(measurements=np.where(split.held[..., None], 1 - problem.truth, problem.measurements))
    assert first.history[-1] != adapted(others).history[-1]
    assert first.history[-1] != adapted(problem, RULE._replace(mean=0.8)).history[-1]


def test_features_prefer_the_frequencies_of_the_picture(monkeypatch):
    monkeypatch.setattr(features, "WIDTH", 128)
    x = np.linspace(-1, 1, 32, dtype=np.float32)
    mask = np.random.default_rng(0).uniform(size=(32, 32)) < 0.7
    for wanted, frequency in ((0, 1.0), (1, 12.0)):
        wave = 0.5 + 0.4 * np.sin(frequency * (x[:, None] + x[None, :]))[..., None]
        problem = masked(wave, mask)
        found = features.errors(problem, hold_out(jax.random.key(0), mask), [1.0, 24.0])
        assert found.argmin() == wanted
        assert found[wanted] < 0.5 * found[1 - wanted]


def test_the_rules_for_the_last_step():
    path = np.array([[4.0], [2.0], [1.0], [1.0], [1.5], [3.0], [1.0]])
    variance = stopping.windowed_variance(path, window=2)
    np.testing.assert_allclose(variance, [np.inf, 1.0, 0.25, 0.0, 0.0625, 0.5625, 1.0])
    assert stopping.first_minimum(variance, patience=2) == (3, 5)
    assert stopping.first_minimum(variance[:3], patience=2) == (2, 2)
    assert stopping.first_below(path[:, 0], 1.5) == 2
    assert stopping.first_below(path[:, 0], 0.5) == 6


def test_the_length_with_the_smaller_held_out_error_at_its_end_is_taken():
    def fitted(held, step, oracle):
        kept = {"last": {"step": step, "psnr": 20.0 + held[-1]}, "oracle": {"psnr": oracle}}
        return {"held": held, "kept": kept}

    found = stopping.by_length([fitted([1.0, 3.0], 30, 25.0), fitted([4.0, 2.0], 90, 24.0)])
    assert found == {"step": 90, "end": 210, "psnr": 22.0, "lost": 3.0}


def test_noise_is_on_all_observed_pixels_and_not_on_the_truth(problem):
    noisy = stopping.noisy(problem, 0)
    mask = np.asarray(problem.operator.mask)
    error = (noisy.measurements - problem.measurements)[mask]
    assert error.std() == pytest.approx(stopping.SIGMA, rel=0.2)
    assert not noisy.measurements[~mask].any()
    np.testing.assert_array_equal(noisy.truth, problem.truth)


@pytest.mark.slow
def test_the_benchmark_resumes_and_reports_every_rule(tmp_path, monkeypatch, capsys):
    def plain(problem, held, settings, rule):
        state, hyper = fit.run(problem, settings)
        return adaptation.Adapted(state, hyper, [adaptation.start(hyper, 2, rule.omega)] * 2)

    monkeypatch.setattr(adaptation, "solve", plain)
    monkeypatch.setattr(adaptation, "uncertain", lambda p, s: plain(p, None, s, adaptation.Rule()))
    monkeypatch.setattr(adaptive, "START", TINY)
    monkeypatch.setattr(adaptive, "SIDE", 16)
    monkeypatch.setattr(adaptive, "MASKS", {"random50": 0.5, "random80": 0.8})
    monkeypatch.setattr(stopping, "FITS", {"cosine": {}})
    monkeypatch.setattr(features, "WIDTH", 16)
    calls, honest = [], fit.solve
    monkeypatch.setattr(fit, "solve", lambda *args: calls.append(1) or honest(*args))
    flags = ["--pictures", "1", "--workdir", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["adaptive", *flags])
    adaptive.main()
    done, text = len(calls), capsys.readouterr().out
    # A grid of four has a trial and a fit for each candidate and mask, and one of each is also made to compile.
    assert done == 2 * 8 + 2
    adaptive.main()
    assert len(calls) == done
    assert capsys.readouterr().out.startswith(text[: text.index("processor")])
    assert text.count("| omega by features, hypergradient |") == text.count("| hypergradient |") == 1
    assert text.count("| discrepancy |") == 1
    for name in ("weights.png", "paths.png", "stopping.png"):
        assert (tmp_path / name).stat().st_size > 0
