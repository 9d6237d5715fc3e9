"""The steps of `benchmarks.derivatives` in plain PyTorch, with derivatives by its double backward.

It runs as a worker: a request {residual, points, width, depth, omega, steps} is answered with the mean seconds of a
step.
"""

import time
from collections.abc import Callable

import torch

from benchmarks import measure
from benchmarks.torch_step import Siren


def slopes(values, points):
    """Return d values / d points, in a graph that can be differentiated."""
    return torch.autograd.grad(values.sum(), points, create_graph=True)[0]


def residual(name: str, network, points):
    """Return the values, the gradient or the Laplacian at points."""
    if name == "values":
        return network(points)
    points.requires_grad_()
    gradient = slopes(network(points), points)
    if name == "gradient":
        return gradient
    return sum(slopes(gradient[:, i], points)[:, i] for i in range(points.shape[1]))


def compile_steps(request) -> Callable[[], None]:
    """Return a function that takes one step of Muon and Adam on the mean squared residual at random points."""
    network = Siren(2, 1, request["width"], request["depth"], request["omega"])
    first, *hidden, last = network.layers
    matrices = [layer.weight for layer in hidden]
    rest = [*first.parameters(), *(layer.bias for layer in hidden), *last.parameters()]
    optimizers = [
        torch.optim.Muon(matrices, lr=1e-3, momentum=0.95, weight_decay=0.0),
        torch.optim.Adam(rest, lr=1e-4),
    ]

    def step():
        points = 2 * torch.rand(request["points"], 2) - 1
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        (residual(request["residual"], network, points) ** 2).mean().backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def main() -> None:
    """Answer requests until standard input closes."""
    tasks: dict[str, Callable[[], None]] = {}

    def reply(request):
        name = str(request)
        if name not in tasks:
            tasks[name] = compile_steps(request)
        start = time.perf_counter()
        for _ in range(request["steps"]):
            tasks[name]()
        return {"seconds": (time.perf_counter() - start) / request["steps"]}

    measure.answer(reply)


if __name__ == "__main__":
    main()
