"""Measures the time of the complete job: from process start to a given quality, and to the written result.

python -m benchmarks.time_to_quality [--workdir=FOLDER] [--image=PICTURE --mask=MASK --psnr=28.0 --nmae=0.1057]

Every seed is a new process of scripts.train. If the picture and mask of the paper's experiment are given, the target is
the end of the authors' recorded run: PSNR of the raw output on all pixels, and NMAE on the missing ones. The bundled
baboon, which is the default, has no such target, and only its curve of PSNR over seconds is drawn. For comparison, the
benchmark measures the seconds of a full-batch step of the paper's procedure, here and in PyTorch, and multiplies them
by the paper's 10 001 steps. This product is an extrapolation, not a measurement. On two cores the benchmark takes less
than five minutes. It writes time_to_quality.json, time_to_quality.md and time_to_quality.png.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import measure, step
from inrr_jax import plots
from inrr_jax.io.writers import read_lines

PAPER_STEPS = 10_001
"""Optimiser steps of the recorded run of the paper's authors."""
COLUMNS = {
    "run": "{name}",
    "seeds": "{seeds}",
    "seconds to the target": "{reached[median]:.1f} ({reached[low]:.1f}-{reached[high]:.1f})",
    "seconds to the written result": "{written[median]:.1f} ({written[low]:.1f}-{written[high]:.1f})",
    "PSNR, all": "{psnr_all[median]:.2f}",
    "PSNR, missing": "{psnr_missing[median]:.2f}",
    "NMAE, missing": "{nmae_missing[median]:.4f}",
}
PAPER_COLUMNS = {
    "the paper's procedure, float32": "{version}",
    "seconds per step": "{median:.3f} ({low:.3f}-{high:.3f})",
    "hours for 10 001 steps, extrapolated": "{hours:.2f}",
    "over ours to the written result": "{ratio:.0f}",
}


def problem_flags(image: str | None, mask: str | None) -> list[str]:
    """Return the flags that give scripts.train another picture and mask than its config has.

    Args:
        image: path of the picture; None for that of the config.
        mask: path of the mask, bright where observed; None for that of the config.
    """
    flags = [f"--config.data.image={image}"] if image else []
    return flags + (["--config.mask.mode=file", f"--config.mask.path={mask}"] if mask else [])


def train(folder: Path, flags: list[str], config: str = "configs/baboon.py") -> dict[str, Any]:
    """Run scripts.train in a new process.

    Args:
        folder: work directory of the run, which must not exist or must be empty.
        flags: command-line flags in addition to those for the config and the folder.
        config: path of the config, with its variant after a colon.

    Returns:
        `written`, the seconds from the start of the process to its end; `result`, the content of result.json; and
        `rows`, those of metrics.jsonl.
    """
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "scripts.train",
        "--nocompilation_cache",  # so that every seed is timed as the first run of a new user
        f"--config={config}",
        f"--workdir={folder}",
        *flags,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    written = time.perf_counter() - start
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return {"written": written, "result": result, "rows": read_lines(folder / "metrics.jsonl")}


def time_to(rows: list[dict[str, Any]], psnr: float, nmae: float) -> float | None:
    """Return the seconds of the first evaluation that reaches a quality, or None if no evaluation does.

    Args:
        rows: evaluations of a run, in order.
        psnr: smallest accepted PSNR of the raw output on all pixels, in dB.
        nmae: largest accepted NMAE on the missing pixels.
    """
    good = (row["seconds"] for row in rows if row["psnr_all"] >= psnr and row["nmae_missing"] <= nmae)
    return next(good, None)


def summary(name: str, runs: list[dict[str, Any]], target: tuple[float, float] | None) -> dict[str, Any]:
    """Return the quartiles of the results of several runs of one version.

    Args:
        name: of the version.
        runs: as `train` returns them.
        target: PSNR and NMAE to reach; None if there is no target.

    Returns:
        Quartiles of `written`, `psnr_all`, `psnr_missing` and `nmae_missing`; `each`, the seconds of each run to the
        target or None; and `reached`, their quartiles. `reached` is absent if a run has missed the target, because
        quartiles of the other runs would be too favourable.
    """
    row: dict[str, Any] = {"name": name, "seeds": len(runs), "written": measure.quartiles([r["written"] for r in runs])}
    for key in ("psnr_all", "psnr_missing", "nmae_missing"):
        row[key] = measure.quartiles([run["result"][key] for run in runs])
    reached = [time_to(run["rows"], *target) for run in runs] if target else [None]
    row["each"] = reached
    if None not in reached:
        row["reached"] = measure.quartiles(reached)  # type: ignore[arg-type]
    return row


def paper(rounds: int, side: int = 256) -> list[dict[str, Any]]:
    """Measure a full-batch step of the paper's procedure, here and in PyTorch, and extrapolate to all of its steps.

    Args:
        rounds: measurements of each version.
        side: of the square picture in pixels.

    Returns:
        The rows of `step.run` with `hours`, the extrapolated time of all steps of the paper.
    """
    wanted = [
        row
        for row in [*step.ours(), *step.theirs()]
        if row["batch"] == "full" and row["precision"] == "float32" and "sine" not in row["version"]
    ]
    rows = step.run(
        [row for row in wanted if row["version"] != "whole"], rounds, side, lengths={"full": 2}, product_side=1024
    )["rows"]
    for row in rows:
        row["version"] = "ours, configs/baboon.py:paper" if row["version"] == "default" else row["version"]
        row["hours"] = row["median"] * PAPER_STEPS / 3600
    return rows


def main() -> None:
    """Run every seed, measure the paper's step, and write the report."""
    parser = measure.arguments("time_to_quality", __doc__)
    parser.add_argument("--image", help="picture of 256 x 256 pixels; default: the bundled baboon")
    parser.add_argument(
        "--mask", help="mask of the picture, bright where observed; default: the text mask of the config"
    )
    parser.add_argument("--psnr", type=float, help="target on all pixels in dB; default: no target")
    parser.add_argument("--nmae", type=float, default=0.1057, help="target on the missing pixels")
    parser.add_argument("--seeds", type=int, default=5, help="runs with field.precision=auto")
    parser.add_argument("--float32_seeds", type=int, default=1, help="runs with field.precision=float32")
    parser.add_argument("--paper_steps", type=int, default=40, help="steps of the paper's procedure, for the figure")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of the paper's step")
    parser.add_argument("--smoke", action="store_true", help="fits of a few steps, to test the benchmark itself")
    flags = parser.parse_args()
    result = run(flags)
    text = measure.table(result["runs"], COLUMNS) + "\n\n" + measure.table(result["paper"], PAPER_COLUMNS)
    text += "\n\nMedians (quartiles); seconds from process start."
    measure.write(flags.workdir, "time_to_quality", result, text)
    plots.lines(
        flags.workdir / "time_to_quality.png",
        {"PSNR on missing pixels": result["curves"]},
        "seconds from process start",
        scale="linear",
    )


def run(flags) -> dict[str, Any]:
    """Measure all that the flags ask for.

    Returns:
        `runs`, a `summary` of each precision; `paper`, the rows of the paper's step; `curves`, the coordinates of the
        PSNR on missing pixels over seconds, by run; and `target`, PSNR and NMAE or None.
    """
    variant, problem = (":smoke" if flags.smoke else ""), problem_flags(flags.image, flags.mask)
    # Every call of the benchmark gets a new folder, because scripts.train does not repeat a finished run.
    folder = flags.workdir / time.strftime("%Y%m%d-%H%M%S")
    runs: dict[str, list[dict[str, Any]]] = {}
    for name, precision, seeds in (("auto", "auto", flags.seeds), ("float32", "float32", flags.float32_seeds)):
        for seed in range(seeds):
            options = [f"--config.seed={seed}", f"--config.field.precision={precision}"]
            options += ["--config.train.evaluate_every=50", *problem]
            runs.setdefault(name, []).append(train(folder / f"{name}-{seed}", options, f"configs/baboon.py{variant}"))
            print(f"{name}, seed {seed}: {runs[name][-1]['written']:.1f} s", flush=True)
    curves = {f"{name}, seed {i}": _curve(r["rows"]) for name, many in runs.items() for i, r in enumerate(many)}
    if flags.paper_steps and not flags.smoke:
        options = [f"--config.train.steps={flags.paper_steps}", "--config.train.evaluate_every=10", *problem]
        curves["the paper's procedure, here"] = _curve(
            train(folder / "paper", options, "configs/baboon.py:paper")["rows"]
        )
    target = (flags.psnr, flags.nmae) if flags.psnr else None
    rows = paper(flags.rounds, 32 if flags.smoke else 256)
    summaries = [summary(name, many, target) for name, many in runs.items()]
    for row in rows:
        row["ratio"] = 3600 * row["hours"] / summaries[0]["written"]["median"]
    return {"runs": summaries, "paper": rows, "curves": curves, "target": target}


def _curve(rows: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    """Return the seconds and the PSNR on missing pixels of all evaluations."""
    return [row["seconds"] for row in rows], [row["psnr_missing"] for row in rows]


if __name__ == "__main__":
    main()
