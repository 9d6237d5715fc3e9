from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax.data.kinds.inverse import fwi
from inrr_jax.data.seismic import shots
from inrr_jax.data.settings import MaskSettings
from inrr_jax.errors import UserError
from inrr_jax.fibers import Sample
from inrr_jax.options import change
from inrr_jax.problem import Evaluated
from inrr_jax.reports import report_of
from inrr_jax.reports.base import Recovery
from inrr_jax.settings import Settings
from inrr_jax.training import fit

SMALL = fwi.Config(nodes=(14, 20), sources=(2,), duration=0.6, layer=6, water=75.0, lowest=5.0)
FIT = change(
    Settings(),
    {
        "field.name": "grid", "regularizer.name": "none", "optimizer.name": "adam", "optimizer.field_rate": 0.01,
        "optimizer.warmup": 0, "train.steps": 12, "train.fibers": 0, "train.measurements": 1, "train.chunk": 2,
    },
)  # fmt: skip


def made(config=SMALL):
    return config.problem(config.read(), MaskSettings())


@pytest.fixture(scope="module")
def problem():
    return made()


def misfit(problem, values):
    return float(problem.operator.distance(jnp.asarray(values), jnp.asarray(problem.measurements)))


def test_records_come_from_another_grid_and_fit_the_truth_alone(problem):
    assert problem.measurements.shape[0::2] == (2, 20)
    assert len(problem.stages) == 2
    for share in (0.0, 0.5, 0.9):
        stage = problem.at(share)
        true, start = (misfit(stage, values) for values in (problem.truth, problem.auxiliary["start"]))
        # No inverse crime: the true velocity does not predict the records exactly. But nearly: a filter that both
        # sides do not pass alike, or interfaces between the nodes of one grid alone, are a hundred times as much.
        assert 1e-6 < true < 0.005 * start


def test_a_stage_has_its_own_band_and_the_same_shapes(problem):
    def high(operator):
        return np.average(np.arange(len(operator.response)), weights=operator.response)

    operators = [problem.at(share).operator for share in (0.0, 0.34, 0.67, 0.99)]
    assert operators[-1] is operators[-2] is problem.operator
    assert high(operators[0]) < high(operators[1]) < high(operators[2])
    assert operators[0].response.shape == operators[2].response.shape


def test_held_out_shots_are_neither_drawn_nor_fitted(problem, key):
    alone = replace(problem.operator, encoded=False)
    problem = problem._replace(operator=alone)
    fitted, held = problem.operator.hold_out(problem.measurements.shape, 0, 0.5)
    drawn = fitted.request(problem.measurements, problem.domain, key, 1).measured
    assert np.asarray(fitted.kept).ravel()[drawn].all()
    wrong = np.where(held.kept, 100 * problem.measurements, problem.measurements)
    values = jnp.asarray(problem.truth)
    assert float(fitted.distance(values, wrong)) < 1 < float(held.distance(values, wrong))


def test_the_misfit_of_encoded_shots_is_that_of_all_shots_on_average(problem, key):
    operator, start = problem.operator, jnp.asarray(problem.auxiliary["start"], jnp.float32)
    shape = problem.measurements.shape
    # As in an encoded step, a sample has the smallest weight of all shots.
    least = np.broadcast_to(np.broadcast_to(operator.weights, shape).min(axis=0), shape)
    signs = jnp.array([(a, b) for a in (1.0, -1.0) for b in (1.0, -1.0)])

    def encoded(operator, signs):
        evaluated = Evaluated(Sample(whole=start), signs, None, lambda points: points)
        return float(operator.misfit(problem.measurements, evaluated))

    every = float(replace(operator, weights=least).distance(start, problem.measurements))
    assert encoded(operator, signs) == pytest.approx(every, rel=1e-4)
    assert encoded(operator, signs[:1]) != pytest.approx(every, rel=1e-2)
    fitted, held = operator.hold_out(shape, 0, 0.5)
    drawn = fitted.request(problem.measurements, problem.domain, key, 1).measured
    np.testing.assert_array_equal(np.abs(drawn)[0], np.ravel(fitted.kept))
    alone = float(replace(fitted, weights=least).distance(start, problem.measurements))
    assert encoded(fitted, drawn) == pytest.approx(alone, rel=1e-4)


def test_a_field_begins_at_the_start_model_and_lowers_the_misfit(problem):
    state, hyper, _ = fit.init(problem, FIT)
    values = np.asarray(fit.recover(state.params, hyper, problem.domain, FIT))
    ground = slice(problem.operator.water[0], None)
    assert np.abs(values - problem.auxiliary["start"])[ground].max() < 0.01
    before = misfit(problem, problem.auxiliary["start"])
    assert misfit(problem, fit.solve(problem, FIT)) < 0.7 * before


def test_the_filter_acts_on_records_and_not_before_the_shot(problem):
    operator = problem.operator
    records = np.random.default_rng(0).normal(size=problem.measurements.shape[:3]).astype(np.float32)
    expected = shots.band(records, operator.medium.step, SMALL.lowest, max(SMALL.upper))
    np.testing.assert_allclose(operator._filtered(jnp.asarray(records)), expected, atol=1e-5)


def test_an_inversion_finds_an_inclusion_from_records_of_a_finer_grid(tmp_path):
    ground = np.linspace(*fwi.LINEAR, 19)[:, None]
    down, along = np.meshgrid(np.arange(19) - 9, np.arange(34) - 17, indexing="ij")
    inclusion = 400 * np.exp(-(down**2 / 8 + along**2 / 18))
    path = str(tmp_path / "model.npy")
    np.save(path, np.pad(ground + inclusion, ((3, 0), (0, 0)), constant_values=fwi.WATER))
    problem = made(replace(SMALL, velocity=path, nodes=(22, 34), sources=(3,), duration=0.9, layer=10, lowest=3.0))
    found = fit.solve(problem, change(FIT, {"train.measurements": 0, "train.steps": 24, "train.chunk": 8}))
    start, end = (report_of("fwi").score(v, problem)["rmse"] for v in (problem.auxiliary["start"], found))
    assert end < 0.6 * start


def test_the_preconditioner_and_the_bounds(problem):
    deep = made(replace(SMALL, precondition=2.0)).operator
    assert deep.emphasis[0, 0, 0] < 0.01 < deep.emphasis[-1, 0, 0] == 1
    values = jnp.full((14, 20, 1), 7.0)
    assert float(deep.velocity(values)[-1, 0]) == SMALL.fastest
    assert float(deep.velocity(values)[0, 0]) == fwi.WATER
    assert misfit(problem, problem.truth) == pytest.approx(misfit(problem._replace(operator=deep), problem.truth))


def test_own_velocity_and_own_gathers(tmp_path, problem):
    model, gathers, wavelet = (str(tmp_path / f"{name}.npy") for name in ("model", "gathers", "wavelet"))
    truth = problem.units.to_own(problem.auxiliary["start"])[..., 0]
    np.save(model, truth)
    own = made(replace(SMALL, velocity=model))
    np.testing.assert_allclose(own.truth[4:-1], problem.auxiliary["start"][4:-1], atol=2e-3)
    operator, step = problem.operator, problem.operator.medium.step
    unfiltered = replace(operator, response=np.ones_like(operator.response))
    np.save(gathers, np.asarray(unfiltered.apply(jnp.asarray(problem.truth)))[..., 0])
    np.save(wavelet, np.asarray(operator.wavelets[0]))
    config = replace(SMALL, shots=gathers, wavelet=wavelet, sample=step, lowest=0.0, bands=(14.0,))
    found = made(config)
    assert found.truth is None
    assert misfit(found, problem.truth) < 0.02
    np.save(model, truth / 1000)
    with pytest.raises(UserError, match="looks like km/s: multiply by 1000"):
        made(replace(SMALL, velocity=model))
    with pytest.raises(UserError, match="smoothed needs the true velocity"):
        made(replace(config, start="smoothed"))
    with pytest.raises(UserError, match=r"data\.sample=0"):
        made(replace(config, sample=0.0))
    with pytest.raises(UserError, match="end at"):
        made(replace(config, duration=5.0))
    with pytest.raises(UserError, match="is it in ms"):
        made(replace(config, sample=1000 * step))
    np.save(wavelet, np.zeros(9))
    with pytest.raises(UserError, match="is zero everywhere"):
        made(replace(config, wavelet=wavelet))


def test_one_source_at_a_distance():
    one = replace(SMALL, sources=(200.0,))
    sources, _ = one._spreads(one._medium(one.nodes))
    # After the layer and the halo of the stencil.
    assert np.ravel(sources.columns).tolist() == [200 / 25 + 6 + 4]


def test_gathers_are_those_of_the_receivers_of_ones_own_model(tmp_path):
    model, gathers = str(tmp_path / "model.npy"), str(tmp_path / "gathers.npy")
    np.save(model, np.full((14, 17), 2000.0))
    np.save(gathers, np.random.default_rng(0).normal(size=(2, 300, 17)))
    content = replace(SMALL, velocity=model, shots=gathers).read()
    assert content.records.shape == (2, 300, 17)
    assert content.fine.shape == (27, 33)
    np.save(gathers, np.zeros((2, 0, 17)))
    with pytest.raises(UserError, match="one array of real numbers with 3 axes"):
        replace(SMALL, velocity=model, shots=gathers).read()


def test_wrong_numbers_are_refused_in_one_line():
    for changes, message in [
        ({"step": 0.02}, "unstable at 4600 m/s"),
        ({"sources": (0.0, 5000.0)}, "outside of the model"),
        ({"depth": 9000.0}, "outside of the model"),
        ({"fastest": 1000.0}, "is not below"),
        ({"mute": 0.2}, "data.encode=False"),
        ({"bands": (4.0, 8.0)}, "give ends above data.lowest=5 Hz"),
        ({"bands": ("a",)}, "give upper ends in Hz"),
        ({"lowest": 200.0}, "shorter than two nodes of 25 m"),
        ({"spacing": 2500.0}, "shorter than two nodes of 2500 m"),
        ({"sources": ()}, "give their number"),
        ({"sources": (0,)}, "of at least 1"),
        ({"sources": (-2.5,)}, "outside of the model"),
        ({"receivers": ("a",)}, "give their number"),
        ({"nodes": (14, 20, 3)}, "give two whole numbers"),
        ({"nodes": (14.5, 20)}, "give two whole numbers"),
        ({"nodes": (5, 20)}, "at least 4 rows below the water"),
        ({"water": 5000.0}, "at least 4 rows below the water"),
        ({"duration": 0.01}, "when the wavelet peaks"),
        ({"mute": 9.0, "encode": False}, "zero from 5 to 7 Hz where they have weight"),
    ]:
        with pytest.raises(UserError, match=message) as caught:
            made(replace(SMALL, **changes))
        assert "\n" not in str(caught.value)


def test_noise_is_drawn_by_its_seed_and_relative_to_reflections(problem):
    noisy = [made(replace(SMALL, noise=0.1, noise_seed=seed)).measurements for seed in (0, 0, 1)]
    np.testing.assert_array_equal(noisy[0], noisy[1])
    assert np.abs(noisy[0] - noisy[2]).max() > 0.01
    assert 0 < np.sqrt(np.mean((noisy[0] - problem.measurements) ** 2)) < 0.5


def test_the_report_scores_and_draws(problem, tmp_path):
    report = report_of("fwi")
    exact, start = (report.score(v, problem) for v in (problem.truth, problem.auxiliary["start"]))
    assert exact["rmse"] == 0 < 50 < start["rmse"]
    assert start["ssim"] < 0.99 < exact["ssim"]
    rows = [{"step": step, "fidelity": 1 / step, **start} for step in (2, 4, 6)]
    recovery = Recovery(problem, np.asarray(problem.auxiliary["start"]), None, {}, rows)
    for name in report.files:
        report.write(name, tmp_path / name, recovery)
        assert (tmp_path / name).stat().st_size > 1000
    details = report.details(recovery)
    assert [row["step"] for row in details["bands"]] == [2, 4, 6]
    assert all(line == sorted(line, reverse=True) for line in details["line"])
    assert details["line"][-1][0] == pytest.approx(start["misfit"])
    assert details["line"][-1][-1] == pytest.approx(exact["misfit"])
    assert np.load(tmp_path / "velocity.npy").max() > 1700
    unknown = problem._replace(truth=None)
    assert report.score(problem.truth, unknown)["rmse"] is None
    assert report.details(recovery._replace(problem=unknown))["line"] is None
    report.write("model.png", tmp_path / "model.png", recovery._replace(problem=unknown))
