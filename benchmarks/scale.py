"""Measures how the cost and the quality of a fit scale with the size of the picture, from 256 to 4096 pixels a side.

python -m benchmarks.scale [--workdir=FOLDER] [--sides 256 512 ...] [--steps=900] [--last_steps=150]

A grey photograph is cropped, or continued by its mirror images, to each size. Half of its pixels are missing at random,
and the settings are the defaults. Each size runs in a new process. The benchmark reports the seconds per step, the
seconds until the fit is as good as linear interpolation, and the peak memory. The largest size takes fewer steps, which
suffice to measure time and memory, but not quality. On two cores the benchmark takes ten minutes. It writes scale.json,
scale.md, scale.png and seconds_per_step.png.
"""

import argparse
import dataclasses
import json
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from inrr_jax import grids, metrics, plots
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.baselines.linear import linear
from inrr_jax.data import images
from inrr_jax.operators.masking import masked
from inrr_jax.priors import residual
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings, TrainSettings
from inrr_jax.training import fit
from inrr_jax.types import HyperParameters, Params

PICTURE = "coffee"
"""The picture of the report. The default settings were chosen on other pictures."""
Window = tuple[slice, ...]
"""The rows and the columns of a rectangle."""
LARGEST_LINEAR = 2048**2
"""Pixels of the largest picture that is interpolated linearly as a whole, which takes a minute. Larger pictures are
interpolated in patches only."""
COST = {
    "side": "{side}",
    "seconds per step": "{median:.3f} ({low:.3f}-{high:.3f})",
    "over the smallest": "{growth:.1f}",
    "steps": "{steps}",
    "seconds of the steps": "{fit_seconds:.0f}",
    "of recovery": "{recovery_seconds:.0f}",
    "of correction": "{correction_seconds:.0f}",
    "peak MiB, fit": "{fit_peak:.0f}",
    "and recovery": "{peak:.0f}",
    "and correction": "{correction_peak:.0f}",
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
    "the fit, corrected": "{corrected:.2f}",
}


def problem_of(side: int, picture: str = PICTURE) -> Problem:
    """Return a square of the picture, continued by its mirror images, with half of its pixels missing.

    The picture is not enlarged, because an enlarged picture is smoother: linear interpolation would get better with the
    size, and the sizes could not be compared.

    Args:
        side: of the square in pixels.
        picture: name of a bundled picture or path of a file.
    """
    image = images.load(picture, grey=True)
    beyond = [(0, max(0, side - length)) for length in image.shape[:2]]
    square = np.pad(image, [*beyond, (0, 0)], mode="symmetric")[:side, :side]
    return masked(square, np.random.default_rng(0).random((side, side)) > 0.5)


def patches(side: int, *, across: int = 4, size: int = 64, margin: int = 8) -> list[tuple[Window, Window]]:
    """Return evenly spaced square patches of a picture, which together are the whole of a small picture.

    Linear interpolation of a patch with a margin gives the same values inside the patch as that of the whole picture,
    because it uses only the nearest observed pixels.

    Args:
        side: of the square picture in pixels.
        across: number of patches along each axis.
        size: side of a patch in pixels; at most side / across is used.
        margin: pixels around each patch, as far as the picture reaches.

    Returns:
        For each patch, its slices of the picture with the margin, and the slices of the patch itself within these.
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
    """Computes the PSNR of a fit on the missing pixels of the patches, during the fit.

    The attribute `linear` is the PSNR of linear interpolation on the same pixels.
    """

    def __init__(self, problem: Problem, settings: Settings):
        """Interpolate the patches, and compile the evaluation of the field at their missing pixels."""
        pixels, truth, errors = [], [], []
        mask = problem.operator.mask
        for outer, inner in patches(mask.shape[0]):
            image, missing = problem.truth[outer], ~mask[outer][inner]
            errors.append((linear(image, mask[outer]) - image)[inner][missing])
            truth.append(image[inner][missing])
            corner = [o.start + i.start for o, i in zip(outer, inner, strict=True)]
            pixels.append(np.argwhere(missing) + corner)
        self.linear = _psnr(np.concatenate(errors))
        self._truth = np.concatenate(truth)
        axes = tuple(jnp.asarray(axis) for axis in grids.axes(mask.shape))
        self._points = grids.positions(axes, tuple(jnp.asarray(np.concatenate(pixels).T)))
        self._apply = jax.jit(settings.field.build(problem.domain).apply)

    def __call__(self, params: Params, hyper: HyperParameters) -> float:
        """Return the PSNR in dB of a fit with these parameters, of all groups, and hyper-parameters."""
        return _psnr(np.asarray(self._apply(params["field"], self._points, hyper.field)) - self._truth)


def _psnr(errors: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(np.square(errors))))


class Timed(NamedTuple):
    """A fit with its measurements."""

    params: Params
    hyper: HyperParameters
    curve: list[dict[str, float]]
    """After every chunk: the step, the seconds of all steps so far and the PSNR on the patches."""
    seconds_per_step: list[float]
    """By chunk; the first one includes the compilation."""


def measured(settings: Settings, problem: Problem) -> dict[str, Any]:
    """Fit, recover the whole picture and correct its residual in this process, and return all measurements.

    Every peak memory is that of the process from the start of the fit to the end of the stage, in MiB.
    """
    image, mask = problem.truth, problem.operator.mask
    judge = Judge(problem, settings)
    held = measure.reset_peak()
    fitted = fit_timed(settings, problem, judge)
    fit_peak, start = measure.memory("VmHWM"), time.perf_counter()
    recovered = np.asarray(fit.recover(fitted.params, fitted.hyper, problem.domain, settings))
    recovery, peak = time.perf_counter() - start, measure.memory("VmHWM")
    start = time.perf_counter()
    corrected = residual.correct(recovered, image, mask, harmonic)
    correction, correction_peak = time.perf_counter() - start, measure.memory("VmHWM")
    fills = {"psnr_missing": recovered, "corrected": corrected, "harmonic": harmonic(image, mask)}
    if mask.size <= LARGEST_LINEAR:
        fills["linear_missing"] = linear(image, mask)
    reached = next((point for point in fitted.curve if point["psnr"] >= judge.linear), None)
    return {
        "side": mask.shape[0],
        # The first chunk is left out because it includes the compilation, unless it is the only one.
        **measure.quartiles(fitted.seconds_per_step[1:] or fitted.seconds_per_step),
        "linear": judge.linear,
        "steps_to_linear": reached and reached["step"],
        "seconds_to_linear": reached and reached["seconds"],
        "steps": settings.train.steps,
        "psnr": fitted.curve[-1]["psnr"],
        **{name: float(metrics.psnr(filled, image, ~mask)) for name, filled in fills.items()},
        "fit_seconds": fitted.curve[-1]["seconds"],
        "recovery_seconds": recovery,
        "held": held / 2**20,
        "correction_seconds": correction,
        "fit_peak": fit_peak / 2**20,
        "peak": peak / 2**20,
        "correction_peak": correction_peak / 2**20,
        "curve": fitted.curve,
    }


def fit_timed(settings: Settings, problem: Problem, judge: Judge) -> Timed:
    """Fit from the first to the last step, and judge the fit after every chunk; the seconds exclude the judging."""
    state, hyper, key = fit.init(problem, settings)
    curve, taken, total, done = [], [], 0.0, 0
    start = time.perf_counter()
    for fitted, _ in fit.fit(state, problem, hyper, key, settings):
        seconds, step = time.perf_counter() - start, int(fitted.step)
        total += seconds
        taken.append(seconds / (step - done))
        done = step
        curve.append({"step": step, "seconds": total, "psnr": judge(fitted.params, hyper)})
        # The clock restarts after the judging, which would otherwise count as part of the next chunk.
        start = time.perf_counter()
    return Timed(fitted.params, hyper, curve, taken)


def settings_of(steps: int) -> Settings:
    """Return the default settings with this number of steps, in at least six chunks if there are as many steps.

    Fewer chunks would give no meaningful quartiles of the seconds per step.
    """
    default = TrainSettings()
    return Settings(train=dataclasses.replace(default, steps=steps, chunk=min(default.chunk, max(1, steps // 6))))


def main() -> None:
    """Measure every size and write the report, or measure one size in a process that this one has started."""
    parser = measure.arguments("scale", __doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 512, 1024, 2048, 4096], help="sizes in pixels")
    parser.add_argument("--steps", type=int, default=900, help="steps of every size except the last")
    parser.add_argument("--last_steps", type=int, default=150, help="steps of the last size")
    parser.add_argument("--alone", type=int, nargs=2, metavar=("SIDE", "STEPS"), help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.alone:
        side, steps = flags.alone
        print(json.dumps(measured(settings_of(steps), problem_of(side))))
        return
    rows: list[dict[str, Any]] = []
    for side in flags.sides:
        steps = flags.last_steps if side == flags.sides[-1] else flags.steps
        # A new process for every size: a peak of memory would otherwise include what earlier sizes have left behind.
        rows.append(measure.in_process("benchmarks.scale", "--alone", str(side), str(steps)))
        rows[-1]["growth"] = rows[-1]["median"] / rows[0]["median"]
        print(f"{side}: {rows[-1]['fit_seconds']:.0f} s", flush=True)
    text = measure.table(rows, COST) + "\n\n" + measure.table(rows, QUALITY)
    text += f"\n\n{PICTURE}, continued by its mirror images. Medians of chunks (quartiles); PSNR on missing pixels."
    measure.write(flags.workdir, "scale", {"rows": rows}, text)
    curves = {f"{r['side']}": ([p["seconds"] for p in r["curve"]], [p["psnr"] for p in r["curve"]]) for r in rows}
    medians = {"median": ([r["side"] for r in rows], [r["median"] for r in rows])}
    plots.lines(flags.workdir / "seconds_per_step.png", {"seconds per step": medians}, "side")
    plots.lines(flags.workdir / "scale.png", {"PSNR on missing pixels": curves}, "seconds", scale="linear")


if __name__ == "__main__":
    main()
