"""Regression by a Gaussian process, with scikit-learn, which is an optional dependency."""

from inrr_jax.baselines.points.contract import Points, PointValues, Query, QueryValues, interpolating
from inrr_jax.errors import UserError


@interpolating
def gaussian_process(points: Points, values: PointValues, query: Query) -> QueryValues:
    """Predict the mean of a Gaussian process with noise and a Matern kernel (smoothness 3/2, one length for each axis).

    The lengths and variances maximise the marginal likelihood. The cost grows with the cube of the number of points.

    Raises:
        UserError: scikit-learn is not installed.
    """
    try:
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
    except ImportError:
        raise UserError(
            "a Gaussian process needs scikit-learn, which is not installed: run `pip install scikit-learn`"
        ) from None
    kernel = ConstantKernel() * Matern([1.0] * points.shape[1], nu=1.5) + WhiteKernel(1e-2, (1e-8, 1e1))
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0).fit(points, values)
    return process.predict(query).reshape(len(query), -1)
