"""A study over any axes, on any number of workers: bits, wires and faults of your network.

Interrupt it and run it again: finished points are kept in the folder `study`.
"""

import torch
from torch import nn

from crossbarsim.nn import CrossbarConfig
from crossbarsim.periphery import ADC, Periphery
from crossbarsim.studies import Axis, network_study


def main():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    x = torch.randn(256, 16)
    held_out = torch.utils.data.TensorDataset(x, model(x).argmax(1))
    result = network_study(
        model, held_out, CrossbarConfig(r_on_sigma=0.1, periphery=Periphery(adc=ADC(bits=8))),
        axes={
            "wire": Axis([0.0, 5.0, 20.0, 50.0], fields=("wires.word", "wires.bit"), unit="ohm"),
            "periphery.adc.bits": [4, 6, 8],
        },
        metric=["agreement", "energy"], seeds=3, out="study", workers=2,
    )
    print(result.markdown())
    result.plot("agreement", x="wire", hue="bits").savefig("study_of_your_own.png", dpi=150)
    result.to_html("study_of_your_own.html")  # one file, to send to others


if __name__ == "__main__":  # workers import this file
    main()
