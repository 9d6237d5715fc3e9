"""Refuses grids, positions and bands that no survey can have, in one line each."""

import numpy as np

from inrr_jax.errors import UserError

LEAST = 4
"""Nodes along the surface, and in depth below the water, of the smallest model."""


def check_nodes(shape: tuple, wet: int) -> None:
    """Refuse a grid that is not two-dimensional, or has too few nodes below `wet` rows of water.

    Raises:
        UserError: the grid is so.
    """
    if len(shape) != 2 or any(type(count) is not int for count in shape):
        raise UserError(
            f"data.nodes={shape}: give two whole numbers, the nodes in depth and along the surface, such as (40, 120)"
        )
    if shape[0] - wet < LEAST or shape[1] < LEAST:
        raise UserError(
            f"a model of {shape[0]} x {shape[1]} nodes with {wet} rows of water: give at least {LEAST} rows below the"
            f" water and {LEAST} columns, or a smaller data.water"
        )


def check_positions(name: str, option: tuple, least: int) -> None:
    """Refuse sources or receivers that are neither a whole number of them nor distances.

    Args:
        name: of the option.
        option: its value.
        least: the smallest number.

    Raises:
        UserError: they are not.
    """
    numbers = bool(option) and all(type(value) in (int, float) and np.isfinite(value) for value in option)
    if not numbers or (len(option) == 1 and type(option[0]) is int and option[0] < least):
        raise UserError(
            f"data.{name}={option}: give their number, a whole one of at least {least}, such as (8,), or distances in"
            " m, such as (0.0, 500.0)"
        )


def check_band(low: float, high: float, slowest: float, spacing: float, sample: float) -> None:
    """Refuse a band whose waves are too short for the grid or for the samples of a file.

    Args:
        low: lower end in Hz.
        high: upper end in Hz.
        slowest: smallest velocity in m/s.
        spacing: of the nodes in m.
        sample: time between the samples of the files in s; 0: there are no files.

    Raises:
        UserError: the upper end is not above the lower end, a wave has less than two nodes, or less than two samples.
    """
    if low >= high:
        raise UserError(f"data.bands has the upper end {high:g} Hz: give ends above data.lowest={low:g} Hz")
    if high > slowest / (2 * spacing):
        raise UserError(
            f"a band up to {high:g} Hz: waves of {slowest:g} m/s are then shorter than two nodes of {spacing:g} m: give"
            f" data.lowest and data.bands below {slowest / (2 * spacing):g} Hz, or a smaller data.spacing"
        )
    if sample and high > 1 / (2 * sample):
        raise UserError(
            f"data.sample={sample:g} s is too long for a band up to {high:g} Hz, which needs at most"
            f" {1 / (2 * high):.3g} s: is it in ms, or in microseconds?"
        )
