"""Recovery of large pictures in overlapping tiles: time follows the missing pixels, memory the size of a tile.

A missing pixel depends on the observed ones around it and on similar patches nearby, not on the far side of the
picture. plan.py cuts the picture into tiles, weights.py chooses one set of weights for all of them, and filling.py
fills them.
"""

from inrr_jax.recipes.tiles.filling import Kept, recover, suits

__all__ = ["Kept", "recover", "suits"]
