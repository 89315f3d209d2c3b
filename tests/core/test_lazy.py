"""The package's names come when they are asked for, and what registers itself is found by then."""

import subprocess
import sys

import pytest

import crossbarsim


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_the_package_imports_no_numpy():
    assert run("import sys, crossbarsim; print('numpy' in sys.modules)") == "False\n"


@pytest.mark.parametrize("lookup", [
    "crossbarsim.netlists.device_protocol.model('vteam').name",
    "'vteam' * ('vteam' in crossbarsim.netlists.device_protocol.models())",
    "crossbarsim.netlists.device_protocol.cells(crossbarsim.devices.VTEAM(), (2, 2), None).device.name",
])
def test_models_are_known_whatever_is_imported_first(lookup):
    assert run(f"import crossbarsim, crossbarsim.netlists; print({lookup})") == "vteam\n"


def test_every_public_name_is_there():
    assert set(crossbarsim.__all__) <= set(dir(crossbarsim))
    for name in crossbarsim.__all__:
        assert getattr(crossbarsim, name).__name__ == name
    assert crossbarsim.devices.VTEAM
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = crossbarsim.nothing


def test_a_saved_crossbar_of_devices_is_read_first(tmp_path):
    run(
        "from crossbarsim import Crossbar; from crossbarsim.devices import VTEAM\n"
        f"Crossbar(cells=VTEAM().array(shape=(2, 3))).save({str(tmp_path / 'x.npz')!r})"
    )
    assert run(
        "from crossbarsim.netlists import Crossbar\n"
        f"print(Crossbar.load({str(tmp_path / 'x.npz')!r}).shape)"
    ) == "(2, 3)\n"
