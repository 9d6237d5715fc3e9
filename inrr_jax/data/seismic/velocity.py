"""Models of the velocity under the ground, drawn by a seed: layers, faults, salt, lenses and gas."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

SLOWEST, DEEPEST = 1700.0, 3600.0
"""Mean velocity of the first and of the last layer, in m/s."""
SALT, LENS, GAS = 4300.0, 450.0, -450.0
"""Velocity of salt, and what a lens and a gas cloud add to the velocity around them, in m/s."""
Place = Float[np.ndarray, "nz nx"]
"""Depth, or distance along the surface, of every node as a share of the model's depth and width."""


def draw(kind: str, shape: tuple[int, int], seed: int) -> Float[np.ndarray, "nz nx"]:
    """Return a velocity model in m/s, equal at equal places for every number of nodes.

    Args:
        kind: one of `MODELS`.
        shape: nodes in depth and along the surface.
        seed: determines the layers and what lies in them.
    """
    rng = np.random.default_rng([seed, sorted(MODELS).index(kind)])
    depth, along = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    return MODELS[kind](depth, along, rng).astype(np.float32)


def _layers(depth: Place, rng: np.random.Generator) -> Place:
    """Return 5 to 8 layers of random thickness, faster with depth on the whole but not each."""
    count = rng.integers(5, 9)
    thickness = rng.uniform(0.6, 1.4, count)
    below = np.cumsum(thickness) / thickness.sum()
    speeds = np.linspace(SLOWEST, DEEPEST, count) + rng.uniform(-200, 200, count)
    return speeds[np.minimum(np.searchsorted(below, depth, side="left"), count - 1)]


def flat(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return flat layers."""
    return _layers(depth, rng)


def curved(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return layers that are folded more with depth."""
    waves = sum(rng.uniform(0.02, 0.06) * np.sin(2 * np.pi * (k * along + rng.random())) for k in (0.7, 1.4))
    return _layers(depth + waves * depth, rng)


def fault(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return folded layers that one or two inclined faults displace."""
    for _ in range(rng.integers(1, 3)):
        plane = along - rng.uniform(0.3, 0.7) - rng.uniform(-0.3, 0.3) * depth
        depth = depth + np.where(plane > 0, rng.uniform(0.05, 0.12) * rng.choice([-1, 1]), 0) * np.minimum(3 * depth, 1)
    return curved(depth, along, rng)


def salt(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return folded layers with a body of salt."""
    return np.where(_body(depth, along, rng, (0.12, 0.2), (0.15, 0.22)) < 1, SALT, curved(depth, along, rng))


def lens(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return folded layers with a fast, thin lens."""
    return curved(depth, along, rng) + LENS * (_body(depth, along, rng, (0.05, 0.09), (0.15, 0.25)) < 1)


def gas(depth: Place, along: Place, rng: np.random.Generator) -> Place:
    """Return folded layers with a slow cloud whose border is smooth."""
    inside = np.clip(1.5 - _body(depth, along, rng, (0.1, 0.18), (0.1, 0.18)), 0, 1)
    return curved(depth, along, rng) + GAS * inside


def _body(depth, along, rng, heights, widths):
    """Return the distance from a centre, 1 on the wavy border of a body."""
    down = (depth - rng.uniform(0.35, 0.6)) / rng.uniform(*heights)
    right = (along - rng.uniform(0.35, 0.65)) / rng.uniform(*widths)
    angle, phase = np.arctan2(down, right), rng.uniform(0, 2 * np.pi)
    return np.hypot(down, right) / (1 + 0.15 * np.sin(3 * angle + phase))


MODELS: dict[str, Callable[[Place, Place, np.random.Generator], Place]] = {
    "flat": flat,
    "curved": curved,
    "fault": fault,
    "salt": salt,
    "lens": lens,
    "gas": gas,
}
"""By name."""
