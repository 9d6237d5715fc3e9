"""What is added to the fidelity: a sum of terms, pure functions over the fibres of every axis."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jaxtyping import Array, Float, Key

from inrr_jax.regularizers import variation
from inrr_jax.regularizers.dirichlet import ENERGIES, from_adjacency
from inrr_jax.regularizers.laplacian import LAPLACIANS, Laplacian, laplacian
from inrr_jax.settings import RegularizerSettings
from inrr_jax.types import Lines, Params, axis_names

Energies = dict[str, dict[str, Float[Array, ""]]]
"""By term, then by axis; the part of all axes together is `all`, and that of the field's parameters `field`."""
Laplacians = dict[str, dict[str, Float[Array, "n n"]]]
"""By term, then by axis."""


class Regularizer(NamedTuple):
    """init(key) -> parameter groups by term, energies(params, fibers, ...) in mean form, laplacians(params) -> L.

    `fibers` holds, for each axis, values [F, n, C] along it; `beside`, where it is needed, those next to the fibres of
    the first axis, for each of the others; `departure`, where it is needed, that from the signal's extension.
    """

    init: Callable[[Key[Array, ""]], Params]
    energies: Callable[..., Energies]
    laplacians: Callable[[Params], Laplacians]
    beside: bool
    """Whether the fibres beside are needed."""


def make(settings: RegularizerSettings, grid: tuple[int, ...]) -> Regularizer:
    """Build the sum of terms that the settings name, for a signal on the given grid."""
    axes = axis_names(len(grid))
    graphs = {
        term: {axis: LAPLACIANS[term](settings, nodes) for axis, nodes in zip(axes, grid, strict=True)}
        for term in settings.terms
        if term in LAPLACIANS
    }
    others = [term for term in settings.terms if term in VARIATIONS]

    def init(key):
        drawn = {term: _init(key, term, by_axis) for term, by_axis in graphs.items()}
        return {term: params for term, params in drawn.items() if jax.tree.leaves(params)}

    def energies(params, fibers, beside=(), departure=None):
        along = dict(zip(axes, fibers, strict=True))
        found = _each(graphs, params, lambda axis, graph, own: _dirichlet(settings, graph, own, along[axis]))
        found |= {term: VARIATIONS[term](params, along, beside) for term in others}
        return found | ({"extension": {"all": departure}} if "extension" in settings.terms else {})

    def laplacians(params):
        return _each(graphs, params, lambda axis, graph, own: laplacian(graph.adjacency(own)))

    return Regularizer(init, energies, laplacians, beside="tv" in settings.terms)


def _by_axis(energy: Callable) -> Callable:
    return lambda params, along, beside: {axis: energy(fibers) for axis, fibers in along.items()}


VARIATIONS: dict[str, Callable[[Params, dict[str, Float[Array, "_ _ C"]], Lines], dict[str, Float[Array, ""]]]] = {
    "tv": lambda params, along, beside: {"all": variation.tv(along["row"], beside)},
    "tv_anisotropic": _by_axis(variation.tv_anisotropic),
    "tikhonov0": lambda params, along, beside: {"all": variation.tikhonov0(tuple(along.values()))},
    "tikhonov2": _by_axis(variation.tikhonov2),
    "weight_decay": lambda params, along, beside: {"field": variation.weight_decay(params["field"])},
}
"""Terms without a graph: (params, fibres by axis, fibres beside) -> energies."""


def _init(key: Key[Array, ""], term: str, graphs: dict[str, Laplacian]) -> Params:
    """Draw what a term learns; it is the same whatever stands beside the term."""
    first = list(LAPLACIANS).index(term) * len(graphs)
    return {axis: graph.init(jax.random.fold_in(key, first + i)) for i, (axis, graph) in enumerate(graphs.items())}


def _each(graphs: dict[str, dict[str, Laplacian]], params: Params, call: Callable) -> dict[str, dict]:
    """Call with every axis, its graph and the parameters of that."""
    return {
        term: {axis: call(axis, graph, params.get(term, {}).get(axis, {})) for axis, graph in by_axis.items()}
        for term, by_axis in graphs.items()
    }


def _dirichlet(settings: RegularizerSettings, graph: Laplacian, params: Params, along: Float[Array, "F n C"]):
    if graph.factor is None:
        return from_adjacency(along, graph.adjacency(params))
    return ENERGIES[settings.energy](along, graph.factor(params))
