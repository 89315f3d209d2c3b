"""Networks of known size, with random weights: how fast they run does not depend on the values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["NETWORKS", "images"]


def lenet() -> nn.Module:
    """LeNet as in MemTorch's tutorial: 20 and 50 kernels of 5x5, 500 hidden, 28x28 images."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.ReLU(), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions and a way round them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        same = inputs == outputs and stride == 1
        self.round = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum of both ways."""
        y: Tensor = torch.relu(self.second(torch.relu(self.first(x))) + self.round(x))
        return y


def resnet18() -> nn.Module:
    """ResNet-18 for 32x32 images, batch normalisation folded: 11.2 million weights."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1), nn.ReLU()]
    inputs = 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Residual(inputs, outputs, stride), Residual(outputs, outputs, 1)]
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


NETWORKS: dict[str, Any] = {"LeNet": (lenet, (1, 28, 28)), "ResNet-18": (resnet18, (3, 32, 32))}


def images(name: str, count: int) -> Tensor:
    """Return random images (count, C, H, W) for a network."""
    shape: tuple[int, int, int] = NETWORKS[name][1]
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))
