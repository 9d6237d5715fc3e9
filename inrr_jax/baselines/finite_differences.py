"""Differential equations on grids by finite differences: sparse systems of SciPy, and explicit time steps."""

import numpy as np
from jaxtyping import Bool, Complex, Float


def difference(nodes: int):
    """Return the sparse matrix [nodes - 1, nodes] of differences of neighbours."""
    from scipy import sparse

    return sparse.diags_array([-np.ones(nodes - 1), np.ones(nodes - 1)], offsets=[0, 1], shape=(nodes - 1, nodes))


def differences(shape: tuple[int, int]):
    """Return the sparse matrices of the differences along rows and columns of a grid in row-major order."""
    from scipy import sparse

    height, width = shape
    return (
        sparse.kron(difference(height), sparse.eye_array(width)).tocsr(),
        sparse.kron(sparse.eye_array(height), difference(width)).tocsr(),
    )


def integrate(
    down: Float[np.ndarray, "_ W C"],
    right: Float[np.ndarray, "H _ C"],
    down_known: Bool[np.ndarray, "_ W"],
    right_known: Bool[np.ndarray, "H _"],
    screening: float = 1e-8,
) -> Float[np.ndarray, "H W C"]:
    """Return the picture of mean zero whose differences are closest to the given ones in the least-squares sense.

    This is the Poisson equation of gradient-domain processing, G'K G u = G'K d, with G the differences and K their
    known entries. Differences that are not known are left out. Each part that is cut off has a mean of its own, which
    the screening term `screening` |u|² sets to zero.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    shape = (down.shape[0] + 1, down.shape[1])
    matrices = differences(shape)
    kept = [m[k.reshape(-1)] for m, k in zip(matrices, (down_known, right_known), strict=True)]
    matrix = sparse.vstack(kept).tocsr()
    values = np.concatenate([down[down_known], right[right_known]]).astype(np.float64)
    system = (matrix.T @ matrix + screening * sparse.eye_array(matrix.shape[1])).tocsc()
    solved = splu(system, permc_spec="MMD_AT_PLUS_A").solve(np.asarray(matrix.T @ values))
    solved -= solved.mean(axis=0)
    return solved.reshape(*shape, -1).astype(np.float32)


def solve_poisson(
    source: Float[np.ndarray, "H W C"], fixed: Float[np.ndarray, "H W C"], mask: Bool[np.ndarray, "H W"]
) -> Float[np.ndarray, "H W C"]:
    """Return u with the five-point Laplacian `source` where the mask is True, and u = `fixed` elsewhere.

    The mask must be False on the border of the grid.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    down, right = differences(mask.shape)
    laplacian = -(down.T @ down + right.T @ right).tocsr()
    inside = mask.reshape(-1)
    flat = fixed.reshape(inside.size, -1).astype(np.float64)
    known = np.where(inside[:, None], 0.0, flat)
    right_side = source.reshape(inside.size, -1)[inside] - (laplacian @ known)[inside]
    system = sparse.csc_array(laplacian[inside][:, inside])
    flat[inside] = splu(system, permc_spec="MMD_AT_PLUS_A").solve(right_side)
    return flat.reshape(fixed.shape).astype(np.float32)


def solve_helmholtz(
    source: Complex[np.ndarray, "n n"], wavenumber: float, spacing: float, layer: int
) -> Complex[np.ndarray, "n n"]:
    """Return u with lap u + k² u = -source by five points, with a perfectly matched layer of `layer` nodes all around.

    The layer is added outside of the given nodes. In it the coordinate is stretched by s = 1 + i sigma / k, with sigma
    rising like the square of the depth.
    """
    from scipy import sparse
    from scipy.sparse.linalg import spsolve

    nodes = source.shape[0] + 2 * layer
    # Coefficients 1 / s at nodes and halfway between them.
    position = np.arange(2 * nodes - 1) / 2
    depth = np.maximum(np.maximum(layer - position, position - (nodes - 1 - layer)), 0) / layer
    stretch = 1 / (1 + 1j * (6.0 / (layer * spacing)) * depth**2 * 3 / wavenumber)
    step = difference(nodes) / spacing
    second = -sparse.diags_array(stretch[::2]) @ step.T @ sparse.diags_array(stretch[1::2]) @ step
    one = sparse.eye_array(nodes)
    system = sparse.kron(second, one) + sparse.kron(one, second) + wavenumber**2 * sparse.eye_array(nodes**2)
    padded = np.pad(source, layer)
    solved = spsolve(sparse.csc_array(system), -padded.reshape(-1)).reshape(nodes, nodes)
    return solved[layer : nodes - layer, layer : nodes - layer]


def solve_wave(initial: Float[np.ndarray, "n"], steps: int, courant: float) -> Float[np.ndarray, "steps n"]:
    """Return the solution of u_tt = c² u_xx with u = 0 at both ends and u_t = 0 at the start, by leapfrog.

    Args:
        initial: u at the first time.
        steps: number of times, the first included.
        courant: c dt / dx, at most 1.
    """
    found = np.zeros((steps, len(initial)))
    found[0] = initial
    found[0, [0, -1]] = 0

    def curvature(u):
        inner = np.zeros_like(u)
        inner[1:-1] = u[2:] - 2 * u[1:-1] + u[:-2]
        return courant**2 * inner

    if steps > 1:
        found[1] = found[0] + curvature(found[0]) / 2
    for i in range(2, steps):
        found[i] = 2 * found[i - 1] - found[i - 2] + curvature(found[i - 1])
    return found.astype(np.float32)
