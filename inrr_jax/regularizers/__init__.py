"""What is added to the fidelity: pure functions over the fibres of every axis."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Key

from inrr_jax.regularizers.dirichlet import ENERGIES, from_adjacency
from inrr_jax.regularizers.laplacian import LAPLACIANS, Laplacian, laplacian
from inrr_jax.settings import RegularizerSettings
from inrr_jax.types import Params, axis_names


class Regularizer(NamedTuple):
    """init(key) -> parameter groups, energies(params, fibers) -> named terms, laplacians(params) -> L by axis.

    `fibers` holds, for each axis, values [F, n, C] along it.
    """

    init: Callable[[Key[Array, ""]], Params]
    energies: Callable[[Params, tuple[Float[Array, "_ _ C"], ...]], dict[str, Float[Array, ""]]]
    laplacians: Callable[[Params], dict[str, Float[Array, "n n"]]]


def make(settings: RegularizerSettings, grid: tuple[int, ...]) -> Regularizer:
    """Build the regulariser that the settings name, for a signal on the given grid."""
    if settings.name == "none":
        return Regularizer(lambda key: {}, lambda params, fibers: {}, lambda params: {})
    build = LAPLACIANS[settings.name]
    graphs = {name: build(settings, nodes) for name, nodes in zip(axis_names(len(grid)), grid, strict=True)}

    def init(key):
        drawn = {name: graph.init(jax.random.fold_in(key, i)) for i, (name, graph) in enumerate(graphs.items())}
        return {name: params for name, params in drawn.items() if params}

    def energies(params, fibers):
        pairs = zip(graphs.items(), fibers, strict=True)
        return {
            f"energy_{name}": _energy(settings, graph, params.get(name, {}), along) for (name, graph), along in pairs
        }

    def laplacians(params):
        return {name: laplacian(graph.adjacency(params.get(name, {}))) for name, graph in graphs.items()}

    return Regularizer(init, energies, laplacians)


def _energy(settings: RegularizerSettings, graph: Laplacian, params: Params, along: Float[Array, "F n C"]):
    if graph.factor is None:
        return from_adjacency(along, graph.adjacency(params))
    return ENERGIES[settings.energy](along, graph.factor(params))
