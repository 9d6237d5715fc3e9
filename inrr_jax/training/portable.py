"""A fitted field as data and compiled programs: what it takes to evaluate it with JAX and without this package.

The programs are functions of a flat dictionary of arrays and of positions relative to the centre of the grid. The
arrays are data, so that one program serves all fields of the same shapes.
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, Float

from inrr_jax.operators import differential
from inrr_jax.operators.taylor import expand
from inrr_jax.options import change, names
from inrr_jax.problem import Domain, Evaluate
from inrr_jax.settings import Settings
from inrr_jax.training.programs import StaticKey, static_key
from inrr_jax.types import Params

Arrays = Mapping[str, Any]
"""`field/...`: the parameters; `hyper/...`: the field's hyper-parameters; `scale` [D]: from the caller's coordinates to
the network's."""
PLATFORMS = ("cpu", "cuda", "tpu")


def flatten(params: Params, hyper: Mapping[str, float], scale: Float[np.ndarray, "D"]) -> dict[str, np.ndarray]:
    """Return the arrays of a field as one flat dictionary."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(params)
    found = {"/".join(["field", *(str(entry.key) for entry in path)]): np.asarray(leaf) for path, leaf in leaves}
    return found | {f"hyper/{name}": np.asarray(value, np.float32) for name, value in hyper.items()} | {"scale": scale}


def parameters(arrays: Arrays) -> Params:
    """Return the parameters among the arrays, as the nested dictionary that the field takes."""
    params: Params = {}
    for name, array in arrays.items():
        *groups, last = name.split("/")
        if groups[:1] == ["field"]:
            functools.reduce(lambda tree, group: tree.setdefault(group, {}), groups[1:], params)[last] = array
    return params


def program_key(settings: Settings) -> StaticKey:
    """Return the key of the programs that evaluate a field on one device, on all positions at once."""
    whole = {"tile": 0, "sharded": False}
    found = {f"field.{name}": whole.get(name.rpartition(".")[2]) for name in names(settings.field)}
    return static_key(change(settings, {name: value for name, value in found.items() if value is not None}))


def _signal(arrays: Arrays, domain: Domain, static: StaticKey) -> Evaluate:
    """Return the signal as a function of positions relative to the centre of the grid, in the caller's unit."""
    field, params = static.build_field(domain), parameters(arrays)
    hyper = {name.removeprefix("hyper/"): value for name, value in arrays.items() if name.startswith("hyper/")}
    return lambda points: field.apply(params, points * arrays["scale"][None, :], hyper)


@functools.partial(jax.jit, static_argnames=("domain", "static"))
def values(arrays: Arrays, points: Float[Array, "N D"], *, domain: Domain, static: StaticKey) -> Float[Array, "N C"]:
    """Return the values at positions."""
    return _signal(arrays, domain, static)(points)


@functools.partial(jax.jit, static_argnames=("domain", "static"))
def gradient(
    arrays: Arrays, points: Float[Array, "N D"], *, domain: Domain, static: StaticKey
) -> Float[Array, "N C D"]:
    """Return the derivatives of every channel along every axis."""
    # In forward mode throughout: the reverse mode of bfloat16 products fixes a layout, which no exported program may.
    return jnp.stack(expand(_signal(arrays, domain, static), points).slopes, axis=-1)


@functools.partial(jax.jit, static_argnames=("domain", "static"))
def laplacian(arrays: Arrays, points: Float[Array, "N D"], *, domain: Domain, static: StaticKey) -> Float[Array, "N C"]:
    """Return the sum of the second derivatives of every channel along all axes."""
    return differential.laplacian(_signal(arrays, domain, static), points)


PROGRAMS = {"values": values, "gradient": gradient, "laplacian": laplacian}


def programs(arrays: Arrays, domain: Domain, static: StaticKey) -> dict[str, bytes]:
    """Export the programs by name, for any number of positions and for all platforms.

    Returns:
        What `jax.export.deserialize` takes; its `call` takes the arrays and the positions [N, D] in float32.
    """
    like = tuple((name, np.shape(x), np.result_type(x)) for name, x in arrays.items())
    return dict(_exported(like, domain, static))


@functools.lru_cache(maxsize=8)
def _exported(
    like: tuple[tuple[str, tuple[int, ...], np.dtype], ...], domain: Domain, static: StaticKey
) -> tuple[tuple[str, bytes], ...]:
    """Return the programs for arrays of given names, shapes and types; those of the last fields are kept."""
    arrays = {name: jax.ShapeDtypeStruct(shape, kind) for name, shape, kind in like}
    points = jax.ShapeDtypeStruct((*export.symbolic_shape("N"), len(domain.shape)), np.float32)
    found = []
    for name, function in PROGRAMS.items():
        jitted = jax.jit(functools.partial(function, domain=domain, static=static))
        found.append((name, bytes(export.export(jitted, platforms=PLATFORMS)(arrays, points).serialize())))
    return tuple(found)
