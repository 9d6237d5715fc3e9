"""The same steps in plain PyTorch, from the formulas: full batch with Adam, and fibres with Muon.

A worker of `benchmarks.step`: each line of JSON names a task, and is answered with its seconds and page faults.
"""

import math
import resource
import time
from collections.abc import Callable

import torch
from torch import nn

from benchmarks import measure
from inrr_jax.settings import Settings, from_mapping


class Siren(nn.Module):
    """x_1 = sin(omega (x W_0 + b_0)), x_{l+1} = sin(x_l W_l + b_l), y = x_L W_L + b_L."""

    def __init__(self, inputs: int, outputs: int, width: int, depth: int, omega: float):
        super().__init__()
        sizes = [inputs, *[width] * depth, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.omega = omega
        for i, layer in enumerate(self.layers):
            bound = 1 / inputs if i == 0 else math.sqrt(6 / width)
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)

    def forward(self, x):
        """Evaluate at points [N, K]."""
        first, *hidden, last = self.layers
        x = torch.sin(self.omega * first(x))
        for layer in hidden:
            x = torch.sin(layer(x))
        return last(x)


def energy(columns, logits):
    """Mean-form Dirichlet energy of columns [n, F], matrix-free, from A = (R / n) G G^T with G = softmax(logits)."""
    factor = torch.softmax(logits.float(), dim=-1)
    nodes, rank = factor.shape
    columns = columns - columns.mean(dim=0, keepdim=True)
    degree = factor @ factor.sum(dim=0)
    total = (degree[:, None] * columns**2).sum() - ((factor.T @ columns) ** 2).sum()
    return rank / nodes * total / columns.numel()


def stratified(population: int, count: int):
    """Draw one index uniformly from each of `count` equal stripes."""
    drawn = (torch.arange(count) + torch.rand(count)) * (population / count)
    return drawn.long().clamp(max=population - 1)


class Fit:
    """A grey square picture, half of it observed, and the networks that learn it."""

    def __init__(self, side: int, settings: Settings):
        field, graph = settings.field, settings.regularizer
        self.settings, self.side = settings, side
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
            torch.optim.Muon([layer.weight for layer in hidden], lr=rates.matrix_rate, momentum=0.95, weight_decay=0.0),
            torch.optim.Adam([{"params": parameters, "lr": rate} for parameters, rate in groups]),
        ]

    def evaluate(self, points):
        """Return values in (0, 1), with the products in the settings' precision."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.field.precision == "bfloat16"):
            values = self.field(points)
        return torch.sigmoid(values.float())[:, 0]

    def regularized(self, fidelity, along):
        """Return the loss, from the predicted columns along both axes."""
        energies = [
            energy(columns, graph(self.axis[:, None])) for columns, graph in zip(along, self.graphs, strict=True)
        ]
        return fidelity + self.settings.regularizer.weight.inrr * sum(energies)

    def everything(self):
        """Return the loss of the whole grid."""
        predicted = self.evaluate(self.points).reshape(self.side, self.side)
        fidelity = (((predicted - self.picture) * self.mask) ** 2).sum() / predicted.numel()
        return self.regularized(fidelity, (predicted, predicted.T))

    def sampled(self):
        """Return the loss of random columns and rows."""
        count = self.settings.train.fibers
        columns, rows = stratified(self.side, count), stratified(self.side, count)
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
        """Take one step."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss = self.sampled() if self.settings.train.fibers else self.everything()
        loss.backward()
        for optimizer in self.optimizers:
            optimizer.step()
        return float(loss.detach())


def product(side: int, precision: str) -> Callable[[], None]:
    """Return the product of two square matrices, to be timed."""
    a, b = (torch.rand(side, side).to(getattr(torch, precision)) for _ in range(2))
    return lambda: torch.mm(a, b)


def main() -> None:
    """Answer {side, settings, steps} by the seconds and page faults of a step, {product, precision} by seconds."""
    tasks: dict[str, Callable] = {}

    def reply(request):
        name = str(request)
        if name not in tasks and "product" in request:
            tasks[name] = product(request["product"], request["precision"])
        elif name not in tasks:
            tasks[name] = Fit(request["side"], from_mapping(request["settings"])).step
        repeats = request["steps"]
        faults, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
        for _ in range(repeats):
            tasks[name]()
        took = (time.perf_counter() - start) / repeats
        faults = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) / repeats
        return {"seconds": took, "faults": faults}

    measure.answer(reply)


if __name__ == "__main__":
    main()
