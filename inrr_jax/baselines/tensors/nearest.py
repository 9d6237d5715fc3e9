"""The value of the nearest observed entry."""

from inrr_jax.baselines.tensors.contract import Observed, Spacing, Values, completing


@completing
def nearest(values: Values, mask: Observed, spacing: Spacing) -> Values:
    """Take the value of the observed entry at the smallest Euclidean distance, in the units of the spacing."""
    from scipy.ndimage import distance_transform_edt

    indices = distance_transform_edt(~mask, sampling=spacing, return_distances=False, return_indices=True)
    return values[tuple(indices)]
