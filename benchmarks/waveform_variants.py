"""Measures changes of full waveform inversion on the two grounds for development, linear start, nothing below 5 Hz.

    python -m benchmarks.waveform_variants [--workdir=FOLDER] [--variants default omega=12 ...] [--docs=docs]

The default is the SIREN of configs/fwi.py without a regulariser, and each variant differs from it in what its name is.
Grounds are those on which settings were chosen with a look at their true velocity: fault (seed 100) and lens (seed
101). Errors are root mean squares in m/s below the water, and in the half of these nodes to which the records are most
sensitive. The misfit is that of the default for every variant. Seconds are those of the processors. The default with
other seeds of the network shows which differences are chance. With --docs, the table of docs/fwi.md is written anew. A
run that is started again continues.
"""

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from benchmarks import measure, waveform
from inrr_jax import plots
from inrr_jax.operators.masking import Masking
from inrr_jax.operators.survey import Survey
from inrr_jax.options import change
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit

Values = Float[np.ndarray, "nz nx 1"]
GROUNDS = {"fault": 100, "lens": 101}
"""Seeds of the grounds."""
LOWEST = 5.0
BASE = waveform.settings_of("siren", "none", 0.0)
"""The default: the SIREN without a regulariser."""
EARLY = (0.45, 0.7)
"""Shares of the record that the first two bands see, where early times come first."""
GRAPH_STEPS, GRAPH_RATE = 300, 5e-3
"""Steps and rate of the fit that learns the graphs of the migrated image."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Slowness(Survey):
    """The survey as a function of the slowness: 1 / v = 1 / v_max + (1 / v_min - 1 / v_max) clip(V, 0, 1)."""

    def velocity(self, values: Float[Array, "nz nx 1"]) -> Float[Array, "nz nx"]:
        """Return the velocity in m/s."""
        low, high = 1 / self.medium.fastest, 1 / self.slowest
        return (1 / (low + (high - low) * jnp.clip(values[..., 0], 0, 1))).at[: self.water[0]].set(self.water[1])


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Added(Survey):
    """The survey as a function of what is added to the start model: v = v_start + (v_max - v_min) (V - 1/2)."""

    base: Any
    """v_start [nz, nx]."""

    def velocity(self, values: Float[Array, "nz nx 1"]) -> Float[Array, "nz nx"]:
        """Return the velocity in m/s, clipped to the bounds."""
        velocity = self.base + (self.medium.fastest - self.slowest) * (values[..., 0] - 0.5)
        return jnp.clip(velocity, self.slowest, self.medium.fastest).at[: self.water[0]].set(self.water[1])


def seen_through(problem: Problem, kind: type[Survey], start: Values, **more: Any) -> Problem:
    """Return the problem with its surveys as another kind, and with another start."""

    def converted(survey):
        return kind(**{field.name: getattr(survey, field.name) for field in dataclasses.fields(survey)}, **more)

    stages = tuple((converted(survey), measured) for survey, measured in problem.stages)
    return problem._replace(operator=converted(problem.operator), stages=stages).with_auxiliary(start=start)


def _in_units(problem: Problem, velocity: Float[Array | np.ndarray, "nz nx"]) -> Values:
    assert problem.units is not None
    return problem.units.to_unit(np.asarray(velocity)[..., None]).astype(np.float32)


def of_slowness(problem: Problem, settings: Settings) -> Values:
    """Fit the slowness: its energies are what the regulariser sees."""
    low, high = 1 / problem.operator.medium.fastest, 1 / problem.operator.slowest
    velocity = problem.units.to_own(np.asarray(problem.auxiliary["start"]))
    start = ((1 / velocity - low) / (high - low)).astype(np.float32)
    other = seen_through(problem, Slowness, start)
    return _in_units(problem, other.operator.velocity(jnp.asarray(fit.solve(other, settings))))


def added(problem: Problem, settings: Settings) -> Values:
    """Fit what is added to the start model: the field begins as a constant."""
    base = problem.units.to_own(np.asarray(problem.auxiliary["start"]))[..., 0].astype(np.float32)
    other = seen_through(problem, Added, np.full((*base.shape, 1), 0.5, np.float32), base=base)
    return _in_units(problem, other.operator.velocity(jnp.asarray(fit.solve(other, settings))))


def sharpened(problem: Problem, settings: Settings) -> Values:
    """Fit the first band with omega 12, and the others from there with the settings' omega."""
    bands, steps = len(problem.stages) + 1, settings.train.steps
    first = Problem(problem.domain, *problem.stages[0]).with_auxiliary(start=problem.auxiliary["start"])
    found = fit.solve(first, change(settings, {"field.omega": 12.0, "train.steps": steps // bands}))
    rest = problem._replace(stages=problem.stages[1:]).with_auxiliary(start=found)
    return fit.solve(rest, change(settings, {"train.steps": steps - steps // bands}))


def early_first(problem: Problem, settings: Settings) -> Values:
    """Fit the first bands to early times alone."""
    times = np.linspace(0, 1, problem.measurements.shape[1])

    def until(survey, share):
        kept = np.cos(np.pi / 2 * np.clip((times - share) / 0.1, 0, 1)) ** 2
        return replace(survey, weights=survey.weights * kept[None, :, None, None].astype(np.float32))

    stages = [(until(survey, share), y) for (survey, y), share in zip(problem.stages, EARLY, strict=True)]
    return fit.solve(problem._replace(stages=tuple(stages)), settings)


def migrated(problem: Problem) -> Values:
    """Return the migrated image: the gradient of the last band's misfit at the start, at one scale everywhere."""
    from scipy.ndimage import gaussian_filter

    survey, start = problem.operator, jnp.asarray(problem.auxiliary["start"], jnp.float32)
    image = np.array(jax.jit(jax.grad(survey.distance))(start, jnp.asarray(problem.measurements)))[..., 0]
    image[: survey.water[0] + 1] = 0
    image /= np.sqrt(gaussian_filter(image**2, 6.0) + 1e-4 * np.mean(image**2))
    return np.clip(0.5 + image / 4, 0, 1)[..., None].astype(np.float32)


def on_migrated_graphs(problem: Problem, settings: Settings) -> Values:
    """Fit with graphs that begin as those which INRR learns on the migrated image."""
    whole = Masking(np.ones(problem.domain.shape, bool))
    changes = {"train.steps": GRAPH_STEPS, "train.measurements": 0, "optimizer.field_rate": GRAPH_RATE}
    learned, _ = fit.run(Problem(problem.domain, whole, migrated(problem)), change(settings, changes))
    state, hyper, key = fit.init(problem, settings)
    state = state._replace(params={**state.params, "inrr": learned.params["inrr"]})
    for fitted, _ in fit.fit(state, problem, hyper, key, settings):
        state = fitted
    return np.asarray(fit.recover(state.params, hyper, problem.domain, settings))


class Variant(NamedTuple):
    """What differs from the default."""

    changes: dict[str, Any] = {}
    """Settings by dotted name."""
    solve: Callable[[Problem, Settings], Values] = fit.solve
    """(problem, settings) -> the velocity, on the scale of the field's bounds."""


INRR = {"regularizer.name": "inrr", "regularizer.inrr.weight": 1.0}
SINGLE = {"data.encode": False, "train.measurements": 3, "train.steps": 120}
VARIANTS = {
    "default": Variant(),
    "seed=1": Variant({"seed": 1}),
    "seed=2": Variant({"seed": 2}),
    "one band": Variant({"data.bands": (14.0,)}),
    "six bands": Variant({"data.bands": (5.5, 6.5, 8.0, 10.0, 12.0, 14.0)}),
    "120 steps": Variant({"train.steps": 120}),
    "field_rate=2e-4": Variant({"optimizer.field_rate": 2e-4}),
    "omega=12": Variant({"field.omega": 12.0}),
    "omega 12, then 24": Variant({}, sharpened),
    "precondition=1": Variant({"data.precondition": 1.0}),
    "gain=0": Variant({"data.gain": 0.0}),
    "early times first": Variant({}, early_first),
    "3 shots": Variant(SINGLE),
    "3 shots, mute=0.2": Variant({**SINGLE, "data.mute": 0.2}),
    "added to the start": Variant({}, added),
    "INRR": Variant(INRR),
    "INRR, reference=start": Variant({**INRR, "regularizer.reference": "start"}),
    "INRR on slowness": Variant(INRR, of_slowness),
    "INRR from the migrated image": Variant(INRR, on_migrated_graphs),
}
COLUMNS = {"variant": "{name}"}
COLUMNS |= {f"error, {ground} {seed}": "{" + ground + "_rmse:.0f}" for ground, seed in GROUNDS.items()}
COLUMNS |= {f"sensitive, {ground}": "{" + ground + "_half:.0f}" for ground in GROUNDS}
COLUMNS |= {f"misfit, {ground}": "{" + ground + "_misfit:.4f}" for ground in GROUNDS} | {"seconds": "{seconds:.0f}"}


def problem_of(settings: Settings) -> Problem:
    """Return the problem that the settings describe."""
    return settings.data.problem(settings.data.read(), settings.mask)


def scored(name: str, ground: str) -> dict[str, float | None]:
    """Fit one variant and return its scores, by the default's survey, with its seconds; `start`: the start model's."""
    case = {"data.model": ground, "data.model_seed": GROUNDS[ground], "data.lowest": LOWEST}
    settings = change(BASE, case)
    problem = problem_of(settings)
    if name == "start":
        values, seconds = np.asarray(problem.auxiliary["start"]), 0.0
    else:
        variant = VARIANTS[name]
        settings = change(settings, variant.changes)
        own, begun = problem_of(settings), time.process_time()
        values = variant.solve(own, settings)
        seconds = time.process_time() - begun
    return {**waveform.scores(values, problem, LOWEST), "seconds": seconds}


def report(folder: Path, rows: Sequence[dict[str, Any]], docs: Path | None = None) -> None:
    """Write table, JSON and figure, and the table of the documentation if its folder is given."""
    text = measure.table(list(rows), COLUMNS)
    measure.write(folder, "waveform_variants", {"rows": list(rows)}, text)
    if docs:
        measure.write_page(docs / "fwi.md", {"variants": text})
    panels = {
        f"{ground} {seed}: error in m/s": {
            row["name"]: dict.fromkeys(("median", "low", "high"), row[f"{ground}_rmse"]) for row in rows
        }
        for ground, seed in GROUNDS.items()
    }
    plots.bars(folder / "waveform_variants.png", panels)


def main() -> None:
    """Fit the variants on both grounds, and write the report after each of them."""
    parser = measure.arguments("waveform_variants", __doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--docs", type=Path, help="folder of fwi.md, whose table is replaced")
    flags = parser.parse_args()
    path = flags.workdir / "waveform_variants.json"
    rows = {row["name"]: row for row in (json.loads(path.read_text())["rows"] if path.exists() else [])}
    for name in ("start", *flags.variants):
        if name in rows:
            continue
        found = {ground: scored(name, ground) for ground in GROUNDS}
        named = {f"{ground}_{key}": value for ground, row in found.items() for key, value in row.items()}
        rows[name] = {"name": name, **named, "seconds": float(np.mean([row["seconds"] for row in found.values()]))}
        report(flags.workdir, list(rows.values()))
    report(flags.workdir, [rows[name] for name in ("start", *VARIANTS) if name in rows], flags.docs)


if __name__ == "__main__":
    main()
