"""Measures the gradient of a survey with respect to the velocity, and its memory, compared with deepwave's.

    python -m benchmarks.propagator [--workdir=FOLDER] [--rounds=3] [--shots=13] [--times=1000]

Both have 94 x 144 nodes, the same time step and eighth order in space; each has its own default absorbing layers: ours
are a sponge of 40 nodes, and those of deepwave (pip install deepwave, with PyTorch) are perfectly matched, of 20 nodes.
Each measurement runs in a process of its own, so that the peak memory is its own, and the versions take turns, so that
other load on the machine affects both alike. It does not change the seconds of the processors, of all threads together.
"""

import importlib.util
import json
import sys
import time

import numpy as np

from benchmarks import measure

SHAPE, SPACING, STEP, SPEED = (94, 144), 20.0, 2e-3, 2500.0
COLUMNS = {"propagator": "{name}", "seconds": "{median:.2f} ({low:.2f}-{high:.2f})"}
COLUMNS |= {"processor seconds": "{processor:.2f}", "memory in MiB": "{memory:.0f}"}


def survey(shots: int, times: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the wavelet [T], and the columns of sources [S] and receivers [R] at the third row."""
    from inrr_jax.data.seismic.shots import ricker

    columns = np.linspace(4, SHAPE[1] - 5, shots).round().astype(int)
    return ricker(np.arange(times) * STEP, 8.0).astype(np.float32), columns, np.arange(SHAPE[1])


def ours(shots: int, times: int):
    """Return a function that computes the gradient with this package."""
    import jax
    import jax.numpy as jnp

    from inrr_jax.operators.acoustics import Medium

    wavelet, sources, receivers = survey(shots, times)
    medium = Medium(SHAPE, (SPACING, SPACING), STEP, 2 * SPEED)
    at = [medium.spread(np.stack([np.full(len(x), 2 * SPACING), x * SPACING], 1)) for x in (sources, receivers)]
    wavelets = np.repeat(wavelet[None], shots, axis=0)
    gradient = jax.jit(jax.grad(lambda v: jnp.sum(medium.record(v, wavelets, *at) ** 2)))
    velocity = jnp.full(SHAPE, SPEED, jnp.float32)
    return lambda: jax.block_until_ready(gradient(velocity))


def theirs(shots: int, times: int):
    """Return a function that computes the gradient with deepwave."""
    import deepwave
    import torch

    wavelet, sources, receivers = survey(shots, times)
    places = [torch.tensor(np.stack([np.full(len(x), 2), x], 1)) for x in (sources, receivers)]
    amplitudes = torch.tensor(wavelet).expand(shots, 1, times).contiguous()
    source, receiver = places[0][:, None], places[1][None].expand(shots, -1, -1).contiguous()

    def gradient():
        velocity = torch.full(SHAPE, SPEED, requires_grad=True)
        record = deepwave.scalar(
            velocity, SPACING, STEP, source_amplitudes=amplitudes, source_locations=source,
            receiver_locations=receiver, accuracy=8, pml_freq=8.0,
        )[-1]  # fmt: skip
        (record**2).sum().backward()
        return velocity.grad

    return gradient


VERSIONS = {"inrr_jax": ours, "deepwave": theirs}


def measured(name: str, shots: int, times: int) -> dict[str, float]:
    """Return the seconds of a version's second call, those of the processors, and the growth of the peak memory."""
    call, before = VERSIONS[name](shots, times), measure.reset_peak()
    call()
    start, used = time.perf_counter(), time.process_time()
    call()
    seconds, processor = time.perf_counter() - start, time.process_time() - used
    return {"seconds": seconds, "processor": processor, "memory": (measure.memory("VmHWM") - before) / 2**20}


def main() -> None:
    """Measure both versions, and write the report."""
    parser = measure.arguments("propagator", __doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each version")
    parser.add_argument("--shots", type=int, default=13)
    parser.add_argument("--times", type=int, default=1000, help="time steps")
    parser.add_argument("--only", choices=VERSIONS, help="measure one version in this process, and print JSON")
    flags = parser.parse_args()
    if flags.only:
        print(json.dumps(measured(flags.only, flags.shots, flags.times)))
        return
    names = [name for name in VERSIONS if name == "inrr_jax" or importlib.util.find_spec(name)]
    if len(names) < len(VERSIONS):
        print(
            "deepwave is not installed (pip install deepwave torch): only our propagator is measured", file=sys.stderr
        )
    options, turns = [f"--shots={flags.shots}", f"--times={flags.times}"], {name: [] for name in names}
    for _ in range(flags.rounds):
        for name, found in turns.items():
            found.append(measure.in_process("benchmarks.propagator", f"--only={name}", *options))
    rows = [
        {"name": name, **measure.quartiles([turn["seconds"] for turn in found])}
        | {"processor": float(np.median([turn["processor"] for turn in found]))}
        | {"memory": max(turn["memory"] for turn in found)}
        for name, found in turns.items()
    ]
    text = measure.table(rows, COLUMNS) + f"\n\n{flags.shots} shots, {flags.times} steps; medians (quartiles)."
    measure.write(flags.workdir, "propagator", {"rows": rows}, text)


if __name__ == "__main__":
    main()
