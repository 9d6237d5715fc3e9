r"""Normal distributions of few variables given noisy observations of some of them: many distributions at once.

Of x ~ N(0, S), some variables are observed with noise of variance s^2. Each observation y_i updates the expected values
and the covariance:

    g = S e_i / (S_ii + s^2),    x <- x + g (y_i - x_i),    S <- S - g (S e_i)^T

In the end, x and S are those given all observations. This is the Kalman filter's update for one scalar after another
(Anderson and Moore, Optimal Filtering, 1979, chapter 6). It takes 2 P^3 operations for P variables, where a Cholesky
factor and triangular solutions take 4/3 P^3. But LAPACK factorises one small matrix after another, while here the
distributions are the last axis of all arrays, so that a vector unit updates several of them in one instruction: for
36 variables, this took a third of the time.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def given(
    covariance: Float[Array, "P P L"],
    values: Float[Array, "C P L"],
    seen: Float[Array, "P L"],
    noise: float | Float[Array, "L"],
) -> tuple[Float[Array, "C P L"], Float[Array, "P L"]]:
    """Return the expected values given the observations, and the variances that remain.

    Args:
        covariance: S, symmetric and positive semi-definite, of L distributions with mean zero.
        values: y of C independent samples of each distribution; not used where nothing is seen.
        seen: 1 where a variable is observed, 0 elsewhere.
        noise: s^2, positive.
    """
    last = len(seen) - 1

    def gained(covariance, i):
        """Return the covariances with variable i, and the gain of all variables from its observation."""
        column = covariance[i]
        return column, column * (seen[i] / (column[i] + noise))[None]

    def observe(i, carry):
        covariance, expected, column, gain = carry
        expected += gain[None] * (values[:, i] - expected[:, i])[:, None]
        covariance -= gain[:, None] * column[None]
        # The next column and gain are results of this step, because the compiler would otherwise compute the gain anew
        # for every entry of the matrix.
        return covariance, expected, *gained(covariance, jnp.minimum(i + 1, last))

    start = covariance, jnp.zeros_like(values), *gained(covariance, 0)
    covariance, expected, *_ = jax.lax.fori_loop(0, last + 1, observe, start)
    return expected, jnp.diagonal(covariance).T.clip(0)
