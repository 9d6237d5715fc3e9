"""Measures seconds, peak memory and errors of `inrr_jax.complete` on a volume of 16 million voxels.

    python -m benchmarks.large_volume [--workdir=FOLDER] [--side 256] [--steps 100] [--share 0.9]

The average head of nilearn, interpolated linearly to 256 x 256 x 256, without 90 % of its voxels. Four to six minutes
on two CPU cores and 3.4 GiB, which the call announces beforehand (needs nilearn: pip install inrr-jax[data]).
"""

import time
from typing import Any

import numpy as np
from absl import logging
from jaxtyping import Bool, Float32

import inrr_jax
from benchmarks import measure
from inrr_jax import plots
from inrr_jax.baselines.tensors import TENSORS
from inrr_jax.data import sources
from inrr_jax.data.arrays import read
from inrr_jax.options import change

Volume = Float32[np.ndarray, "H W D"]
COLUMNS = {"method": "{method}", "PSNR / dB": "{psnr:.2f}", "seconds": "{seconds:.0f}", "peak / GiB": "{peak:.2f}"}


def volume(side: int) -> Volume:
    """Return the head on a grid of `side` voxels along every axis."""
    from scipy.ndimage import zoom

    head = read(sources.find("mni152")).values[..., 0].astype(np.float32)
    return zoom(head, [side / n for n in head.shape], order=1)


def compare(truth: Volume, observed: Bool[np.ndarray, "H W D"], steps: int) -> tuple[list[dict[str, Any]], Volume]:
    """Return a row for the call, its field alone and linear interpolation, and the completed volume."""
    start, settings = time.perf_counter(), change(inrr_jax.COMPLETION, {"train.steps": steps})
    done = inrr_jax.complete(truth, observed, settings=settings, details=True)
    rows = [{"method": "complete", "seconds": time.perf_counter() - start, "peak": measure.memory("VmHWM") / 2**30}]
    linear = TENSORS["linear"].complete(truth[..., None], observed)
    recovered = {"complete": done.values, "field": done.field.on_grid()[..., 0], "linear": linear[..., 0]}
    rows += [{"method": name} for name in recovered if name != "complete"]
    extent = float(np.ptp(truth[observed]))
    for row in rows:
        error = (recovered[row["method"]] - truth)[~observed]
        row["psnr"] = float(20 * np.log10(extent) - 10 * np.log10(np.mean(np.square(error, dtype=np.float64))))
    return rows, done.values


def main() -> None:
    """Complete the volume, and write the report and a figure of its middle slice."""
    parser = measure.arguments("large_volume", __doc__)
    parser.add_argument("--side", type=int, default=256, help="voxels along every axis")
    parser.add_argument("--steps", type=int, default=100, help="of the fit")
    parser.add_argument("--share", type=float, default=0.9, help="of the voxels that is missing")
    flags = parser.parse_args()
    logging.set_verbosity(logging.INFO)
    logging.use_absl_handler()
    truth = volume(flags.side)
    observed = np.random.default_rng(0).random(truth.shape) >= flags.share
    rows, completed = compare(truth, observed, flags.steps)
    text = measure.table(rows, COLUMNS) + f"\n\n{truth.size:,} voxels, {100 * flags.share:.0f} % missing; seconds on a"
    text += " machine that may be shared. The peak is that of the whole process."
    measure.write(flags.workdir, "large_volume", {"rows": rows}, text)
    middle, top = flags.side // 2, float(truth.max())
    slices = {"truth": truth[middle], "complete": completed[middle]}
    shown = {name: (array / top).clip(0, 1)[..., None] for name, array in slices.items()}
    plots.side_by_side(flags.workdir / "large_volume.png", shown.pop("truth"), observed[middle], shown)


if __name__ == "__main__":
    main()
