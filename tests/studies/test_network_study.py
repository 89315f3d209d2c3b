"""Anyone's network and data on crossbars: what is shared, what comes out, what is wrong."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score, top_k_accuracy_score
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from crossbarsim import ParameterError, Wires
from crossbarsim.nn import CrossbarConfig, calibrate, convert, report
from crossbarsim.nn.chip import programmer
from crossbarsim.nn.chip.chip import Chip
from crossbarsim.nonidealities import Faults, NonIdealities, ReadNoise
from crossbarsim.periphery import ADC, DAC, Periphery
from crossbarsim.studies import F1, NetworkStudy, Perplexity, Study, TopK, network_study
from crossbarsim.studies.network.batches import batches_of

torch.set_num_threads(1)
N, CLASSES = 48, 5


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, CLASSES))


def examples():
    torch.manual_seed(2)
    x = torch.randn(N, 12)
    with torch.no_grad():
        y = network()(x).argmax(1)
    y[::5] = (y[::5] + 1) % CLASSES
    return x, y


X, Y = examples()
DATA = TensorDataset(X, Y)
CONFIG = CrossbarConfig(tile_shape=(8, 8), wires=Wires(2.0, 2.0),
                        nonidealities=NonIdealities(faults=Faults(stuck_off=0.02)))
AXES = {"wires.word": [0.0, 20.0], "periphery.adc.bits": [3, 8]}


class Causal(nn.Module):
    """A tiny language model as Hugging Face's: dict in, record with logits out."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(9, 6), nn.Linear(6, 9)

    def forward(self, input_ids, attention_mask=None):
        del attention_mask
        return {"logits": self.head(self.embed(input_ids))}


def counted(monkeypatch, owner, name, calls):
    real = getattr(owner, name)

    def wrapped(*arguments, **options):
        calls.append(name)
        return real(*arguments, **options)

    monkeypatch.setattr(owner, name, wrapped)


def alone(config, **options):
    """What a chip made for one point alone gives, put together by hand."""
    chip = convert(network(), config if config.linear is False else config.replace(path="matrix")).eval()
    if not config.exact_reads:
        calibrate(chip, [X], **options)
    with torch.no_grad():
        return chip(X)


def test_every_point_is_what_its_own_chip_would_give():
    outputs = {}

    def keep(found, _):
        outputs[len(outputs)] = found
        return float(len(outputs))

    network_study(network(), DATA, CONFIG, axes=AXES, metric=keep, seeds=2)
    study = NetworkStudy(network(), DATA, CONFIG, axes=AXES, metric=keep, seeds=2)
    order = [n for unit in study._units(None) for n in unit]
    for place, number in enumerate(order):
        sets = study.points.sets(number)
        config = CONFIG.replace(
            wires=Wires(sets["wires.word"], 2.0), seed=sets["seed"],
            periphery=Periphery(adc=ADC(bits=sets["periphery.adc.bits"])),
        )
        # the first output is that of the digital network
        assert torch.equal(outputs[place + 1], alone(config))


def test_what_no_axis_changes_is_computed_once(monkeypatch):
    programmed, reduced, digital = [], [], []
    counted(monkeypatch, Chip, "_undisturbed", programmed)
    counted(monkeypatch, programmer, "reduce_arrays", reduced)
    model = network()
    model.register_forward_hook(lambda *_: digital.append(1))
    arrays = 2 * (2 * 3 + 3 * 1)  # differential: 12x20 and 20x5 on tiles of 8x8
    study = NetworkStudy(model, DATA, CONFIG, axes={"wires.word": [0.0, 5.0, 20.0], "periphery.adc.bits": [3, 5, 8]},
                         metric=["top-1", "agreement"])
    assert len(digital) == 1
    study.run()
    assert len(programmed) == arrays  # for nine points
    assert len(reduced) == 2 * 3  # two layers, for each wire: not for each converter
    assert len(digital) == 1 + 9 * 3  # hooks go with the chip: two passes of calibration, one that counts
    programmed.clear()
    NetworkStudy(model, DATA, CONFIG, axes={"g_off": [1e-6, 2e-6]}, seeds=2).run()
    assert len(programmed) == 4 * arrays  # other devices: other chips


def test_metrics_against_scikit_learn():
    with torch.no_grad():
        scores = network()(X)
    found = network_study(network(), DATA, CrossbarConfig.ideal(), axes={"wires.word": [0.0]}, batch=7, metric={
        "one": "top-1", "two": TopK(2), "macro": "f1", "micro": F1("micro"), "weighted": F1("weighted"),
        "ppl": "perplexity", "agreement": "agreement", "error": "output-error",
        "own": lambda outputs, targets: (outputs.argmax(1) == targets).double().mean(),
    })
    values = {name: found.dataset[name].item() for name in found.measures}
    y, p = Y.numpy(), scores.argmax(1).numpy()
    assert values["one"] == values["own"] == (y == p).mean()
    assert values["two"] == top_k_accuracy_score(y, scores.numpy(), k=2)
    for average in ("macro", "micro", "weighted"):
        assert values[average] == pytest.approx(f1_score(y, p, average=average), abs=1e-12)
    expected = math.exp(nn.functional.cross_entropy(scores.double(), Y))
    assert values["ppl"] == pytest.approx(expected, rel=1e-6)
    assert values["agreement"] == 1.0
    assert values["error"] < 1e-6
    assert found.settings["digital"]["one"] == values["one"]


def test_binary_f1_and_perplexity_of_nothing():
    metric = F1("binary")
    metric.update(torch.tensor([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 1, 0]))
    assert metric.compute() == f1_score([1, 1, 0], [1, 0, 1])
    empty = Perplexity()
    empty.update(torch.zeros(2, 3), torch.full((2,), -100))
    assert math.isnan(empty.compute())


def test_costs_are_those_of_the_report():
    config = CONFIG.replace(periphery=Periphery(dac=DAC(bits=6), adc=ADC(bits=6)))
    found = network_study(network(), [(X, Y)], config, axes={"periphery.adc.bits": [6, 9]},
                          metric=["energy", "latency", "area", "weight-error", "utilisation", "accuracy"])
    chip = convert(network(), config.replace(path="matrix")).eval()
    calibrate(chip, [X])
    cost = report(chip, X).cost
    first = found.dataset.isel({"periphery.adc.bits": 0})
    assert first.energy.item() == cost.energy.total
    assert first.latency.item() == cost.latency
    assert first.area.item() == cost.area.total
    assert found.dataset.energy.attrs["units"] == "J"
    assert found.dataset.energy[1] > found.dataset.energy[0]
    assert 0 < first.weight_error.item() < 1


def test_noise_and_curved_cells_do_not_depend_on_the_points_before():
    noisy = CONFIG.replace(nonidealities=NonIdealities(noise=ReadNoise(bandwidth=1e12)))
    axes = {"wires.word": [1.0, 9.0, 4.0]}
    whole = network_study(network(), DATA, noisy, axes=axes, metric="output-error")
    part = network_study(network(), DATA, noisy, axes={"wires.word": [4.0]}, metric="output-error")
    assert whole.dataset.output_error[2] == part.dataset.output_error[0]


def test_batches_of_all_kinds_are_the_same():
    straight = batches_of(DATA, batch=16)
    assert [len(b) for b in straight] == [16, 16, 16]
    kinds = {
        "loader": DataLoader(DATA, 16), "shuffled": DataLoader(DATA, 16, shuffle=True),
        "pairs": [(X[k:k + 16], Y[k:k + 16]) for k in (0, 16, 32)],
        "generator": ((X[k:k + 16], Y[k:k + 16]) for k in (0, 16, 32)),
        "dicts": [{"x": X[k:k + 16], "labels": Y[k:k + 16]} for k in (0, 16, 32)],
    }
    for name, kind in kinds.items():
        found = batches_of(kind)
        assert torch.equal(torch.cat([b.first for b in found]), X), name
        assert torch.equal(torch.cat([b.targets for b in found]), Y), name

    class Rows:  # as Hugging Face's data sets: no base class
        def __len__(self):
            return N

        def __getitem__(self, k):
            return {"pixel_values": X[k], "label": int(Y[k])}

    found = batches_of(Rows(), batch=16)
    assert torch.equal(torch.cat([b.inputs["pixel_values"] for b in found]), X)
    assert torch.equal(torch.cat([b.targets for b in found]), Y)
    assert sum(map(len, batches_of(DATA, batch=16, examples=20))) == 20


def test_dicts_and_causal_language_models():
    torch.manual_seed(0)
    model, ids = Causal(), torch.randint(0, 9, (6, 10))
    labels = ids.clone()
    labels[:, -2:] = -100
    data = [{"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}]
    found = network_study(model, data, CrossbarConfig.ideal(), axes={"wires.word": [0.0]},
                          metric=["perplexity", "top-1"])
    with torch.no_grad():
        logits = model(ids)["logits"][:, :-1].reshape(-1, 9).double()
    expected = math.exp(nn.functional.cross_entropy(logits, labels[:, 1:].reshape(-1)))
    assert found.dataset.perplexity.item() == pytest.approx(expected, rel=1e-6)


def test_users_model_and_mode_stay():
    model = network().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    network_study(model, DATA, CONFIG, axes={"wires.word": [1.0]})
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


class Ends(IterableDataset):
    def __init__(self, fails=False):
        self.fails = fails

    def __iter__(self):
        yield X[0], Y[0]
        if self.fails:
            raise OSError("the disk is gone")

    def __len__(self):
        return 4


@pytest.mark.parametrize(("data", "options", "message"), [
    ([], {}, "holds no example"), (3, {}, "must bring batches"), (X, {}, "must bring batches"),
    ([(X, Y[:3])], {}, "has 48 inputs and 3 targets"), ([("a", Y)], {}, "must be a pair"),
    ([{"labels": Y}], {}, "has no inputs"), ([(X,)], {}, "the data have no targets"), ([X], {}, "no targets"),
    (DATA, {"examples": 100}, "ended after 48 of 100 examples"),
    ([(X, Y.double())], {}, "targets must be classes"), ([(X, torch.stack([Y, Y], 1))], {}, "do not belong together"),
    (DATA, {"metric": "top-2"}, "no metric 'top-2'; did you mean 'top-"), (DATA, {"metric": []}, "names none"),
    (DATA, {"metric": TopK}, "is a class"), (DATA, {"metric": 3}, "must be a name"),
    (DATA, {"axes": {"wires.wrod": [1.0]}}, r"did you mean 'wires\.word'"),
    (DATA, {"seed": 1}, "no argument `seed`; did you mean 'seeds'"),
])
def test_what_is_wrong_is_told_before_anything_is_measured(data, options, message):
    with pytest.raises(ParameterError, match=message):
        network_study(network(), data, CONFIG, **{"axes": AXES, **options})


@pytest.mark.filterwarnings("ignore:Length of IterableDataset")
@pytest.mark.parametrize(("fails", "message"), [
    (False, "ended after 1 of 4 batches"), (True, "failed at batch 1: OSError: the disk is gone"),
])
def test_a_loader_that_ends_early(fails, message):
    with pytest.raises(ParameterError, match=message):
        network_study(network(), DataLoader(Ends(fails), 1), CONFIG, axes=AXES)


def test_a_model_that_cannot_be_converted():
    with pytest.raises(ParameterError, match="no Linear, convolution"):
        network_study(nn.Sequential(nn.ReLU()), DATA, CONFIG, axes=AXES)


def test_a_metric_that_gives_no_number(tmp_path):
    calls = []

    def metric(*_):
        calls.append(1)
        return 1.0 if len(calls) < 3 + 1 else "good"

    with pytest.raises(ParameterError, match="'metric' must give a number"):
        network_study(network(), DATA, CONFIG, axes=AXES, metric=metric, out=tmp_path)
    assert len((tmp_path / "points.jsonl").read_bytes().splitlines()) == 1 + 2


def test_it_is_a_study(tmp_path):
    study = NetworkStudy(network(), DATA, CONFIG, axes=AXES, seeds=2)
    assert isinstance(study, Study)
    assert study.plan().groups == 2  # chips
    first = study.run(tmp_path)
    assert NetworkStudy(network(), DataLoader(DATA, 128, shuffle=True), CONFIG, axes=AXES, seeds=2).run(
        tmp_path).dataset.identical(first.dataset)
    other = network()
    with torch.no_grad():
        other[0].weight[0, 0] += 1e-3
    with pytest.raises(ParameterError, match="other settings"):
        NetworkStudy(other, DATA, CONFIG, axes=AXES, seeds=2).run(tmp_path)
    assert np.isfinite(first.dataset.accuracy).all()
