"""Torch's tools that need processes or packages of their own: loaders' workers, DDP, pruning, ONNX."""

import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.utils.data import DataLoader

from crossbarsim import Wires
from crossbarsim.nn import CrossbarConfig, CrossbarLinear, bake, calibrate, convert
from crossbarsim.periphery import ADC, DAC, Periphery
from tests.helpers.loaded import Solved, chip, ddp_process, samples, step

torch.set_num_threads(1)
CONFIG = CrossbarConfig(tile_shape=(16, 8), wires=Wires(2.0, 2.0), path="matrix")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads: meant here
@pytest.mark.parametrize("how", [
    "fork", pytest.param("spawn", marks=pytest.mark.slow), pytest.param("forkserver", marks=pytest.mark.slow)])
def test_workers_of_loaders_solve_circuits(how):
    if how not in torch.multiprocessing.get_all_start_methods():
        pytest.skip(f"no {how} here")
    data = Solved()
    alone = [data[k] for k in range(len(data))]  # compiled kernels and their threads are there before the fork
    loader = DataLoader(data, batch_size=3, num_workers=2, multiprocessing_context=how)
    found = list(loader)
    assert len(found) == 2
    for k in range(2):
        torch.testing.assert_close(torch.cat([batch[k] for batch in found]), torch.stack([one[k] for one in alone]),
                                   rtol=1e-12, atol=1e-15)


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("no gloo here")
    torch.multiprocessing.spawn(ddp_process, (str(tmp_path),), nprocs=2)
    alone = chip()
    step(alone, samples())
    for rank in range(2):
        state = torch.load(tmp_path / f"{rank}.pt")
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(state[name], value, rtol=1e-10, atol=1e-12)
    assert not torch.allclose(alone[0].weight, chip()[0].weight)


def test_pruned_layers_are_those_of_their_masked_weights():
    torch.manual_seed(0)
    layer = CrossbarLinear(12, 9, config=CONFIG).double()
    x = torch.randn(4, 12, dtype=torch.float64)
    whole = layer(x).detach()
    prune.l1_unstructured(layer, "weight", amount=0.5)
    digital = nn.Linear(12, 9).double()
    digital.load_state_dict({"weight": layer.weight.detach(), "bias": layer.bias.detach()})
    expected = CrossbarLinear.from_digital(digital, CONFIG)(x)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    layer(x).square().sum().backward()
    assert not layer.weight_orig.grad[layer.weight_mask == 0].any()
    prune.remove(layer, "weight")
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
    assert not torch.allclose(expected, whole)


def test_tied_layers_follow_one_weight():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.there, self.back = nn.Linear(9, 9), nn.Linear(9, 9)
            self.back.weight = self.there.weight

        def forward(self, x):
            return self.back(torch.tanh(self.there(x)))

    torch.manual_seed(0)
    model, x = Tied().double(), torch.randn(4, 9, dtype=torch.float64)
    tied, ideal = convert(model, CONFIG), convert(model, CrossbarConfig.ideal())
    assert tied.there.weight is tied.back.weight
    assert len(list(tied.parameters())) == 3
    for one in (tied, ideal, model):
        step(one, x)
    torch.testing.assert_close(ideal.there.weight, model.there.weight, rtol=1e-10, atol=1e-12)
    copied = copy.deepcopy(tied)
    assert copied.there.weight is copied.back.weight
    with torch.no_grad():
        torch.testing.assert_close(copied(x), tied(x), rtol=0, atol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize("converters", [False, True])
def test_baked_networks_run_in_onnx(tmp_path, converters):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5))
    x = torch.randn(4, 1, 8, 8)
    around = {"periphery": Periphery(dac=DAC(bits=6), adc=ADC(bits=8)), "precision": "float32"} if converters else {}
    network = convert(model, CONFIG.replace(**around))
    if converters:
        calibrate(network, [x])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(bake(network, x), (x,), tmp_path / "chip.onnx", dynamo=True, verbose=False)
    session = runtime.InferenceSession(tmp_path / "chip.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        expected = network(x)
    # single precision: a sum on the edge of a code may fall to the other side
    off = float((torch.from_numpy(found) - expected).norm() / expected.norm())
    assert off < (0.02 if converters else 1e-5)
