"""Photographs of up to 12 megapixels: seconds, memory and quality of `inrr_jax.inpaint` and of what a user would use.

    python -m benchmarks.photographs [--megapixels 0.06 0.25 1 4 12] [--damages scratches half] [--methods inpaint]

The picture is a mosaic of scikit-image's coloured photographs at their own resolution. `scratches` hides 1 % of it
under writing and scratches, `half` hides half of the pixels at random, on up to 4 megapixels. Every recovery runs in a
process of its own, whose peak memory is reported, with the picture and all libraries in it. A recovery that takes
longer than --limit seconds is stopped, and has no figures. Finished rows are kept in --workdir and not run again.
Slow methods run on the smallest picture alone. Telea's and the Navier-Stokes method need OpenCV. About an hour and a
half on two CPU cores.
"""

import json
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from benchmarks import measure
from inrr_jax import metrics, plots
from inrr_jax.data import images, masks
from inrr_jax.io.writers import read_lines
from inrr_jax.recipes.fills import FILLS

MEGAPIXELS = (0.06, 0.25, 1, 4, 12)
LARGEST = {"scratches": 12.0, "half": 4.0}
"""Largest picture with each damage, in megapixels."""
OPENCV = {"telea": "telea_r3", "navier_stokes": "navier_stokes_r5"}
"""OpenCV's methods, by their names here."""
SLOW = ("tv", "soft_impute", "wnll", "gsr")
"""Methods for the smallest picture alone."""
METHODS = ("inpaint", "linear", "harmonic", "biharmonic", *OPENCV, *SLOW)
PHOTOGRAPHS = ("coffee", "chelsea", "astronaut", "rocket")
CELL = (300, 448)
"""Height and width of the part of each photograph that the mosaic repeats, in pixels."""
COLUMNS = {"damage": "{damage}", "megapixels": "{megapixels:g}", "method": "{method}", "seconds": "{seconds:.1f}"}
COLUMNS |= {"CPU seconds": "{cpu:.0f}"}
COLUMNS |= {"peak / MiB": "{peak:.0f}", "PSNR missing / dB": "{psnr_missing:.2f}", "SSIM": "{ssim_pasted:.4f}"}


def picture(megapixels: float) -> Float[np.ndarray, "H W 3"]:
    """Return a mosaic of the photographs with sides of the ratio 2 : 3; every second copy is flipped."""
    height = round(np.sqrt(megapixels * 1e6 * 2 / 3))
    width = round(1.5 * height)
    cells = [images.load(name)[: CELL[0], : CELL[1]] for name in PHOTOGRAPHS]
    rows = []
    for i in range(-(-height // CELL[0])):
        row = [cells[(i + j) % len(cells)][:: 1 - 2 * (i % 2), :: 1 - 2 * (j % 2)] for j in range(-(-width // CELL[1]))]
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)[:height, :width]


def draw(damage: str, shape: tuple[int, int]) -> Bool[np.ndarray, "H W"]:
    """Return the mask of a damage, True where observed."""
    mode, rate = ("random", 0.5) if damage == "half" else ("text+scratches", 0.005)
    return np.asarray(masks.make(jax.random.key(0), shape, mode, rate))


def prepare(damage: str, megapixels: float, path: Path) -> None:
    """Write the picture and the mask of a case."""
    image = picture(megapixels)
    with open(path, "wb") as file:
        np.savez(file, image=np.round(255 * image).astype(np.uint8), mask=draw(damage, image.shape[:2]))


def recover(method: str, path: Path) -> dict[str, Any]:
    """Return seconds, peak memory in MiB and scores of one recovery in this process."""
    with np.load(path) as stored:
        image, mask = stored["image"], stored["mask"]
    start, cpu = time.perf_counter(), time.process_time()
    if method == "inpaint":
        import inrr_jax

        recovered = inrr_jax.inpaint(image, ~mask)
    else:
        recovered = FILLS[OPENCV.get(method, method)].fill(image / np.float32(255), mask)
    row = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    row["peak"] = measure.memory("VmHWM") / 2**20
    scores = metrics.summarize(recovered, image / np.float32(255), mask)
    return row | {name: scores[name] for name in ("psnr_missing", "ssim_pasted")}


def run(case: dict[str, Any], folder: Path, limit: float) -> dict[str, Any]:
    """Return the row of a case, from a process of its own; without figures if it takes longer than the limit."""
    path = folder / f"{case['damage']}{case['megapixels']:g}.npz"
    base = [sys.executable, "-m", "benchmarks.photographs", "--case", json.dumps(case), "--file", str(path)]
    if not path.exists():
        subprocess.run([*base, "--prepare"], check=True)
    try:
        done = subprocess.run(base, check=True, stdout=subprocess.PIPE, text=True, timeout=limit)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        return case | {"failed": type(error).__name__}
    return case | json.loads(done.stdout.splitlines()[-1])


def figure(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw seconds and memory over megapixels: two panels for each damage, one curve for each method but slow ones."""
    panels: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for row in rows:
        if "seconds" in row and row["method"] not in SLOW:
            for quantity, key in (("seconds", "seconds"), ("peak memory / MiB", "peak")):
                x, y = panels.setdefault(f"{row['damage']}: {quantity}", {}).setdefault(row["method"], ([], []))
                x.append(row["megapixels"])
                y.append(row[key])
    plots.lines(path, panels, "megapixels")


def main() -> None:
    """Run the cases that have no row yet, and write the report and a figure."""
    parser = measure.arguments("photographs", __doc__)
    parser.add_argument("--megapixels", nargs="+", type=float, default=list(MEGAPIXELS), help="sizes of the picture")
    parser.add_argument("--damages", nargs="+", choices=LARGEST, default=list(LARGEST), help="what is missing")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="what recovers it")
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a recovery is stopped")
    parser.add_argument("--case", type=json.loads, help="one case, in this process")
    parser.add_argument("--file", type=Path, help="the picture and mask of that case")
    parser.add_argument("--prepare", action="store_true", help="write that file instead")
    flags = parser.parse_args()
    if flags.case:
        case = flags.case
        done = (
            prepare(case["damage"], case["megapixels"], flags.file)
            if flags.prepare
            else recover(case["method"], flags.file)
        )
        print(json.dumps(done))
        return
    flags.workdir.mkdir(parents=True, exist_ok=True)
    rows = _rows(flags)
    text = (
        measure.table(rows, COLUMNS) + "\n\nSeconds of one recovery, with compilation, on a machine that may be shared;"
    )
    text += " CPU seconds are the sum over the cores."
    measure.write(flags.workdir, "photographs", {"rows": rows}, text)
    figure(flags.workdir / "photographs.png", rows)


def _rows(flags: Any) -> list[dict[str, Any]]:
    """Return the rows of all cases, and run those that the work directory does not have."""
    path = flags.workdir / "rows.jsonl"
    methods = [method for method in flags.methods if method not in OPENCV or find_spec("cv2")]
    for megapixels in flags.megapixels:
        for damage in (d for d in flags.damages if megapixels <= LARGEST[d]):
            for method in (m for m in methods if m not in SLOW or megapixels <= min(MEGAPIXELS)):
                case = {"damage": damage, "megapixels": megapixels, "method": method}
                if not any(row.items() >= case.items() for row in read_lines(path)):
                    row = run(case, flags.workdir, flags.limit)
                    with open(path, "a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    print(measure.table([row], COLUMNS).splitlines()[-1], flush=True)
    return sorted(read_lines(path), key=lambda row: (row["damage"], row["megapixels"], METHODS.index(row["method"])))


if __name__ == "__main__":
    main()
