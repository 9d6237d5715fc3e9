import dataclasses
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inrr_jax import regularizers
from inrr_jax.errors import UserError
from inrr_jax.fields import siren
from inrr_jax.operators.masking import masked
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.regularizers import MODULES, TERMS, RegularizerSettings, inrr
from inrr_jax.settings import OptimizerSettings, Settings, TrainSettings
from inrr_jax.training import fit
from inrr_jax.training.objective import objective
from inrr_jax.training.programs import collect_hyper_parameters

GRID = (8, 11)
SHARED = {"base", "dirichlet", "laplacian"}
"""Files of the folder that define no term."""


def some(init, *arguments):
    """Return parameters like those of an initialisation, which is not compiled."""
    rng, shapes = np.random.default_rng(0), jax.eval_shape(init, *arguments)
    return jax.tree.map(lambda leaf: jnp.array(rng.random(leaf.shape, np.float32)), shapes)


SMALL = Settings(
    field=siren.Config(width=8, depth=1, precision="float32"),
    regularizer=RegularizerSettings(name="tv+grid+weight_decay+inrr", inrr=inrr.Config(width=4, depth=1, rank=4)),
    optimizer=OptimizerSettings(name="adam"),
    train=TrainSettings(steps=2, fibers=3),
)


def test_the_energies_of_a_sum_are_those_of_its_parts(key):
    image = np.asarray(jax.random.uniform(key, (*GRID, 1)))
    problem = masked(image, np.ones(GRID, bool)).visible
    params = some(lambda: fit.init(problem, SMALL)[0].params)
    hyper = collect_hyper_parameters(SMALL, problem.domain)

    @jax.jit
    def info(params):
        """Return the named parts of the loss with each term, and with their sum."""
        field, terms = SMALL.field.build(problem.domain), SMALL.regularizer.terms
        built = [regularizers.build(part, problem.domain) for part in (*({n: t} for n, t in terms.items()), terms)]
        loss = partial(objective, params, problem, hyper, key, field=field, fiber_count=3)
        return [loss(regularizer=one)[1] for one in built]

    *alone, together = info(params)
    merged = {name: value for part in alone for name, value in part.items()}
    assert set(together) == set(merged)
    for name in set(together) - {"loss"}:
        assert float(together[name]) == pytest.approx(float(merged[name]), rel=1e-5), name
    added = sum(float(part["loss"] - part["fidelity"]) for part in alone)
    assert float(together["loss"] - together["fidelity"]) == pytest.approx(added, rel=1e-3)
    assert {"energy_tv_all", "energy_grid_row", "energy_weight_decay_field", "energy_inrr_col"} < set(together)


def test_every_module_of_terms_has_a_file_and_every_file_is_a_module():
    files = {path.stem for path in Path(regularizers.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {*MODULES, *SHARED}
    assert set(RegularizerSettings.__dataclass_fields__) - {"name", "axes", "reference"} == set(TERMS)
    assert all(isinstance(getattr(RegularizerSettings(), name), config) for name, config in TERMS.items())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("inr", r"regularizer\.name=inr is unknown: did you mean inrr\? accepted are air, grid, guide"),
        ("inrr+tvv", r"regularizer\.name=tvv is unknown: did you mean tv\?"),
        ("tv+tv", r"regularizer\.name=tv\+tv has a term twice"),
        ("none+tv", r"regularizer\.name=none\+tv adds to none: give none alone"),
    ],
)
def test_sums_of_unknown_or_repeated_terms_are_refused_in_one_line(name, message):
    with pytest.raises(UserError, match=message) as caught:
        change(Settings(), {"regularizer.name": name})
    assert "\n" not in str(caught.value)


def test_the_terms_of_a_sum_keep_its_order_and_none_has_no_terms():
    assert list(RegularizerSettings(name="tv+inrr+grid").terms) == ["tv", "inrr", "grid"]
    assert RegularizerSettings(name="none").terms == {}
    assert not regularizers.build({}, Domain(GRID, 1)).on_fibers
    assert regularizers.build(RegularizerSettings(name="grid").terms, Domain(GRID, 1)).on_fibers


def test_what_a_term_draws_does_not_depend_on_the_other_terms(key):
    alone, together = (
        regularizers.build(dataclasses.replace(SMALL.regularizer, name=name).terms, Domain(GRID, 1)).init(key)
        for name in ("inrr", "air+tv+inrr")
    )
    assert set(together) == {"air", "inrr"}
    for a, b in zip(jax.tree.leaves(alone["inrr"]), jax.tree.leaves(together["inrr"]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", list(TERMS))
def test_every_term_scales_with_its_weight_and_takes_volumes(key, name):
    rng, grid = np.random.default_rng(0), (4, 5, 6)
    settings = change(SMALL, {"regularizer.name": name, f"regularizer.{name}.weight": 2.0, "train.fibers": 0})
    image, mask = rng.random((*grid, 1), np.float32), rng.random(grid) < 0.5
    features = rng.random((grid[0], 4), np.float32)
    problem = masked(image, mask).with_auxiliary(guide=image[::-1], features=features).visible
    hyper, params = (
        collect_hyper_parameters(settings, problem.domain),
        some(lambda: fit.init(problem, settings)[0].params),
    )
    built = regularizers.build(settings.regularizer.terms, problem.domain)
    loss, info = jax.jit(
        partial(objective, field=settings.field.build(problem.domain), regularizer=built, fiber_count=0)
    )(params, problem, hyper, key)
    energy = sum(float(value) for part, value in info.items() if part.startswith(f"energy_{name}_"))
    assert energy > 0
    assert float(loss) == pytest.approx(float(info["fidelity"]) + 2 * energy, rel=1e-5)
