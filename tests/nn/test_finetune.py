"""Fine-tuning on crossbars: from the corrected network, resumable, with everything trained."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from crossbarsim import Wires
from crossbarsim.core.errors import ParameterError
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nn.calibrate import stored_names
from crossbarsim.nn.train import FinetuneConfig, finetune
from crossbarsim.periphery import ADC, DAC, Periphery

RNG = np.random.default_rng(3)
CENTRES = RNG.normal(size=(5, 20))
LABELS = torch.from_numpy(RNG.integers(0, 5, 320))
IMAGES = torch.from_numpy(CENTRES[LABELS] + 1.1 * RNG.normal(size=(320, 20))).float().relu()
TRAIN = list(zip(IMAGES[:192].split(32), LABELS[:192].split(32), strict=True))
HELD = [(IMAGES[192:], LABELS[192:])]


def digital():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 5))
    descent = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(12):
        for x, y in TRAIN:
            descent.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            descent.step()
    return model


MODEL = digital()


def on_chip(**options):
    return convert(MODEL, CrossbarConfig(**{"tile_shape": (16, 16), "wires": Wires(300.0, 300.0), **options}))


def accuracy(model):
    with torch.no_grad():
        return float((model(HELD[0][0]).argmax(1) == HELD[0][1]).float().mean())


def loss_of(model):
    with torch.no_grad():
        return sum(nn.functional.cross_entropy(model(x), y).item() for x, y in TRAIN)


def state_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_training_begins_with_the_corrected_network_and_ends_above_it():
    bare, corrected, trained = on_chip(), on_chip(), on_chip()
    calibrate(corrected, [x for x, _ in TRAIN], correct=True)
    config = FinetuneConfig(epochs=4, learning_rate=3e-3)
    done = finetune(trained, TRAIN, config, validation=lambda model: -loss_of(model))
    assert done.corrected == -loss_of(corrected)
    assert done.best == -loss_of(trained) == done.scores[done.best_epoch]
    assert accuracy(bare) + 0.02 < accuracy(corrected) <= accuracy(trained) + 0.01
    assert loss_of(corrected) < 0.9 * loss_of(bare)
    assert loss_of(trained) < 0.9 * loss_of(corrected)
    # gains, too, have moved from where calibration left them
    gains = [stored_names(m)["0"].ranges.gain for m in (corrected, trained)]
    assert not torch.equal(*gains)
    assert not gains[1].requires_grad


def test_the_best_epoch_stays():
    """Rates far too high spoil the network: it ends as it began."""
    chip, same = on_chip(), on_chip()
    done = finetune(chip, TRAIN, FinetuneConfig(epochs=2, learning_rate=1.0, clip=None), validation=HELD)
    calibrate(same, [x for x, _ in TRAIN], correct=True)
    assert min(done.scores) < done.corrected
    assert done.best_epoch == 0
    assert accuracy(chip) == done.corrected == accuracy(same)


def test_corrections_alone_are_trained_where_weights_stay():
    chip = on_chip()
    before = [p.clone() for p in chip.parameters()]
    config = FinetuneConfig(epochs=3, learning_rate=0.0, correction_rate=0.05)
    done = finetune(chip, TRAIN, config, validation=lambda model: -loss_of(model))
    assert done.best > done.corrected
    assert all(torch.equal(a, b) for a, b in zip(before, chip.parameters(), strict=True))


@pytest.mark.parametrize("kind", ["outputs", "tiles"])
def test_ranges_of_converters_are_trained_and_saved(kind):
    around = Periphery(dac=DAC(bits=4), adc=ADC(bits=4, percentile=100.0))
    chip = on_chip(periphery=around)
    calibrate(chip, [x for x, _ in TRAIN], correct="tiles" if kind == "tiles" else True)
    before = {name: one.ranges for name, one in stored_names(chip).items()}
    config = FinetuneConfig(epochs=3, range_rate=0.05, correction=kind)
    done = finetune(chip, TRAIN, config, validation=lambda model: -loss_of(model))
    assert done.best > done.corrected
    for name, one in stored_names(chip).items():
        assert one.ranges.full_scale != before[name].full_scale
        assert one.ranges.input_range != before[name].input_range
        assert isinstance(one.ranges.full_scale, float)
    other = on_chip(periphery=around)
    other.load_state_dict(chip.state_dict())
    assert loss_of(other) == loss_of(chip)


def test_the_gradient_of_a_range_is_that_of_what_saturates():
    """Inputs beyond the range: there rounding plays no part, and differences are exact."""
    chip = on_chip(periphery=Periphery(dac=DAC(bits=8)))
    calibrate(chip, [x for x, _ in TRAIN])
    stored = stored_names(chip)["0"]
    x = 50.0 * torch.ones(3, 1, 20, dtype=torch.float64)

    def read(scale):
        stored.ranges = stored.ranges.replace(input_range=scale)
        return stored.read(x, chip[0].weight.detach().double()).sum()

    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    read(scale).backward()
    with torch.no_grad():
        slope = (read(2.01) - read(1.99)) / 0.02
    assert float(scale.grad) == pytest.approx(float(slope), rel=1e-9)


def test_a_training_goes_on_bit_by_bit(tmp_path):
    shuffled = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(IMAGES[:192], LABELS[:192]), batch_size=32, shuffle=True
    )
    config = FinetuneConfig(epochs=4, noise=0.02, batches=4, learning_rate=2e-3, range_rate=0.02)
    options = {"periphery": Periphery(adc=ADC(bits=6))}
    whole = on_chip(**options)
    want = finetune(whole, shuffled, config, validation=HELD, calibration=[IMAGES[:64]])
    calls = 0

    def stops(model):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return accuracy(model)

    path = tmp_path / "training.npz"
    first = on_chip(**options)
    with pytest.raises(KeyboardInterrupt):
        finetune(first, shuffled, config, validation=stops, calibration=[IMAGES[:64]], checkpoint=path)
    second = on_chip(**options)
    found = finetune(second, shuffled, config, validation=HELD, calibration=[IMAGES[:64]], checkpoint=path)
    assert found == want
    one, other = state_of(whole), state_of(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    again = finetune(on_chip(**options), shuffled, config, validation=HELD, calibration=[IMAGES[:64]],
                     checkpoint=path)
    assert again == want  # it was done: nothing is trained
    with pytest.raises(ParameterError, match="another network"):
        finetune(on_chip(**options), shuffled, dataclasses.replace(config, seed=5), validation=HELD, checkpoint=path)


def test_what_is_passed_over_is_told():
    done = finetune(on_chip(), TRAIN, FinetuneConfig(epochs=3, exact_every=4, rtol=0.5), validation=HELD)
    assert all(0.3 < one.reductions_saved < 0.8 and one.follow_error > 0 for one in done.epochs)
    exact = finetune(on_chip(), TRAIN, FinetuneConfig(epochs=1, exact_every=1), validation=HELD)
    assert exact.epochs[0].reductions_saved == 0.0
    assert len(done.to_dataframe()) == 3
    assert str(done).count("\n") == 4


def test_rates_rise_and_fall():
    config = FinetuneConfig(warm_up=0.2)
    rates = [config.rate(k, 50) for k in range(50)]
    assert rates[9] < rates[10] == max(rates) == 1.0
    assert all(a < b for a, b in pairwise(rates[:11]))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert rates[-1] < 0.01


@pytest.mark.parametrize(("change", "message"), [
    ({"loader": IMAGES}, "must bring batches"),
    ({"loader": []}, "brought no batch"),
    ({"loader": [IMAGES[:8]], "calibration": [IMAGES]}, "batches \\(inputs, labels\\)"),
    ({"validation": []}, "brought no batch"),
    ({"validation": IMAGES}, "must bring batches"),
    ({"validation": lambda _: float("nan")}, "must return a number"),
    ({"validation": lambda _: "good"}, "must return a number, of which more is better; got 'good'"),
    ({"validation": float}, "function that returns a score of the model; got the class float"),
    ({"checkpoint": ""}, "`checkpoint` must be a .npz file, such as training.npz; got ''"),
    ({"checkpoint": "tests"}, "`checkpoint` must be a .npz file"),
    ({"checkpoint": f"{__file__}/training.npz"}, "cannot be written"),
    ({"loss": nn.MSELoss}, "`loss` must be a function of the model and a batch; got the class MSELoss"),
    ({"loss": lambda m, b: m(b[0]) * float("nan")}, "one number"),
    ({"loss": lambda m, b: m(b[0]).sum() * float("nan")}, "the loss is nan"),
    ({"model": MODEL}, "no crossbar layers"),
    ({"config": FinetuneConfig(learning_rate=0.0, correction_rate=0.0)}, "nothing to train"),
])
def test_mistakes_are_named(change, message):
    given = {"model": on_chip(), "loader": TRAIN, "config": FinetuneConfig(epochs=1), "validation": HELD, **change}
    model, loader = given.pop("model"), given.pop("loader")
    with pytest.raises(ParameterError, match=message):
        finetune(model, loader, given.pop("config"), **given)
    if model is not MODEL:  # nothing of the training is left in the network
        assert all(s.chip.held is None and s.chip.disturbance is None for s in stored_names(model).values())
        assert not any(s.ranges.tracked for s in stored_names(model).values())
