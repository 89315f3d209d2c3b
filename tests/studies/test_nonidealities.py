"""The study of non-idealities: against chips made by hand, resumable, drawn as it says."""

import json

import numpy as np
import pytest
import torch

from crossbarsim import ParameterError, Solver, Wires
from crossbarsim.nn import CrossbarConfig, calibrate, convert
from crossbarsim.nonidealities import ConductanceStates, Faults, NonIdealities
from crossbarsim.periphery import ADC, Periphery
from crossbarsim.studies import (
    CnnSettings,
    Dataset,
    Labelled,
    NonIdealityResult,
    NonIdealityStudy,
    load_digits,
    nonidealities,
)
from crossbarsim.studies.networks import logits
from crossbarsim.studies.plots import (
    plot_nonidealities,
    plot_nonideality,
    save_nonidealities,
)

STUDY = NonIdealityStudy(
    tiles=((48, 20),), ohms=(0.0, 5.0), bits=(3, 8), sigmas=(0.3,), states=(3,), stuck_on=(0.05,),
    stuck_off=(0.2,), seeds=2, calibration_images=16, threads=1, images=40,
)


@pytest.fixture(scope="module")
def data():
    digits = load_digits()
    part = Labelled(digits.test.images[:50], digits.test.labels[:50])
    return Dataset(digits.name, digits.train, part, digits.full_scale,
                   {"more": Labelled(digits.test.images[50:80], digits.test.labels[50:80])})


SMALL = CnnSettings(channels=(4, 8), hidden=16, epochs=3)


@pytest.fixture(scope="module", autouse=True)
def small():
    """Make the study's network small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CnnSettings, "for_data", lambda *_args, **_options: SMALL)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def result(data, folder):
    return STUDY.run(data, folder)


def pick(result, **wanted):
    points = result.points
    for name, value in wanted.items():
        points = points[points[name].isna() if value is None else points[name] == value]
    return points


def test_without_effects_wires_and_converters_it_is_the_digital_network(result):
    exact = pick(result, effect="none", ohm=0.0, bits=None)
    assert len(exact) == 1
    assert exact.test_agreement.item() == 1.0
    assert exact.test_output_error.item() < 1e-5
    assert exact.more_accuracy.item() == result.digital_accuracy["more"]
    others = result.points.drop(exact.index)
    assert (others.test_output_error > 1e-4).all()
    assert len(result.points) == 2 * (1 + 1 + 3 * 2) * 3
    assert result.points.seed[result.points.effect.isin(["none", "states"])].isna().all()


def test_the_dataset_has_every_point(result):
    data = result.dataset
    assert set(data.test_accuracy.dims) == {"tile", "ohm", "chip", "bits", "seed"}
    for row in result.points.to_dict("records"):
        name = "test_accuracy" + ("_without_variation" if np.isnan(row["seed"]) else "")
        at = {"tile": f"{row['tile_rows']}x{row['tile_columns']}", "ohm": row["ohm"],
              "bits": np.inf if np.isnan(row["bits"]) else row["bits"]}
        chips = data[name].sel(at)
        chip = (data["effect"] == row["effect"]) & ((data["value"] == row["value"]) | (row["effect"] == "none"))
        chips = chips[chip.to_numpy()]
        if not np.isnan(row["seed"]):
            chips = chips.sel(seed=row["seed"])
        assert chips.item() == row["test_accuracy"]
    assert int(data.test_accuracy.notnull().sum() + data.test_accuracy_without_variation.notnull().sum()) == len(
        result.points)


def test_fewer_bits_err_more(result):
    for _, chip in result.points.groupby(["ohm", "effect", "seed"], dropna=False):
        error = chip.set_index(chip.bits.fillna(np.inf)).test_output_error
        if chip.effect.iloc[0] == "none":
            assert error[3] > error[8] > error[np.inf]
            if chip.ohm.iloc[0] == 0:
                assert error[3] > 3 * error[8]


@pytest.mark.parametrize(
    ("effect", "seed", "effects"),
    [
        ("states", None, NonIdealities(states=ConductanceStates(3))),
        ("stuck_on", 1, NonIdealities(faults=Faults(stuck_on=0.05))),
    ],
)
def test_against_a_chip_made_by_hand(result, data, effect, seed, effects):
    config = CrossbarConfig(
        tile_shape=(48, 20), wires=Wires(word=5.0, bit=5.0), g_on=1 / 14e3, g_off=1 / 50e6,
        nonidealities=effects, seed=seed or 0, periphery=Periphery(adc=ADC(bits=3)),
        precision="float32",
    )
    chip = convert(result.network.model, config)
    calibrate(chip, [result.network.inputs(data.train.images[:16])])
    part = Labelled(data.test.images[:40], data.test.labels[:40])
    with torch.no_grad():
        outputs = logits(result.network, part, model=chip)
    reference = logits(result.network, part)
    found = pick(result, ohm=5.0, effect=effect, seed=seed, bits=3)
    error = np.sqrt(np.mean((outputs - reference) ** 2) / np.mean(reference**2))
    assert found.test_output_error.item() == pytest.approx(error, rel=1e-5)
    assert found.test_accuracy.item() == np.mean(outputs.argmax(1) == part.labels)


def test_spread_is_what_it_says():
    for law in ("lognormal", "normal"):
        draws = nonidealities._spread(0.3, law).sample(np.random.default_rng(0), (200_000,))
        assert draws.mean() == pytest.approx(1, abs=5e-3)
        assert draws.std() == pytest.approx(0.3, rel=1e-2)
    assert (nonidealities._spread(0.5, "lognormal").sample(np.random.default_rng(0), (1000,)) > 0).all()


def test_seeds_are_chips(result):
    for effect in ("sigma", "stuck_on", "stuck_off"):
        errors = pick(result, effect=effect, ohm=5.0, bits=None).test_output_error
        assert errors.nunique() == 2


def test_a_chip_is_solved_once_for_all_converters(data, tmp_path, monkeypatch):
    study = NonIdealityStudy.quick(
        tiles=((48, 20),), ohms=(5.0,), bits=(3,), sigmas=(0.3,), states=(), stuck_on=(),
        stuck_off=(), calibration_images=16, threads=1, images=40,
    )
    solved = []
    real = Solver.effective_matrices

    def counted(self, crossbars, *rest, **options):
        solved.append(len(crossbars))
        return real(self, crossbars, *rest, **options)

    monkeypatch.setattr(Solver, "effective_matrices", counted)
    study.run(data, tmp_path / "few")
    few = sum(solved)
    solved.clear()
    many = NonIdealityStudy(**{
        **{k: getattr(study, k) for k in study.__dataclass_fields__}, "bits": (2, 3, 5, 6, 8),
    })
    many.run(data, tmp_path / "many")
    assert sum(solved) == few > 0


def test_correction_undoes_part_of_the_wires(data, tmp_path):
    study = NonIdealityStudy.quick(
        tiles=((128, 64),), ohms=(8.0,), bits=(8,), sigmas=(), states=(), stuck_on=(), stuck_off=(),
        threads=1, images=40,
    )
    few = {k: getattr(study, k) for k in study.__dataclass_fields__}
    plain = study.run(data, tmp_path / "plain").points
    found = NonIdealityStudy(**{**few, "correct": True}).run(data, tmp_path / "corrected").points
    assert (found.test_output_error < 0.8 * plain.test_output_error).all()


def test_resume_computes_nothing_twice(data, tmp_path, monkeypatch):
    chips, real = [], nonidealities.measure

    def broken(study, chip, bits, *rest):
        chips.append((chip, tuple(bits)))
        for k, found in enumerate(real(study, chip, bits, *rest)):
            if len(chips) == 3 and k == 1:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(nonidealities, "measure", broken)
    with pytest.raises(KeyboardInterrupt):
        STUDY.run(data, tmp_path)
    half = chips[-1][0]
    chips.clear()
    monkeypatch.setattr(nonidealities, "measure", lambda study, chip, bits, *rest: (
        chips.append((chip, tuple(bits))) or real(study, chip, bits, *rest)
    ))
    interrupted = STUDY.run(data, tmp_path).points
    assert chips[0] == (half, (None, 8))  # 3 bits were done
    assert [chip for chip, _ in chips] == list(STUDY.chips())[2:]
    straight = STUDY.run(data, tmp_path / "straight").points
    same = [c for c in straight.columns if c != "seconds"]
    # an ideal read-out may take vectors in place of matrices: the same up to rounding
    assert np.allclose(straight[same].select_dtypes("number"),
                       interrupted[same].select_dtypes("number"), rtol=1e-4, equal_nan=True)


@pytest.mark.usefixtures("result")
def test_other_settings_do_not_mix(data, folder):
    other = NonIdealityStudy.quick(calibration_images=8, images=40, threads=1)
    with pytest.raises(ParameterError, match="calibration_images: 16 there, 8 now"):
        other.run(data, folder)


def test_grid_and_files(result, tmp_path):
    grid = result.grid("stuck_on", (48, 20), 5.0, "more")
    assert list(grid.index) == [0.0, 0.05]
    assert list(grid.columns) == [3.0, 8.0, np.inf]
    two = pick(result, effect="stuck_on", ohm=5.0, bits=8).more_accuracy
    assert len(two) == 2
    assert grid.loc[0.05, 8.0] == two.mean()
    assert grid.loc[0.0, np.inf] == pick(result, effect="none", ohm=5.0, bits=None).more_accuracy.item()
    assert list(result.grid("states", (48, 20), 0.0).index) == [np.inf, 3.0]
    for wrong, message in (
        (("drift", (48, 20), 0.0), "`effect` must be one of sigma"),
        (("states", (64, 20), 0.0), "no chips of 64x20"),
        (("states", (48, 20), 0.0, "train"), "`part` must be one of test, more"),
    ):
        with pytest.raises(ParameterError, match=message):
            result.grid(*wrong)

    table, markdown, settings, _ = result.save(tmp_path)
    assert len(table.read_text().splitlines()) == 1 + len(result.points)
    text = markdown.read_text()
    assert "| accuracy, %, 8 bit ADCs | 48x20, active | 48x20, passive, 5 ohm |" in text
    assert f"| {100 * result.grid('states', (48, 20), 5.0).loc[3.0, 8.0]:.1f} |" in text
    described = json.loads(settings.read_text())["study"]
    again = NonIdealityStudy(**{
        k: tuple(tuple(x) if isinstance(x, list) else x for x in v) if isinstance(v, list) else v
        for k, v in described.items()
    })
    assert again == STUDY


def test_pictures(result, tmp_path):
    ax = plot_nonideality(result, "stuck_on", (48, 20), 5.0)
    shown = ax.images[0].get_array()
    assert np.allclose(shown, 100 * result.grid("stuck_on", (48, 20), 5.0))
    assert [t.get_text() for t in ax.get_xticklabels()] == ["3", "8", "∞"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "5"]
    assert ax.get_xlabel() == "ADC bits"
    assert ax.get_title() == "48x20, passive, 5 ohm"
    assert {t.get_text() for t in ax.texts} == {f"{v:.0f}" for v in np.ravel(shown)}
    figure = plot_nonidealities(result, part="more")
    assert sum(bool(ax.images) for ax in figure.axes) == 8
    assert [ax.get_title() for ax in figure.axes[:2]] == ["48x20, active", "48x20, passive, 5 ohm"]
    assert [ax.get_xlabel() for ax in figure.axes[:8]] == [""] * 6 + ["ADC bits"] * 2
    assert [bool(ax.get_ylabel()) for ax in figure.axes[:8]] == [True, False] * 4
    assert isinstance(result, NonIdealityResult)
    for words in ("30 held-out images", "conv 4 - conv 8 - fc 16", "14 kohm", "50 Mohm",
                  "mean of 2 chips", "lognormal"):
        assert words in figure.get_suptitle()
    assert save_nonidealities(result, tmp_path / "deep" / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"tiles": ()}, "`tiles`"),
        ({"tiles": ((0, 4),)}, "`tile_shape`"),
        ({"ohms": ()}, "`ohms`"),
        ({"ohms": (-1.0,)}, "`ohms`"),
        ({"bits": (0,)}, "`bits`"),
        ({"bits": [4]}, "`bits` must be a tuple"),
        ({"bits": (4, 4)}, "`bits` has a value twice"),
        ({"sigmas": (0.0,)}, "`sigmas`"),
        ({"states": (1,)}, "`count`"),
        ({"stuck_on": (1.1,)}, "`stuck_on`"),
        ({"law": "cauchy"}, "`law`"),
        ({"seeds": 0}, "`seeds`"),
        ({"images": 0}, "`images`"),
        ({"percentile": 0.0}, "`percentile`"),
        ({"g_on": 1e-9}, "`g_on`"),
    ],
)
def test_wrong_settings_are_named(wrong, message):
    with pytest.raises(ParameterError, match=message):
        NonIdealityStudy(**wrong)
