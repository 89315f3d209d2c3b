"""A network of eleven million weights stays small in memory."""

import json
import subprocess
import sys

import pytest

RESNET = """
import json, resource, sys
import torch
from torch import nn
from torch.nn import functional as F
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nonidealities import ConductanceStates, Faults, NonIdealities, Normal, Variability
from crossbarsim.periphery import ADC, DAC, Periphery

class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.short = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.short = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.short(x))

torch.manual_seed(0)
blocks, width = [], 64
for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
    blocks += [Block(width, outputs, stride), Block(outputs, outputs, 1)]
    width = outputs
model = nn.Sequential(  # ResNet-18 for CIFAR (He et al., CVPR 2016)
    nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *blocks,
    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)).eval()
weights = sum(p.numel() for p in model.parameters())
effects = NonIdealities(variability=Variability("r_on", Normal(0.1)),
                        faults=Faults(stuck_off=0.01), states=ConductanceStates(16))
config = CrossbarConfig.ideal(nonidealities=effects, precision="float32",
                              periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)))
x = torch.randn(8, 3, 32, 32)
chip = convert(model, config)
calibrate(chip, [x])
with torch.no_grad():
    error = float((chip(x) - model(x)).norm() / model(x).norm())
chip.train()
chip(x[:2]).square().sum().backward()
gradient = sum(float(p.grad.square().sum()) for p in chip.parameters())
unit = 2**30 if sys.platform == "darwin" else 2**20  # bytes there, KiB elsewhere
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
print(json.dumps([weights, error, gradient, peak]))
"""


@pytest.mark.slow
def test_resnet18_in_less_than_three_gibibytes():
    pytest.importorskip("resource")  # Windows has none
    out = subprocess.run([sys.executable, "-c", RESNET], capture_output=True, text=True, check=True)
    weights, error, gradient, peak = json.loads(out.stdout)
    assert weights > 11e6
    assert 0.001 < error < 0.5
    assert gradient > 0
    assert peak < 3.0

LANGUAGE = """
import json
from benchmarks.language_model import reduce
found = reduce(2, 32)
print(json.dumps([found["weights"], found["error"], found["bytes"] - found["before"]]))
"""


@pytest.mark.slow
def test_blocks_of_gpt2_are_reduced_layer_by_layer():
    pytest.importorskip("resource")
    out = subprocess.run([sys.executable, "-c", LANGUAGE], capture_output=True, text=True, check=True)
    weights, error, more = json.loads(out.stdout)
    assert weights == 2 * 12 * 768**2
    assert 0.01 < error < 0.5
    # the matrices in single precision, and what a few tiles take: not the conductances of all, which
    # are 16 bytes a weight
    assert more < 4 * weights + 0.3e9 < (4 + 16) * weights + 0.1e9
