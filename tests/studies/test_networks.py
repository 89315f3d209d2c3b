"""The network: trained once, the same for the same seed, kept without pickle."""

import numpy as np
import pytest
import torch
from crossbarsim.netlists import ParameterError

from crossbarsim.studies import (
    CnnSettings,
    DataError,
    Dataset,
    Labelled,
    Silent,
    load_digits,
    trained_cnn,
)
from crossbarsim.studies.networks import logits, torch_threads


def few_digits(count=96):
    data = load_digits()
    return Dataset(
        data.name, Labelled(data.train.images[:count], data.train.labels[:count]),
        Labelled(data.test.images[:20], data.test.labels[:20]), data.full_scale,
    )


SMALL = CnnSettings(channels=(4, 6), hidden=8, epochs=2, batch=32)


def test_same_seed_same_network():
    data = few_digits()
    first = trained_cnn(SMALL, data, threads=1)
    again = trained_cnn(SMALL, data, threads=1)
    other = trained_cnn(CnnSettings(channels=(4, 6), hidden=8, epochs=2, batch=32, seed=1), data,
                        threads=1)
    assert first.sha256 == again.sha256 != other.sha256


def test_training_leaves_the_global_random_state():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained_cnn(SMALL, few_digits(), threads=1)
    assert torch.equal(torch.rand(3), expected)


def test_cache(tmp_path):
    data = few_digits()

    class Count(Silent):
        tasks = 0

        def begin(self, task, total, done=0):
            super().begin(task, total, done)
            self.tasks += 1

    count = Count()
    first = trained_cnn(SMALL, data, cache=tmp_path, progress=count, threads=1)
    again = trained_cnn(SMALL, data, cache=tmp_path, progress=count, threads=1)
    assert count.tasks == 1
    assert again.sha256 == first.sha256
    assert again.seconds == first.seconds
    assert np.array_equal(logits(first, data.test), logits(again, data.test))
    trained_cnn(SMALL, few_digits(95), cache=tmp_path, progress=count, threads=1)
    assert count.tasks == 2
    for path in tmp_path.glob("cnn-*.npz"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="delete it to train again"):
        trained_cnn(SMALL, data, cache=tmp_path, threads=1)


def test_folding_keeps_the_function():
    """Batch normalisation in eval mode is an affine map: folded or not, the outputs agree."""
    from crossbarsim.studies.networks import _build, _fold

    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = _build(SMALL, (1, 8, 8), 10, normalise=True)
        x = torch.randn(50, 1, 8, 8)
    model.train()
    for _ in range(5):
        model(x)
    model.eval()
    folded = _fold(model)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.no_grad():
        assert torch.allclose(folded(x), model(x), atol=1e-5)


def test_inputs_are_standardised():
    data = few_digits()
    network = trained_cnn(CnnSettings(channels=(2,), hidden=2, epochs=0), data, threads=1)
    x = network.inputs(data.train.images)
    assert abs(float(x.mean())) < 1e-5
    assert abs(float(x.std(correction=0)) - 1) < 1e-5


def test_it_learns():
    data = load_digits()
    network = trained_cnn(CnnSettings(channels=(16, 32), hidden=32, epochs=8), data, threads=1)
    accuracy = np.mean(logits(network, data.test).argmax(1) == data.test.labels)
    assert accuracy > 0.95


def test_threads_are_put_back():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    "wrong",
    [{"channels": ()}, {"channels": (0,)}, {"hidden": 0}, {"epochs": -1}, {"batch": 1},
     {"learning_rate": 0.0}, {"shift": -1}, {"seed": 1.5}],
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ParameterError, match=f"`{next(iter(wrong))}`"):
        CnnSettings(**wrong)


def test_too_many_stages():
    with pytest.raises(ParameterError, match="too many for images of 8 x 8"):
        trained_cnn(CnnSettings(channels=(2, 2, 2, 2), epochs=0), few_digits())
