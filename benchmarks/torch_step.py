"""The optimiser steps of `benchmarks.step` in plain PyTorch: the full batch with Adam, and random fibers with Muon.

The code is written from the same formulas as this package, without sharing its implementation. It runs as a worker of
`benchmarks.step`: each line of JSON on standard input names a task, and the answer holds its seconds and page faults.
"""

import math
import resource
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmarks import measure
from inrr_jax.fields import siren
from inrr_jax.options import from_mapping
from inrr_jax.regularizers import inrr
from inrr_jax.settings import Settings
from inrr_jax.training.optimizers import SQUARE_DECAY


class Siren(nn.Module):
    """x_1 = sin(ω (x W_0 + b_0)),  x_{l+1} = sin(x_l W_l + b_l),  y = x_L W_L + b_L: INRR's variant of SIREN."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int, omega: float):
        """Draw the initial parameters.

        Args:
            inputs: K, coordinates of a point.
            outputs: channels of the output.
            width: units of each hidden layer.
            depth: L, hidden layers.
            omega: ω, frequency factor of the first layer in radians.
        """
        super().__init__()
        sizes = [inputs, *[width] * depth, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.omega = omega
        for i, layer in enumerate(self.layers):
            bound = 1 / inputs if i == 0 else math.sqrt(6 / width)
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def forward(self, x):
        """Return the unbounded values [N, outputs] at points [N, K] in [-1, 1]."""
        first, *hidden, last = self.layers
        x = torch.sin(self.omega * first(x))
        for layer in hidden:
            x = torch.sin(layer(x))
        return last(x)


def energy(columns, logits):
    """Return the mean-form Dirichlet energy of columns [n, F], without an n x n matrix.

    E = R / (n² F) [sum_i (G Gᵀ 1)_i |x_i|² - |Gᵀ X|²]  with  G = softmax(logits), for A = (R / n) G Gᵀ.

    Args:
        columns: X, values at the n nodes of F fibers.
        logits: [n, R].
    """
    factor = torch.softmax(logits.float(), dim=-1)
    nodes, rank = factor.shape
    # The energy does not depend on the mean of a column, and float32 loses precision if the mean is large.
    columns = columns - columns.mean(dim=0, keepdim=True)
    degree = factor @ factor.sum(dim=0)
    total = (degree[:, None] * columns**2).sum() - ((factor.T @ columns) ** 2).sum()
    return rank / nodes * total / columns.numel()


def stratified(population: int, count: int):
    """Draw one index uniformly from each of `count` stripes of equal length that partition [0, population)."""
    drawn = (torch.arange(count) + torch.rand(count)) * (population / count)
    return drawn.long().clamp(max=population - 1)  # float32 may round the last index up


class Fit:
    """A fit of INRR to a random grey square picture of which half is observed."""

    def __init__(self, side: int, settings: Settings):
        """Draw the picture, its mask and the initial parameters.

        Args:
            side: of the picture in pixels.
            settings: of the fit, with a SIREN as field, the regularisation term `inrr`. The rates are constant,
                whatever the schedule, which does not change the time of a step.
        """
        field, graph = settings.field, settings.regularizer.terms["inrr"]
        assert isinstance(field, siren.Config)
        assert isinstance(graph, inrr.Config)
        self.settings, self.side, self.weight = settings, side, graph.weight
        self.picture, self.mask = torch.rand(side, side), torch.rand(side, side) > 0.5
        self.axis = torch.linspace(-1, 1, side)
        self.points = torch.cartesian_prod(self.axis, self.axis)
        self.field = Siren(2, 1, field.width, field.depth, field.omega)
        rank = min(graph.rank, side)
        self.graphs = nn.ModuleList(Siren(1, rank, graph.width, graph.depth, graph.omega) for _ in range(2))
        self.optimizers = self._adam() if settings.optimizer.name == "adam" else self._muon()

    def _adam(self):
        rates = self.settings.optimizer
        groups = [(self.field, rates.field_rate), (self.graphs, rates.laplacian_rate)]
        return [torch.optim.Adam([{"params": list(module.parameters()), "lr": rate} for module, rate in groups])]

    def _muon(self):
        rates, (first, *hidden, last) = self.settings.optimizer, self.field.layers
        rest = [layer.bias for layer in hidden] + list(last.parameters())
        groups = [
            (rest, rates.field_rate),
            (list(first.parameters()), rates.field_rate * rates.first_scale),
            (list(self.graphs.parameters()), rates.laplacian_rate),
        ]
        return [
            torch.optim.Muon(
                [layer.weight for layer in hidden], lr=rates.matrix_rate, momentum=rates.momentum, weight_decay=0.0
            ),
            torch.optim.Adam(
                [{"params": parameters, "lr": rate} for parameters, rate in groups],
                betas=(0.9, rates.square_decay or SQUARE_DECAY["muon"]),
            ),
        ]

    def evaluate(self, points):
        """Return values [N] in (0, 1) at points [N, 2], with matrix products in the precision of the settings."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.field.precision == "bfloat16"):
            values = self.field(points)
        return torch.sigmoid(values.float())[:, 0]

    def regularized(self, fidelity, along):
        """Return the loss: the fidelity plus the weighted energies of both axes.

        Args:
            fidelity: mean squared error on the observed entries.
            along: predicted fibers [n, F] along each of the two axes.
        """
        energies = [
            energy(columns, graph(self.axis[:, None])) for columns, graph in zip(along, self.graphs, strict=True)
        ]
        return fidelity + self.weight * sum(energies)

    def everything(self):
        """Return the loss on the whole grid."""
        predicted = self.evaluate(self.points).reshape(self.side, self.side)
        fidelity = (((predicted - self.picture) * self.mask) ** 2).sum() / predicted.numel()
        return self.regularized(fidelity, (predicted, predicted.T))

    def sampled(self):
        """Return the loss on random columns and rows, which is an unbiased estimate of that on the whole grid."""
        count = self.settings.train.fibers
        columns, rows = stratified(self.side, count), stratified(self.side, count)
        # Both sets of fibers are evaluated in one batch, which is faster than one batch for each.
        entries = torch.cat(
            [
                torch.cartesian_prod(columns, torch.arange(self.side)).flip(1),
                torch.cartesian_prod(rows, torch.arange(self.side)),
            ]
        )
        predicted = self.evaluate(self.axis[entries])
        i, j = entries.T
        fidelity = (((predicted - self.picture[i, j]) * self.mask[i, j]) ** 2).sum() / predicted.numel()
        along = predicted.reshape(2, count, self.side)
        return self.regularized(fidelity, (along[0].T, along[1].T))

    def step(self):
        """Take one optimiser step and return its loss."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss = self.sampled() if self.settings.train.fibers else self.everything()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return float(loss.detach())


def product(side: int, precision: str) -> Callable[[], None]:
    """Return a function that multiplies two random square matrices.

    Args:
        side: of the matrices.
        precision: of operands and result, `float32` or `bfloat16`.
    """
    a, b = (torch.rand(side, side).to(getattr(torch, precision)) for _ in range(2))
    return lambda: torch.mm(a, b)


def main() -> None:
    """Answer the requests of `benchmarks.step` until standard input closes.

    A request {side, settings, steps} names a fit, {product, precision, steps} a matrix product. The answer to both
    holds the mean `seconds` and page `faults` of one of the `steps` repetitions.
    """
    tasks: dict[str, Callable] = {}

    def reply(request):
        # Tasks are kept, so that a fit continues at the next request and only its first request initialises it.
        name = str(request)
        if name not in tasks and "product" in request:
            tasks[name] = product(request["product"], request["precision"])
        elif name not in tasks:
            tasks[name] = Fit(request["side"], from_mapping(request["settings"], Settings)).step
        repeats = request["steps"]
        faults, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        for _ in range(repeats):
            tasks[name]()
        elapsed = (time.perf_counter() - start) / repeats
        faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / repeats
        return {"seconds": elapsed, "faults": faults}

    measure.answer(reply)


if __name__ == "__main__":
    main()
