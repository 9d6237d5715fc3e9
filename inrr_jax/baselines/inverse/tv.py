"""Reconstructions on the grid by total variation and by Tikhonov's energy, for every operator on the grid.

Both minimise misfit(V) + lambda energy(V) over values V within the bounds of the domain, with the misfit of the
operator. The energies are means over the entries, as those of the regularisers `tv` and `grid` are, so that a lambda
here is a weight there. Lambda is the one with the smallest misfit on measurements that are held out.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from inrr_jax.baselines.inverse.choice import hold_out
from inrr_jax.problem import Problem

STEPS = 60
"""Iterations with each lambda, from the result of the one before."""
FINAL_STEPS = 200
"""Iterations with the chosen lambda and all measurements."""
FACTOR = 0.5
"""Ratio of successive lambdas."""
MOST = 24
"""Lambdas that are tried at most."""
PATIENCE = 2
"""Lambdas without a smaller held-out misfit after which no smaller ones are tried."""
DUAL_STEPS = 10
"""Iterations of the proximal step of total variation, which starts at the last dual variable."""
POWER_STEPS = 8
"""Iterations that estimate the largest curvature of the misfit."""
MARGIN = 1.1
"""Factor on that estimate, which comes from below."""
RELAXED = 0.9
"""Factor on a raised curvature after every step."""

Values = Float[Array, "*grid C"]


def tv(problem: Problem) -> Float[np.ndarray, "*grid C"]:
    """Minimise misfit + lambda TV, with TV the mean length of the gradient over all axes and channels."""
    return _with_chosen_weight(problem, "tv")


def tikhonov(problem: Problem) -> Float[np.ndarray, "*grid C"]:
    """Minimise misfit + lambda E, with E the mean square of the gradient: Tikhonov's energy of order 1."""
    return _with_chosen_weight(problem, "tikhonov")


def minimise(problem: Problem, energy: str, weight: float, start: Values, steps: int) -> Values:
    """Return the values after some steps of a descent on misfit + weight energy.

    Args:
        problem: with an operator that has `distance(values, measurements)`.
        energy: `tv` or `tikhonov`.
        weight: lambda.
        start: the first values.
        steps: of the descent.
    """
    return _descend(
        problem.operator, jnp.asarray(problem.measurements), jnp.float32(weight), start, energy, problem.domain, steps
    )


def _with_chosen_weight(problem: Problem, energy: str) -> Float[np.ndarray, "*grid C"]:
    """Lower lambda from one that allows nothing but a constant, until the held-out misfit grows; fit all with it."""
    measurements, domain = jnp.asarray(problem.measurements), problem.domain
    hidden, error_of = hold_out(problem)
    low, high = domain.bounds or (0.0, 0.0)
    start = values = jnp.full((*domain.shape, domain.channels), (low + high) / 2, jnp.float32)
    # The gradient of the mean energy of a step between two nodes is about 1 / entries: no larger lambda does anything.
    weight = float(jnp.abs(jax.jit(jax.grad(hidden.operator.distance))(start, measurements)).max()) * start.size
    best, chosen, recovered, worse = float("inf"), weight, start, 0
    for _ in range(MOST):
        values = minimise(hidden, energy, weight, values, STEPS)
        error = error_of(values)
        worse = 0 if error < best else worse + 1
        if error < best:
            best, chosen, recovered = error, weight, values
        if worse == PATIENCE:
            break
        weight *= FACTOR
    return np.asarray(minimise(problem, energy, chosen, recovered, FINAL_STEPS))


class _State(NamedTuple):
    values: Values
    ahead: Values
    """The extrapolated values, at which the gradient is taken."""
    momentum: Float[Array, ""]
    curvature: Float[Array, ""]
    dual: Float[Array, "D *grid C"]


@partial(jax.jit, static_argnames=("energy", "domain", "steps"))
def _descend(operator, measurements, weight, start, energy: str, domain, steps: int) -> Values:
    """Run the accelerated proximal gradient method (FISTA; Beck and Teboulle, SIAM J. Imaging Sci. 2009).

        V' = prox(W - grad F(W) / L),    W' = V' + (t - 1)/t' (V' - V),    t' = (1 + sqrt(1 + 4 t²)) / 2

    F is the misfit, to which Tikhonov's energy is added because it is smooth; the proximal step is that of TV or of the
    bounds. L doubles whenever F at V' lies above its quadratic bound, and returns slowly to the estimate at the start.
    The momentum restarts when it points uphill (O'Donoghue and Candes, Found. Comput. Math. 2015).
    """
    share = weight / start.size

    def smooth(values):
        misfit = operator.distance(values, measurements)
        return misfit + share * jnp.sum(_gradient(values) ** 2) if energy == "tikhonov" else misfit

    def prox(values, dual, step):
        if energy == "tikhonov":
            return _clip(values, domain.bounds), dual
        return _prox_tv(values, dual, share * step, domain.bounds)

    def body(_, state: _State) -> _State:
        value, slope = jax.value_and_grad(smooth)(state.ahead)
        moved, dual = prox(state.ahead - slope / state.curvature, state.dual, 1 / state.curvature)
        change = moved - state.ahead
        bound = value + jnp.vdot(slope, change) + 0.5 * state.curvature * jnp.vdot(change, change)
        # The bound is checked up to the rounding of float32.
        steep = smooth(moved) > bound + 1e-5 * jnp.abs(value)
        uphill = jnp.vdot(state.ahead - moved, moved - state.values) > 0
        momentum = jnp.where(uphill, 1.0, state.momentum)
        following = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + jnp.where(uphill, 0.0, (momentum - 1) / following) * (moved - state.values)
        taken = _State(moved, ahead, following, jnp.maximum(curvature, RELAXED * state.curvature), dual)
        refused = _State(state.values, state.values, jnp.float32(1), 2 * state.curvature, state.dual)
        return jax.tree.map(lambda a, b: jnp.where(steep, a, b), refused, taken)

    curvature = MARGIN * _curvature(smooth, start)
    state = _State(start, start, jnp.float32(1), curvature, jnp.zeros_like(_gradient(start)))
    return jax.lax.fori_loop(0, steps, body, state).values


def _curvature(smooth: Any, start: Values) -> Float[Array, ""]:
    """Estimate the largest second derivative by power iterations with differences of gradients."""
    slope = jax.grad(smooth)
    at_start = slope(start)

    def body(_, carry):
        vector, _ = carry
        product = slope(start + vector) - at_start
        size = jnp.linalg.norm(product.ravel()) + 1e-30
        # A step of length 0.1 in the norm of the largest entry, because the misfit need not be quadratic.
        return 0.1 * product / jnp.abs(product).max().clip(1e-30), size / jnp.linalg.norm(vector.ravel())

    vector = 0.1 * jax.random.uniform(jax.random.key(0), start.shape)
    return jax.lax.fori_loop(0, POWER_STEPS, body, (vector, jnp.float32(0)))[1]


def _prox_tv(values, dual, weight, bounds):
    """Return the V within the bounds that minimises |V - values|²/2 + weight sum |grad V|, and its dual variable.

    Fast gradient projection on the dual problem (Beck and Teboulle, IEEE Trans. Image Process. 2009).
    """
    step = 1 / (4 * (values.ndim - 1) * jnp.maximum(weight, 1e-30))

    def primal(dual):
        return _clip(values - weight * _transpose(dual), bounds)

    def body(_, carry):
        dual, ahead, momentum = carry
        moved = ahead + step * _gradient(primal(ahead))
        moved = moved / jnp.maximum(1, jnp.sqrt(jnp.sum(moved**2, axis=(0, -1))))[None, ..., None]
        following = (1 + jnp.sqrt(1 + 4 * momentum**2)) / 2
        return moved, moved + (momentum - 1) / following * (moved - dual), following

    dual = jax.lax.fori_loop(0, DUAL_STEPS, body, (dual, dual, jnp.float32(1)))[0]
    return primal(dual), dual


def _clip(values, bounds):
    return values if bounds is None else jnp.clip(values, *bounds)


def _gradient(values: Values) -> Float[Array, "D *grid C"]:
    """Return forward differences along every axis, zero at its last node."""
    axes = range(values.ndim - 1)
    ends = (jax.lax.slice_in_dim(values, n - 1, n, axis=a) for a, n in enumerate(values.shape[:-1]))
    return jnp.stack([jnp.diff(values, axis=axis, append=end) for axis, end in zip(axes, ends, strict=True)])


def _transpose(field: Float[Array, "D *grid C"]) -> Values:
    """Apply the adjoint of `_gradient`, derived by JAX so that the two always match."""
    return jax.linear_transpose(_gradient, field[0])(field)[0]
