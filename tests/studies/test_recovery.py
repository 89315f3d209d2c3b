"""What mapping, correction and training bring back: a small study of the handwritten digits."""

import dataclasses

import numpy as np
import pytest
import torch

from crossbarsim import ParameterError
from crossbarsim.nn.train import FinetuneConfig
from crossbarsim.studies import RecoveryStudy, load_digits
from crossbarsim.studies.plots.recovery import plot_recovery
from crossbarsim.studies.recovery import divergence

torch.set_num_threads(1)
STUDY = RecoveryStudy(
    ohms=(0.0, 60.0), methods=("plain", "gains of outputs", "trained"), tile=(64, 64), channels=(6, 8), hidden=24,
    epochs=6, calibration=64, validation=100, images=150, threads=1, batch=32,
    tuning=FinetuneConfig(epochs=2, batches=6, learning_rate=1e-3, exact_every=20, rtol=0.05),
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    out = tmp_path_factory.mktemp("recovery")
    return STUDY.run(load_digits(), out), out


def test_without_wires_nothing_is_lost_and_training_changes_nothing(found):
    points = found[0].points
    ideal = points[points["ohm"] == 0]
    assert (ideal["test_agreement"] == 1).all()
    assert (ideal["test_output_error"] < 1e-5).all()
    assert (ideal["best_epoch"] == 0).all()


def test_gains_and_then_training_bring_outputs_back(found):
    points = found[0].points
    errors = points[points["ohm"] == 60].set_index("method")["test_output_error"]
    assert errors["trained"] < 0.9 * errors["gains of outputs"] < 0.5 * errors["plain"]
    accuracy = found[0].summary()[60.0]
    assert accuracy["trained"] >= accuracy["gains of outputs"] - 0.02 > accuracy["plain"]
    trained = points[(points["ohm"] == 60) & (points["method"] == "trained")].iloc[0]
    assert trained["best_epoch"] > 0
    assert -1.0 < trained["validation"] < 0.0


def test_a_study_goes_on_and_another_way_to_train_is_another_record(found):
    result, out = found
    again = dataclasses.replace(STUDY, methods=("plain", "trained")).run(load_digits(), out)
    np.testing.assert_array_equal(again.summary(), result.summary().loc[["plain", "trained"]])
    with pytest.raises(ParameterError, match="tuning"):
        dataclasses.replace(STUDY, tuning=FinetuneConfig(epochs=1)).run(load_digits(), out)


def test_divergence_is_that_of_the_classes_probabilities():
    x = torch.randn(5, 3, dtype=torch.float64)
    p, q = x.softmax(1), (-x).softmax(1)
    want = (p * (p / q).log()).sum(1).mean()
    assert float(divergence(_negative, torch.nn.Identity(), x)) == pytest.approx(float(want))
    assert float(divergence(torch.nn.Identity(), torch.nn.Identity(), x)) == 0.0


def _negative(x):
    return -x


def test_picture_and_table_of_accuracies(found):
    result, _ = found
    ax = plot_recovery(result)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[1:] == list(STUDY.methods)
    assert "150 held-out images" in ax.get_ylabel()
    share = result.summary().loc["plain", 60.0]
    low, high = ax.containers[0].lines[2][0].get_segments()[1][:, 1]
    assert high - low == pytest.approx(200 * np.sqrt(share * (1 - share) / 150))
    assert f"| plain | {100 * result.summary().loc['plain', 0.0]:.2f} | {100 * share:.2f} |" in result.markdown()
