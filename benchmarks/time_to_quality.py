"""Seconds from process start to a quality, of the whole job, beside the paper's recipe in PyTorch and here.

python -m benchmarks.time_to_quality [--workdir=FOLDER] [--image=PICTURE --mask=MASK --psnr=28.0 --nmae=0.1057]

Each seed is a fresh process of scripts.train. With the picture and mask of the paper's experiment the target is what
its authors print at the end of their run: PSNR of all pixels, raw, and NMAE of the missing ones. The bundled baboon,
the default, has none: then there is only the curve. Beside it seconds per full-batch step, measured in this run, times
the paper's 10 001 steps: an extrapolation, not a measurement. Under five minutes on two cores. Leaves
time_to_quality.json, time_to_quality.md and time_to_quality.png.
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
    "the paper's recipe, float32": "{version}",
    "seconds per step": "{median:.3f} ({low:.3f}-{high:.3f})",
    "hours for 10 001 steps, extrapolated": "{hours:.2f}",
    "over ours to the written result": "{ratio:.0f}",
}


def problem_flags(image: str | None, mask: str | None) -> list[str]:
    """Return scripts.train's flags for another picture and mask than the config's."""
    flags = [f"--config.data.image={image}"] if image else []
    return flags + (["--config.mask.mode=file", f"--config.mask.path={mask}"] if mask else [])


def train(folder: Path, flags: list[str], config: str = "configs/baboon.py") -> dict[str, Any]:
    """Run scripts.train in a fresh process and return its rows, its result and its seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "scripts.train", f"--config={config}", f"--workdir={folder}", *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    written = time.perf_counter() - start
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return {"written": written, "result": result, "rows": read_lines(folder / "metrics.jsonl")}


def time_to(rows: list[dict[str, Any]], psnr: float, nmae: float) -> float | None:
    """Return the seconds of the first row with at least this PSNR (all) and at most this NMAE (missing)."""
    good = (row["seconds"] for row in rows if row["psnr_all"] >= psnr and row["nmae_missing"] <= nmae)
    return next(good, None)


def summary(name: str, runs: list[dict[str, Any]], target: tuple[float, float] | None) -> dict[str, Any]:
    """Collect the runs of one version, with the times of all or, where one has missed the target, none."""
    row: dict[str, Any] = {"name": name, "seeds": len(runs), "written": measure.spread([r["written"] for r in runs])}
    for key in ("psnr_all", "psnr_missing", "nmae_missing"):
        row[key] = measure.spread([run["result"][key] for run in runs])
    reached = [time_to(run["rows"], *target) for run in runs] if target else [None]
    row["each"] = reached
    if None not in reached:
        row["reached"] = measure.spread(reached)  # type: ignore[arg-type]
    return row


def paper(rounds: int, side: int = 256) -> list[dict[str, Any]]:
    """Measure a full-batch step of the paper's recipe, ours and PyTorch's, and extrapolate to its 10 001."""
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
    """Run every seed, measure the paper's step, and tell."""
    parser = measure.arguments("time_to_quality", __doc__)
    parser.add_argument("--image", help="picture, 256 x 256; the bundled baboon by default")
    parser.add_argument("--mask", help="mask of it, bright where observed; our text by default")
    parser.add_argument("--psnr", type=float, help="target of all pixels in dB; none by default")
    parser.add_argument("--nmae", type=float, default=0.1057, help="target of the missing pixels")
    parser.add_argument("--seeds", type=int, default=5, help="runs in the machine's best precision, and ...")
    parser.add_argument("--float32_seeds", type=int, default=1, help="... in float32")
    parser.add_argument("--paper_steps", type=int, default=40, help="of the paper's recipe, for the curve")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of the paper's step")
    parser.add_argument("--smoke", action="store_true", help="tiny fits, to see that all works")
    flags = parser.parse_args()
    result = run(flags)
    text = measure.table(result["runs"], COLUMNS) + "\n\n" + measure.table(result["paper"], PAPER_COLUMNS)
    text += "\n\nMedians (quartiles); seconds from process start."
    measure.leave(flags.workdir, "time_to_quality", result, text)
    plots.lines(
        flags.workdir / "time_to_quality.png",
        {"PSNR on missing pixels": result["curves"]},
        "seconds from process start",
        scale="linear",
    )


def run(flags) -> dict[str, Any]:
    """Return the summaries of our runs, the paper's steps, and the curves of all."""
    variant, problem = (":smoke" if flags.smoke else ""), problem_flags(flags.image, flags.mask)
    folder = flags.workdir / time.strftime("%Y%m%d-%H%M%S")  # a finished run would not be repeated
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
        curves["the paper's recipe, here"] = _curve(train(folder / "paper", options, "configs/baboon.py:paper")["rows"])
    target = (flags.psnr, flags.nmae) if flags.psnr else None
    rows = paper(flags.rounds, 32 if flags.smoke else 256)
    summaries = [summary(name, many, target) for name, many in runs.items()]
    for row in rows:
        row["ratio"] = 3600 * row["hours"] / summaries[0]["written"]["median"]
    return {"runs": summaries, "paper": rows, "curves": curves, "target": target}


def _curve(rows: list[dict[str, Any]]) -> tuple[list[float], list[float]]:
    return [row["seconds"] for row in rows], [row["psnr_missing"] for row in rows]


if __name__ == "__main__":
    main()
