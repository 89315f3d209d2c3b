"""Pages in a real browser: sliders move, the numbers are Python's, nothing is reported as wrong."""

import re

import numpy as np
import pytest

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.core.views.page import Page
from crossbarsim.core.views.panels import Axis, Curve, Curves, Field, Grid, HeatMap, Measure, Table
from crossbarsim.devices import VTEAM
from crossbarsim.programming import program
from tests.helpers.browser import browser, console, opened, picture

pytestmark = pytest.mark.slow
RNG = np.random.default_rng(3)
OHMS = np.geomspace(0.1, 20.0, 24)


@pytest.fixture(scope="module")
def driver():
    with browser() as found:
        yield found


@pytest.fixture(autouse=True)
def quiet(request):
    """Nothing is in the console after a test."""
    yield
    if "driver" in request.fixturenames:
        assert console(request.getfixturevalue("driver")) == []


def show(driver, page, tmp_path, **options):
    opened(driver, page.save(tmp_path / "page.html"), **options)


def find(driver, selector):
    return driver.find_element("css selector", selector)


def shown(driver, name, kind="map"):
    """Return what a readout says of a quantity: as a number, and as text."""
    one = find(driver, f'section[data-kind="{kind}"] .readout span[data-name="{name}"]')
    return float(one.get_attribute("data-value")), one.text.removeprefix(name).strip().replace("\xa0", " ")


def as_number(text):
    """Return what a reader reads, such as 12.3 mV."""
    number, _, unit = text.partition(" ")
    powers = {"a": -18, "f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "k": 3, "M": 6}
    return float(number) * 10.0 ** (powers.get(unit[:1], 0) if len(unit) > 1 else 0)


def move(driver, axis, k):
    """Move a slider as a user would: with the keys."""
    slider = find(driver, f'input[data-axis="{axis}"]')
    slider.send_keys("\ue011")  # Home
    slider.send_keys("\ue014" * k)  # right
    assert slider.get_attribute("value") == str(k)


def keys(driver, *, down=0, right=0, back=True):
    """Put the map's cursor somewhere, with the keys."""
    canvas = find(driver, 'canvas[data-role="map"]')
    if back:
        canvas.send_keys("\ue00e" * 20 + "\ue011")  # page up, home
    canvas.send_keys("\ue015" * down + "\ue014" * right)


@pytest.fixture(scope="module")
def tile():
    conductance = 10 ** RNG.uniform(-6, -4, (128, 128))
    xbar = Crossbar(conductance, Wires(word=1.0, bit=1.0))
    return Solver().solve(xbar, RNG.uniform(0.02, 0.2, 128))


def test_a_tile_over_its_wires(driver, tile, tmp_path):
    page = tile.explore(OHMS)
    assert len(page.html.encode()) < 1_000_000
    show(driver, page, tmp_path)
    for k, i, j in ((0, 3, 5), (23, 12, 0), (11, 0, 7)):
        move(driver, "wire segment", k)
        keys(driver, down=i, right=j)
        assert find(driver, '[data-role="readout"] .place').text == f"word line {i}, bit line {j}"
        one = Solver().solve(Crossbar(tile.crossbar.conductance, Wires(word=OHMS[k], bit=OHMS[k])), tile.V)
        lost = tile.V[:, None] - one.cell_voltages
        for name, values in (("cell voltage", one.cell_voltages), ("word-line voltage", one.word_voltages),
                             ("bit-line voltage", one.bit_voltages), ("cell current", one.cell_currents),
                             ("lost in the wires", lost), ("conductance", tile.crossbar.conductance)):
            value, text = shown(driver, name)
            rounding = np.ptp(lost) / 2**13  # of 14 bits and two terms
            scale = tile.crossbar.conductance.max() if name == "cell current" else 1.0
            assert abs(value - values[i, j]) <= rounding * scale, (name, k)
            # every digit that is shown is right, to a unit of the last
            digits = len(re.sub(r"^0*", "", re.sub(r"[^0-9]", "", text.split(" ")[0])))
            assert abs(as_number(text) - values[i, j]) <= 1.1 * abs(values[i, j]) * 10.0 ** -(digits - 1), (name, text)


def test_currents_follow_the_slider(driver, tile, tmp_path):
    show(driver, tile.explore(OHMS[::6]), tmp_path)
    move(driver, "wire segment", 2)
    chart = find(driver, 'section[data-kind="grid"] canvas')
    chart.send_keys("\ue011" + "\ue014" * 4)
    one = Solver().solve(Crossbar(tile.crossbar.conductance, Wires(word=OHMS[12], bit=OHMS[12])), tile.V)
    value, text = shown(driver, "current", "grid")
    assert value == pytest.approx(one.currents[4], rel=1e-6)
    assert as_number(text) == pytest.approx(one.currents[4], rel=1e-3)
    measure = find(driver, 'select[data-role="measure"]')
    measure.send_keys("lost")
    value, _ = shown(driver, "lost to wires and ends", "grid")
    ideal = tile.V @ tile.crossbar.conductance
    assert value == pytest.approx(100 * (1 - one.currents[4] / ideal[4]), rel=1e-5)


def test_two_sliders_of_a_batch_of_curved_cells(driver, tmp_path):
    cells = VTEAM.preset("magic").array(np.full((5, 6), 1e-4))
    xbar = Crossbar(cells=cells, wires=Wires(word=2.0, bit=5.0))
    V = RNG.uniform(0.05, 0.2, (3, 5))
    solution = Solver().solve(xbar, V)
    show(driver, solution.explore([0.5, 1.0, 4.0], other="driver", values=[0.0, 100.0]), tmp_path)
    for vector, factor, ohm in ((2, 2, 1), (0, 0, 0)):
        move(driver, "input vector", vector)
        move(driver, "factor on the wires", factor)
        move(driver, "driver", ohm)
        keys(driver, down=4, right=1)
        f = (0.5, 1.0, 4.0)[factor]
        one = Solver().solve(
            Crossbar(cells=cells, wires=Wires(word=2.0 * f, bit=5.0 * f, driver=(0.0, 100.0)[ohm])), V[vector]
        )
        assert shown(driver, "cell current")[0] == pytest.approx(one.cell_currents[4, 1], rel=1e-6)
        assert shown(driver, "cell voltage")[0] == pytest.approx(one.cell_voltages[4, 1], rel=1e-6)


def test_programming_runs(driver, tmp_path):
    device = VTEAM.preset("magic", v_off=1.0)
    xbar = Crossbar(cells=device.array(np.full((4, 4), 5e-6)), wires=Wires(2.0, 2.0))
    result = program(xbar, np.exp(RNG.uniform(np.log(1e-5), np.log(2e-4), (4, 4))))
    show(driver, result.explore(), tmp_path)
    slider = find(driver, 'input[data-axis="row reads"]')
    assert slider.get_attribute("value") == slider.get_attribute("max")
    keys(driver, down=2, right=3)
    assert shown(driver, "read conductance")[0] == pytest.approx(result.measured[2, 3], rel=1e-6)
    assert shown(driver, "error as read")[0] == pytest.approx(100 * result.relative_error[2, 3], rel=1e-3, abs=1e-4)
    move(driver, "row reads", 0)
    assert shown(driver, "read conductance")[0] == pytest.approx(result.initial[2, 3], rel=1e-6)
    button = find(driver, 'button[data-role="play"]')
    button.send_keys(" ")
    assert button.text == "Pause"
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 10).until(lambda _: int(slider.get_attribute("value")) >= 2)
    button.send_keys(" ")
    assert button.text == "Play"
    # the cells with the most error stand on top
    first = find(driver, 'section[data-kind="table"] tbody tr td:nth-child(5)')
    assert float(first.get_attribute("data-value")) == pytest.approx(np.abs(result.relative_error).max())


def test_a_table_is_sorted_by_its_heads(driver, tmp_path):
    rows = [["conv10", 0.02, 3e-9, None], ["conv2", 0.11, 1e-9, 2e-9], ["fc", None, 7e-9, float("nan")]]
    table = Table("Layers", [("layer", ""), ("error", "%"), ("energy", "J"), ("area", "m^2")], rows, sort="error")
    show(driver, Page("sorted", [table]), tmp_path)

    def order():
        cells = driver.find_elements("css selector", "tbody tr td:first-child")
        return [cell.text for cell in cells]

    def head(name):
        return find(driver, f'button[data-column="{name}"]')

    assert order() == ["conv2", "conv10", "fc"]
    head("energy").send_keys("\ue007")
    assert order() == ["fc", "conv10", "conv2"]
    assert head("energy").find_element("xpath", "..").get_attribute("aria-sort") == "descending"
    head("energy").send_keys("\ue007")
    assert order() == ["conv2", "conv10", "fc"]
    head("layer").send_keys(" ")
    assert order() == ["conv2", "conv10", "fc"]
    head("area").send_keys(" ")
    assert order()[0] == "conv2"  # what is missing comes last
    assert find(driver, "tbody tr:first-child td:nth-child(2)").text == "11"


def test_a_study_is_turned_around(driver, tmp_path):
    ohms, tiles = [0.5, 1.0, 2.0, 4.0], ["32x32", "64x64"]
    accuracy = RNG.uniform(0.8, 1.0, (4, 2, 3))
    accuracy[1, 0, 0] = np.nan
    panel = Grid("Study", [Axis("wire", ohms, "ohm"), Axis("tile", tiles), Axis("bits", [4, 6, 8])], [
        Measure("accuracy", "", accuracy, accuracy - 0.01, accuracy + 0.01),
        Measure("energy", "J", 1e-9 * accuracy),
    ], "wire", "tile", "standard deviation over 3 seeds")
    show(driver, Page("study", [panel]), tmp_path)
    move(driver, "bits", 2)
    chart = find(driver, "canvas")
    chart.send_keys("\ue011" + "\ue014" * 3)
    assert shown(driver, "tile 64x64", "grid")[0] == pytest.approx(accuracy[3, 1, 2])
    assert "Bands: standard deviation over 3 seeds" in find(driver, "main").text
    find(driver, 'select[data-role="x"]').send_keys("tile")  # the hue gives way
    chart.send_keys("\ue011")
    move(driver, "wire", 1)
    move(driver, "bits", 0)
    assert np.isnan(shown(driver, "accuracy", "grid")[0])
    assert find(driver, ".readout .place").text == "tile 32x32"


def test_nothing_of_the_user_is_code(driver, tmp_path):
    evil = '</script><img src=x onerror="document.title=1">&amp;<b>\u2028'
    panels = [
        HeatMap(evil, [Field(evil, evil, np.array([[np.nan, 1.0], [np.inf, 2.0]]))], rows=evil),
        Curves(evil, [Curve(evil, np.arange(3.0), np.array([1.0, np.nan, -np.inf])), Curve(evil + "2", np.arange(3.0), np.ones(3))], (evil, ""), (evil, "")),
        Table(evil, [(evil, evil)], [[evil]]), Grid(evil, [Axis(evil, [evil])], [Measure(evil, evil, np.ones(1))], evil),
    ]
    page = Page(evil, panels, {evil: evil}, {evil: evil}, command=evil)
    show(driver, page, tmp_path)
    assert driver.title.startswith("</script>")
    assert driver.execute_script("return document.querySelectorAll('img, b b').length") == 0
    assert find(driver, "h1").text.startswith("</script><img")
    find(driver, "summary").click()
    assert find(driver, '[data-role="command"]').text.startswith("</script>")


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390), (True, 390)])
def test_it_is_drawn_on_all_screens(driver, tile, tmp_path, dark, width):
    from PIL import Image

    show(driver, tile.explore([1.0, 2.0]), tmp_path, dark=dark, width=width, height=900)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    picture(driver, tmp_path / "shot.png")
    with Image.open(tmp_path / "shot.png") as image:
        pixels = np.asarray(image.convert("RGB"), dtype=float)
    assert (pixels[2, 2].mean() < 60) == dark
    # the map's colours are there: dark violet to yellow
    assert (np.abs(pixels - np.array([253, 231, 37])).sum(-1) < 60).any()
    assert (np.abs(pixels - np.array([68, 1, 84])).sum(-1) < 60).any()


def test_it_is_printed_on_white(driver, tile, tmp_path):
    show(driver, tile.explore([1.0, 2.0]), tmp_path, dark=True)
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert driver.execute_script("return document.documentElement.className") == "printing"
    assert find(driver, '[data-role="sha256"]').is_displayed()
    colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
    driver.execute_script("dispatchEvent(new Event('afterprint'))")
    assert driver.execute_script("return document.documentElement.className") == ""
    assert len(driver.print_page()) > 10_000


def test_a_notebook_frames_it(driver, tile, tmp_path):
    page = tmp_path / "notebook.html"
    page.write_text(f"<meta charset=utf-8>{tile.explore([1.0, 2.0])._repr_html_()}{tile._repr_html_()}", encoding="utf-8")
    driver.get(page.as_uri())
    from selenium.webdriver.support.ui import WebDriverWait

    driver.switch_to.frame(0)
    WebDriverWait(driver, 20).until(lambda d: d.execute_script("return document.documentElement.dataset.ready") == "true")
    move(driver, "wire segment", 1)
    assert "2 ohm" in find(driver, "output").text.replace("\xa0", " ")
    driver.switch_to.default_content()
    assert "largest current" in find(driver, "body").text
