"""Other converters around the same chip: the same as a chip made with them, solved only once."""


import pytest
import torch
from torch import nn

from crossbarsim import ParameterError, Solver, Wires
from crossbarsim.nn import CrossbarConfig, calibrate, convert, equip
from crossbarsim.nonidealities import Faults, NonIdealities, Normal, Variability
from crossbarsim.periphery import ADC, DAC, LoadSense, Periphery

EFFECTS = NonIdealities(variability=Variability("r_on", Normal(0.1)), faults=Faults(stuck_on=0.02))


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(2, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 4)).eval()


def chip(periphery, x):
    config = CrossbarConfig(
        tile_shape=(16, 6), wires=Wires(word=2.0, bit=3.0), nonidealities=EFFECTS, seed=4,
        periphery=periphery,
    )
    made = convert(network(), config)
    calibrate(made, [x])
    return made


@pytest.fixture
def x():
    return torch.randn(12, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def adc(bits, **more):
    return Periphery(adc=ADC(bits=bits, offset=0.3), dac=DAC(bits=6), **more)


def test_same_as_made_with_it(x):
    moved = chip(adc(8), x)
    with torch.no_grad():
        moved(x)
        for periphery in (adc(3), adc(5), adc(8), None, adc(4, subtraction="analog")):
            if periphery is not None and periphery.subtraction == "analog":
                moved = chip(adc(8, subtraction="analog"), x)
                moved(x)
            equip(moved, periphery)
            assert torch.allclose(moved(x), chip(periphery, x)(x), rtol=1e-5, atol=1e-7), periphery
            assert moved[0].config.periphery == periphery


def test_arrays_are_solved_once(x, monkeypatch):
    calls = []
    real = Solver.effective_matrices

    def counted(self, crossbars, *rest, **options):
        calls.append(len(crossbars))
        return real(self, crossbars, *rest, **options)

    monkeypatch.setattr(Solver, "effective_matrices", counted)
    with torch.no_grad():
        moved = chip(adc(8), x)
        moved(x)
        before = len(calls)
        for bits in (2, 4, 6):
            equip(moved, adc(bits))
            moved(x)
        assert len(calls) == before > 0
        # amplifiers are part of the circuit
        equip(moved, adc(6, sense=LoadSense(resistance=100.0)))
        loaded = moved(x)
    assert len(calls) > before
    assert not torch.allclose(loaded, chip(adc(6), x)(x), rtol=1e-3)


def test_errors(x):
    moved = chip(adc(8), x)
    with pytest.raises(ParameterError, match="`periphery`"):
        equip(moved, ADC(bits=3))
    with pytest.raises(ParameterError, match="no crossbar layers"):
        equip(network(), None)
