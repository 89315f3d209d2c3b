"""A trained PyTorch network on crossbars: one call, then its accuracy with exact wires."""

import torch
from sklearn.datasets import load_digits
from torch import nn

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, calibrate, convert, report
from crossbarsim.periphery import ADC, DAC, Periphery

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for _ in range(150):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x[:1400]), y[:1400]).backward()
    optimizer.step()


def accuracy(network):
    with torch.no_grad():
        return (network(x[1400:]).argmax(1) == y[1400:]).double().mean().item()


print(f"digital: {accuracy(model):.1%}")
for ohm in (0.0, 5.0, 20.0, 50.0):
    config = CrossbarConfig(
        tile_shape=(128, 128), wires=Wires(word=ohm, bit=ohm), g_on=1e-4, g_off=1e-6,
        r_on_sigma=0.1, periphery=Periphery(dac=DAC(bits=8), adc=ADC(bits=8)), seed=1,
    )
    chip = convert(model.eval(), config)
    calibrate(chip, [x[:200]])  # ranges of inputs and converters
    plain = accuracy(chip)
    calibrate(chip, [x[:200]], correct=True)  # and a gain and an offset per output
    print(f"{ohm:4g} ohm: {plain:.1%}, corrected {accuracy(chip):.1%}")
print(report(chip, x[:50]))
