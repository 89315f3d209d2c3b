"""The character-level language model: its text, its training, and what the wires do to it."""

import math

import pytest
import torch
from torch import nn

from crossbarsim import ParameterError
from crossbarsim.nn import CrossbarConfig
from crossbarsim.studies import (
    Axis,
    CharacterText,
    DataError,
    LanguageSettings,
    load_text,
    network_study,
    trained_language_model,
)

torch.set_num_threads(1)
SMALL = LanguageSettings(width=16, heads=2, blocks=1, steps=60, batch=16, learning_rate=1e-2)
OHMS = {"ohm": Axis([0.0, 2.0, 20.0], fields=("wires.word", "wires.bit"), unit="ohm")}


@pytest.fixture(scope="module")
def text():
    return load_text(length=24)


@pytest.fixture(scope="module")
def model(text):
    return trained_language_model(text, SMALL)


def test_the_text_that_is_shipped(text):
    assert len(text.text) == 146_939
    assert text.text.count("CHAPTER") == 12
    assert text.text.endswith("THE END\n")
    assert len(text.alphabet) == 70
    spelt = "".join(text.alphabet[k] for k in text.tokens.tolist())
    assert spelt == text.text


def test_examples_are_held_out_and_each_token_is_followed_by_its_target(text):
    inputs, targets = text.examples.tensors
    assert inputs.shape == targets.shape
    assert torch.equal(inputs.flatten()[1:], targets.flatten()[:-1])
    assert len(text.training) + inputs.numel() <= len(text.text)
    assert torch.equal(text.tokens[len(text.training) :][: inputs.numel()], inputs.flatten())


def test_the_same_seed_gives_the_same_weights_and_leaves_torchs_numbers(text, model):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = trained_language_model(text, SMALL)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    other = trained_language_model(text, LanguageSettings(
        width=16, heads=2, blocks=1, steps=60, batch=16, learning_rate=1e-2, seed=1))
    assert not torch.equal(other.head.weight, model.head.weight)


def test_it_looks_back_only(model):
    tokens = torch.arange(20)[None]
    with torch.no_grad():
        before = model(tokens)
        changed = model(torch.cat([tokens[:, :12], 30 + tokens[:, 12:]], dim=1))
    assert torch.equal(before[:, :12], changed[:, :12])
    assert not torch.equal(before[:, 12:], changed[:, 12:])


def test_perplexity_rises_with_the_wires_resistance(text, model):
    found = network_study(
        model, text.examples, CrossbarConfig(), axes=OHMS, metric=["perplexity", "accuracy"],
        options={"include": nn.Linear}, examples=64,
    )
    perplexity = found.dataset.perplexity.to_numpy()
    assert 8.0 < found.settings["digital"]["perplexity"] < 0.5 * len(text.alphabet)
    assert perplexity[0] == pytest.approx(found.settings["digital"]["perplexity"], rel=1e-4)
    assert perplexity[0] < perplexity[1] < perplexity[2]
    inputs, targets = (t[:64] for t in text.examples.tensors)
    with torch.no_grad():
        exact = nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
    assert found.settings["digital"]["perplexity"] == pytest.approx(math.exp(float(exact)), rel=1e-5)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: CharacterText("short", length=4), "held-out part has"),
    (lambda: CharacterText("a" * 100, held_out=1.0), "`held_out` must be between 0 and 1"),
    (lambda: CharacterText("a" * 100, length=0), "`length`"),
    (lambda: LanguageSettings(width=10, heads=4), "`heads` must divide `width`"),
    (lambda: LanguageSettings(steps=-1), "`steps`"),
    (lambda: LanguageSettings(learning_rate=2.0), "`learning_rate`"),
])
def test_bad_input(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt"):
        load_text(tmp_path / "none.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x80" * 100)
    with pytest.raises(DataError, match="cannot be read as text"):
        load_text(tmp_path / "bytes.txt")
    (tmp_path / "own.txt").write_text("never the same twice. " * 20, encoding="utf-8")
    assert load_text(tmp_path / "own.txt", length=16).alphabet == " .acehimnrstvw"
