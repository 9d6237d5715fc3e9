r"""Normal distributions of few variables given noisy observations of some of them: many distributions at once.

Of x ~ N(0, S), some variables are observed with noise of variance s^2. Each observation y_i updates the expected values
and the covariance:

    g = S e_i / (S_ii + s^2),    x <- x + g (y_i - x_i),    S <- S - g (S e_i)^T

In the end, x and S are those given all observations. This is the Kalman filter's update for one scalar after another
(Anderson and Moore, Optimal Filtering, 1979, chapter 6). It takes 2 P^3 operations for P variables, where a Cholesky
factor and triangular solutions take 4/3 P^3. But LAPACK factorises one small matrix after another, while here the
distributions are the last axis of all arrays, so that a vector unit updates several of them in one instruction: for
36 variables, this takes less than a third of the time.
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
        values: y of C independent samples of each distribution; finite, but otherwise not used where nothing is seen.
        seen: 1 where a variable is observed, 0 elsewhere.
        noise: s^2, positive.
    """
    size = len(seen)

    def change(joined, i):
        """Return the column of variable i, and the factor of the change that its observation makes."""
        return joined[:, i], seen[i] / (joined[i, i] + noise)

    def observe(i, carry):
        joined, column, factor = carry
        joined -= column[:, None] * (column[:size] * factor[None])[None]
        # The next column and factor are results of this step, because the compiler would otherwise compute the factor
        # anew for every entry.
        return joined, *change(joined, jnp.minimum(i + 1, size - 1))

    # The rows of y - x change as those of the covariance do.
    joined = jnp.concatenate([covariance, values])
    joined, *_ = jax.lax.fori_loop(0, size, observe, (joined, *change(joined, 0)))
    return values - joined[size:], jnp.diagonal(joined[:size]).T.clip(0)
