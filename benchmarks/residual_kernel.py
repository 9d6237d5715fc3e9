"""How fast a SIREN learns waves from its values, slopes or curvatures: rates of the kernels of residuals.

python -m benchmarks.residual_kernel [--workdir=FOLDER]

The kernel of an infinitely wide SIREN on a line, differentiated in both arguments. The table shows, for each residual
and omega, the rate of waves of 1 to 16 periods in [-1, 1], relative to the fastest of them. It takes seconds.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import measure
from inrr_jax import ntk
from inrr_jax.ntk.residual import Operator, learning_rates, residual_kernel
from inrr_jax.operators import differential

FREQUENCIES = (1, 2, 4, 8, 16)
OMEGAS = (5.0, 15.0, 30.0, 60.0)
OPERATORS: dict[str, Operator] = {
    "values": lambda signal, points: signal(points),
    "slope": lambda signal, points: differential.gradient(signal, points)[..., 0],
    "curvature": differential.laplacian,
}


def run(nodes: int, width: int, depth: int) -> list[dict[str, Any]]:
    """Return one row per residual and omega, with the relative rate of each wave.

    Args:
        nodes: points on the line.
        width: of the network, which weighs the two parts of its kernel.
        depth: number of sine layers.
    """
    points = jnp.linspace(-1.0, 1.0, nodes)[:, None]
    kernel = partial(ntk.siren, width=width, depth=depth)
    rows = []
    for name, operator in OPERATORS.items():
        evaluate = jax.jit(residual_kernel(kernel, operator))
        for omega in OMEGAS:
            rates = np.asarray(learning_rates(evaluate(omega, points, points), points, FREQUENCIES))
            relative = {str(f): float(r) for f, r in zip(FREQUENCIES, rates / rates.max(), strict=True)}
            rows.append({"residual": name, "omega": omega, **relative})
    return rows


def main() -> None:
    """Compute all rates, and write the report."""
    flags = measure.arguments("residual_kernel", __doc__).parse_args()
    # Second derivatives in both arguments are fourth derivatives: float32 would show rounding errors.
    jax.config.update("jax_enable_x64", True)
    rows = run(256, 160, 4)
    columns = {"residual": "{residual}", "omega": "{omega:g}", **{f"{f} periods": f"{{{f}:.1e}}" for f in FREQUENCIES}}
    text = measure.table(
        [{**row, **{f"f{f}": row[str(f)] for f in FREQUENCIES}} for row in rows],
        {name: spec.replace("{", "{f") if "periods" in name else spec for name, spec in columns.items()},
    )
    measure.write(flags.workdir, "residual_kernel", {"rows": rows}, text)


if __name__ == "__main__":
    main()
