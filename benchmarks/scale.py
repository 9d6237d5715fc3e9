"""Pictures from 256 to 4096 a side: seconds per step, seconds to the quality of linear interpolation, peak memory.

python -m benchmarks.scale [--workdir=FOLDER] [--sides 256 512 ...] [--steps=900] [--last_steps=150]

A grey photograph, continued by its mirror images to the size, half of the pixels missing at random, default settings;
each size in a process of its own; ten minutes on two cores. The largest takes fewer steps: enough for seconds per step,
memory and recovery, not for quality. Leaves scale.json, scale.md, scale.png and seconds_per_step.png.
"""

import argparse
import dataclasses
import json
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from inrr_jax import fields, grids, metrics, plots
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.data import images
from inrr_jax.data.problem import Problem
from inrr_jax.priors import residual
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit as training

PICTURE = "coffee"
"""Reported on; the settings were chosen on others."""
LARGEST_LINEAR = 2048**2
"""Pixels of the largest picture that is interpolated as a whole, in a minute; its patches always are."""
COST = {
    "side": "{side}",
    "seconds per step": "{median:.3f} ({low:.3f}-{high:.3f})",
    "over the smallest": "{growth:.1f}",
    "steps": "{steps}",
    "seconds of the steps": "{fit_seconds:.0f}",
    "of recovery": "{recovery_seconds:.0f}",
    "of kriging": "{kriging_seconds:.0f}",
    "peak MiB, fit": "{fit_peak:.0f}",
    "and recovery": "{peak:.0f}",
    "and kriging": "{kriging_peak:.0f}",
}
QUALITY = {
    "side": "{side}",
    "steps": "{steps}",
    "16 patches: linear": "{linear:.2f}",
    "fit": "{psnr:.2f}",
    "steps to linear": "{steps_to_linear}",
    "seconds to linear": "{seconds_to_linear:.0f}",
    "all missing: linear": "{linear_missing:.2f}",
    "harmonic": "{harmonic:.2f}",
    "the fit": "{psnr_missing:.2f}",
    "the fit, kriged": "{kriged:.2f}",
}


def problem_of(side: int, picture: str = PICTURE) -> Problem:
    """Return a square of the picture, continued by its mirror images, half of it missing.

    Enlarged instead, a picture would get smoother with the size, and a mark that linear interpolation sets higher.
    """
    image = images.load(picture, grey=True)
    beyond = [(0, max(0, side - length)) for length in image.shape[:2]]
    square = np.pad(image, [*beyond, (0, 0)], mode="symmetric")[:side, :side]
    return Problem(square, np.random.default_rng(0).random((side, side)) > 0.5)


def patches(side: int, *, across: int = 4, size: int = 64, margin: int = 8) -> list[tuple[tuple[slice, slice], ...]]:
    """Return pairs of a patch with its margin, and of the patch in it: spread evenly, all of a small picture.

    Linear interpolation takes its values from near by, so a patch tells it as the whole picture would.
    """
    size = min(size, side // across)
    starts = [int((i + 0.5) * side / across - size / 2) for i in range(across)]
    found = []
    for top in starts:
        for left in starts:
            outer = [(max(0, start - margin), min(side, start + size + margin)) for start in (top, left)]
            inner = tuple(slice(s - o[0], s - o[0] + size) for s, o in zip((top, left), outer, strict=True))
            found.append((tuple(slice(*o) for o in outer), inner))
    return found


class Judge:
    """PSNR on the missing pixels of the patches: of linear interpolation, and of a fit on its way."""

    def __init__(self, task: Problem, settings: Settings):
        pixels, truth, errors = [], [], []
        for outer, inner in patches(task.mask.shape[0]):
            image, missing = task.image[outer], ~task.mask[outer][inner]
            errors.append((linear(image, task.mask[outer]) - image)[inner][missing])
            truth.append(image[inner][missing])
            corner = [o.start + i.start for o, i in zip(outer, inner, strict=True)]
            pixels.append(np.argwhere(missing) + corner)
        self.linear = _psnr(np.concatenate(errors))
        self._truth = np.concatenate(truth)
        axes = tuple(jnp.asarray(axis) for axis in grids.axes(task.mask.shape))
        self._points = grids.positions(axes, tuple(jnp.asarray(np.concatenate(pixels).T)))
        self._apply = jax.jit(fields.make(settings.field, 2, 1).apply)

    def __call__(self, params, omega) -> float:
        """Return the PSNR of a field."""
        return _psnr(np.asarray(self._apply(params, self._points, omega)) - self._truth)


def _psnr(errors: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(np.square(errors))))


def measured(settings: Settings, task: Problem) -> dict[str, Any]:
    """Fit and recover in this process."""
    judge, signal = Judge(task, settings), task.signal
    held = measure.reset_peak()
    fitted, curve, taken = _fit(settings, signal, judge)
    fit_peak, (params, omega) = measure.memory("VmHWM"), fitted
    start = time.perf_counter()
    recovered = np.asarray(training.recover(params, omega, task.image.shape, settings))
    recovery, peak = time.perf_counter() - start, measure.memory("VmHWM")
    start = time.perf_counter()
    kriged = residual.krige(recovered, task.image, task.mask)
    kriging_seconds, kriging_peak = time.perf_counter() - start, measure.memory("VmHWM")
    fills = {"psnr_missing": recovered, "kriged": kriged, "harmonic": harmonic(task.image, task.mask)}
    if task.mask.size <= LARGEST_LINEAR:
        fills["linear_missing"] = linear(task.image, task.mask)
    reached = next((point for point in curve if point["psnr"] >= judge.linear), None)
    return {
        "side": task.mask.shape[0],
        # The first chunk compiles.
        **measure.spread(taken[1:] or taken),
        "linear": judge.linear,
        "steps_to_linear": reached and reached["step"],
        "seconds_to_linear": reached and reached["seconds"],
        "steps": settings.train.steps,
        "psnr": curve[-1]["psnr"],
        **{name: float(metrics.psnr(filled, task.image, ~task.mask)) for name, filled in fills.items()},
        "fit_seconds": curve[-1]["seconds"],
        "recovery_seconds": recovery,
        "held": held / 2**20,
        "kriging_seconds": kriging_seconds,
        "fit_peak": fit_peak / 2**20,
        "peak": peak / 2**20,
        "kriging_peak": kriging_peak / 2**20,
        "curve": curve,
    }


def _fit(settings: Settings, signal, judge: Judge):
    """Return the fitted field, its PSNR over steps and seconds without those of judging, and seconds per step."""
    state, knobs, key = training.start(signal, settings)
    curve, taken, total, done = [], [], 0.0, 0
    start = time.perf_counter()
    for fitted, _ in training.fit(state, signal, knobs, key, settings):
        seconds, step = time.perf_counter() - start, int(fitted.step)
        total += seconds
        taken.append(seconds / (step - done))
        done = step
        curve.append({"step": step, "seconds": total, "psnr": judge(fitted.params["field"], knobs.omega)})
        start = time.perf_counter()
    return (fitted.params["field"], knobs.omega), curve, taken


def settings_of(steps: int) -> Settings:
    """Return the default settings for so many steps, in chunks enough to tell their spread."""
    default = TrainSettings()
    return Settings(train=dataclasses.replace(default, steps=steps, chunk=min(default.chunk, max(1, steps // 6))))


def main() -> None:
    """Measure every size, or, in a process that this one started, one."""
    parser = measure.arguments("scale", __doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024, 2048, 4096])
    parser.add_argument("--steps", type=int, default=900, help="of all sizes but the last")
    parser.add_argument("--last_steps", type=int, default=150, help="of the last size")
    parser.add_argument("--alone", type=int, nargs=2, metavar=("SIDE", "STEPS"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.alone:
        print(json.dumps(measured(settings_of(flags.alone[1]), problem_of(flags.alone[0]))))
        return
    rows: list[dict[str, Any]] = []
    for side in flags.sides:
        steps = flags.last_steps if side == flags.sides[-1] else flags.steps
        rows.append(measure.in_process("benchmarks.scale", "--alone", str(side), str(steps)))
        rows[-1]["growth"] = rows[-1]["median"] / rows[0]["median"]
        print(f"{side}: {rows[-1]['fit_seconds']:.0f} s", flush=True)
    text = measure.table(rows, COST) + "\n\n" + measure.table(rows, QUALITY)
    text += f"\n\n{PICTURE}, continued by mirror images. Medians of chunks (quartiles); PSNR on missing pixels."
    measure.leave(flags.workdir, "scale", {"rows": rows}, text)
    curves = {f"{r['side']}": ([p["seconds"] for p in r["curve"]], [p["psnr"] for p in r["curve"]]) for r in rows}
    steps = {"median": ([r["side"] for r in rows], [r["median"] for r in rows])}
    plots.lines(flags.workdir / "seconds_per_step.png", {"seconds per step": steps}, "side")
    plots.lines(flags.workdir / "scale.png", {"PSNR on missing pixels": curves}, "seconds", scale="linear")


if __name__ == "__main__":
    main()
