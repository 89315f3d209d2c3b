"""Cards for ranges of sizes, libraries with sections, subcircuits around transistors."""

import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import NetlistError, Solver
from tests.helpers.verilog_a import needs_openvaf

CARDS = """
.param edge=1u
.model nch.1 nmos level=1 vto=0.1 lmin=0.1u lmax=1u wmin=1u wmax=10u
.model nch.2 nmos level=1 vto=0.2 lmin={edge} lmax='2*edge' wmin=1u wmax=10u
.model nch.3 nmos level=1 vto=0.3 lmin=0.1u lmax=2u wmin=10u wmax=100u
.model pch.0 pmos level=1 vto=-0.4 lmin=0 lmax=1 wmin=0 wmax=1
.model nch_1 nmos level=1 vto=9
"""


def chosen(line, cards=CARDS, compat="", more=""):
    circuit = read_spice(f"bins\n{cards}\n{more}\nv1 d 0 1\nv2 g 0 1\n{line}\n", compat=compat)
    transistor = next(e for e in circuit if e.kind == "M")
    return circuit.models[transistor.model].get("vto")


@pytest.mark.parametrize(("line", "vto"), [
    ("m1 d g 0 0 nch l=0.5u w=2u", 0.1),
    ("m1 d g 0 0 nch l=0.1u w=1u", 0.1),  # lower ends belong to a bin
    ("m1 d g 0 0 nch l=1u w=2u", 0.2),
    ("m1 d g 0 0 nch l=1.0000000000000002u w=2u", 0.2),
    ("m1 d g 0 0 nch l=2u w=2u", 0.2),  # the last upper end, too
    ("m1 d g 0 0 nch l=2u w=100u", 0.3),
    ("m1 d g 0 0 nch l=1.5u w=10u m=3", 0.3),
    ("m1 d g 0 0 pch l=1.5u w=10u", -0.4),
    ("m1 d g 0 nch l=1.5u w=10u\nr1 d 0 1", None),  # of three terminals: refused
])
def test_a_size_chooses_its_card(line, vto):
    if vto is None:
        with pytest.raises(NetlistError, match="drain, gate and source, and a bulk"):
            chosen(line)
        return
    assert chosen(line) == vto


def test_the_option_scale_counts():
    assert chosen("m1 d g 0 0 nch l=0.5 w=2", more=".option scale=1u") == 0.1


def test_ends_as_in_ngspice():
    assert chosen("m1 d g 0 0 nch l=1u w=2u", compat="ngspice") == 0.1


def test_bins_stay_in_written_decks():
    circuit = read_spice(f"bins\n{CARDS}\nv1 d 0 1\nm1 d g 0 0 nch l=1.5u w=10u\nv2 g 0 1\n")
    again = read_spice(circuit.to_spice())
    assert again["m1"].model == circuit["m1"].model == "nch.3"
    assert set(again.models) == {"nch.3", "nch_1"}  # those that are of no use are left out


@pytest.mark.parametrize(("line", "words"), [
    ("m1 d g 0 0 nch l=3u w=5u", ["no card of `nch` is for l = 3e-06 m, w = 5e-06 m (of one finger)", "nearest of 3",
                                  "nch.2: l 1e-06 to 2e-06 m"]),
    ("m1 d g 0 0 nch l=0.5u w=0.5u", ["w = 5e-07 m", "nch.1: l 1e-07 to 1e-06 m, w 1e-06 to 1e-05 m"]),
    ("m1 d g 0 0 nch", ["l = 0.0001 m, w = 0.0001 m"]),
    ("d1 d 0 nch", ["the model `nch` is of kind nmos, not d"]),
    ("m1 d g 0 0 r l=1u w=1u\n.model r.1 r rsh=1", ["`r` has bins", "transistors alone"]),
    ("m1 d g 0 0 nhc l=1u w=1u", ["no model `nhc`", "did you mean `nch`"]),
])
def test_sizes_without_a_card_are_named(line, words):
    with pytest.raises(NetlistError) as caught:
        chosen(line)
    for word in words:
        assert word in str(caught.value)
    assert caught.value.line == 13


def test_cards_without_ranges_are_no_bins():
    with pytest.raises(NetlistError, match="no card of `q` has lmin, lmax, wmin, wmax"):
        chosen("m1 d g 0 0 q l=1u w=1u", ".model q.1 nmos level=1\n")


LIBRARY = """* a library of a process
.lib tt
.param dvt=0 mm=0
.lib 'process.lib' common
.endl tt
.lib ss
.param dvt=0.05 mm=0
.lib 'process.lib' common
.endl
.lib mc
.param mm=1
.param dvt=agauss(0, 0.03, 3)
.lib "process.lib" common
.endl mc
.lib common
.include 'cells/wrapped.spice'
.endl common
"""
# as sky130's: parameters in the body, bins inside, mismatch by the area
WRAPPED = """* wrapped
.subckt nfet d g s b
+
.param l = 1 w = 1 nf = 1.0 mult = 1
+ slope = 0.004
mnfet d g s b nfet__model l = {l*1u} w = {w*1u}
.model nfet__model.0 nmos
* a comment
+ lmin = 1e-07 lmax = 1e-06 wmin = 1e-6 wmax = 1e-4

+ level = 1.0
+ vto = {0.5 + dvt + mm*agauss(0,1.0,1)*(slope/sqrt(l*w*mult))} kp='1e-4*(1+0)'
.model nfet__model.1 nmos lmin=1e-6 lmax=1e-5 wmin=1e-6 wmax=1e-4 level=1 vto={0.4 + dvt}
.ends nfet
"""


@pytest.fixture
def deck(tmp_path):
    (tmp_path / "cells").mkdir()
    (tmp_path / "process.lib").write_text(LIBRARY)
    (tmp_path / "cells" / "wrapped.spice").write_text(WRAPPED)

    def of(corner, seed=None):
        path = tmp_path / "deck.cir"
        path.write_text(f"corners\n.lib 'process.lib' {corner}\nv1 d 0 1\nv2 g 0 1\n"
                        "x1 d g 0 0 nfet l=0.5 w=2\nx2 d g 0 0 nfet l=5 w=2\nx3 d g 0 0 nfet l=0.5 w=2\n.op\n")
        circuit = read_spice(path, seed=seed)
        return [circuit.models[circuit[f"x{k}.mnfet"].model].get("vto") for k in (1, 2, 3)]
    return of


def test_corners_of_a_library(deck):
    assert deck("tt") == pytest.approx([0.5, 0.4, 0.5])
    assert deck("ss") == pytest.approx([0.55, 0.45, 0.55])
    assert deck("mc") == pytest.approx([0.5, 0.4, 0.5])  # without a seed the means
    with pytest.raises(NetlistError, match="no section `fs`; there are tt, ss, mc, common"):
        deck("fs")


def test_a_library_without_a_section(deck, tmp_path):
    assert deck("tt")
    (tmp_path / "deck.cir").write_text("whole\n.include process.lib\nv1 d 0 1\n")
    with pytest.raises(NetlistError, match="`tt` is no file; where it begins a section") as caught:
        read_spice(tmp_path / "deck.cir")
    assert caught.value.line == 2


def test_mismatch_of_a_library(deck):
    one, long, two = deck("mc", 4)
    process = long - 0.4
    assert process != 0.0
    assert one - process != two - process  # every instance has its own
    assert abs(one - 0.5 - process) < 6 * 0.004
    assert deck("mc", 4) == [one, long, two]
    assert deck("tt", 4) == pytest.approx([0.5, 0.4, 0.5])  # mm=0: no mismatch with a seed, either


# as SG13G2's: sections in capitals, cards included inside of the subcircuit, areas by nested conditions
CORNERS = """* corners
.LIB mos_tt
  .param lv_vfbo = 1.0 mm_ok = 0
  .include mos_mod.lib
.ENDL mos_tt

.LIB mos_stat
  .param num_sigmas=3 norm=1.0
  .param mc_vfbo='gauss(norm, 0.02, num_sigmas)'
  .param lv_vfbo = mc_vfbo
  .include mos_mod.lib
.ENDL mos_stat
"""
MODULE = """* wrapper
.subckt lv_nmos d g s b
+ w=0.35u l=0.34u ng=1 m=1 as=0 ad=0 trise=0 z1=0.34e-6 wmin=0.15e-6 rfmode=0
.include mos_parm.lib
.if (rfmode == 0)
    .if (as <= 1e-50)
        .if (floor(floor(ng/2+0.501)*2+0.001) != ng)
            Nlv_nmos d g s b lv_nmos_psp
              + w=w
              + l=l
              + nf='ng' mult='m'
              + as='max(w/ng,wmin)*z1' ad='max(w/ng,wmin)*z1'
              + dta=trise
        .else
            Nlv_nmos d g s b lv_nmos_psp w=w l=l nf='ng' mult='m' as='2*w/ng*z1' dta=trise
        .endif
    .else
        Nlv_nmos d g s b lv_nmos_psp w=w l=l as='as' ad='ad' nf='ng' mult='m' dta=trise
    .endif
.else
    Nlv_nmos d g s b lv_nmos_psp_rf w=w l=l
.endif
.ends
"""
PARAMETERS = """* cards
.model lv_nmos_psp psp103va type = +1
+ level = 103.6 tr = 27.0 swgeo = 1 unknown_of_103.6 = 3
+ vfbo = '-0.9*lv_vfbo' toxo = '2e-9*1'
.model lv_nmos_psp_rf pspnqs103va type=+1
"""


@needs_openvaf
def test_a_library_around_compiled_modules(tmp_path):
    for name, text in (("corners.lib", CORNERS), ("mos_mod.lib", MODULE), ("mos_parm.lib", PARAMETERS)):
        (tmp_path / name).write_text(text)

    def read(section, seed=None, instance="w=2u l=0.13u"):
        (tmp_path / "deck.cir").write_text(f"corners\n.lib 'corners.lib' {section}\nx1 d g 0 0 lv_nmos {instance}\n"
                                           "v1 d 0 1.2\nv2 g 0 0.8\n.op\n")
        return read_spice(tmp_path / "deck.cir", seed=seed)

    circuit = read("mos_tt")
    element = circuit["x1.nlv_nmos"]
    card = circuit.models[element.model]
    assert card.module.name == "PSP103VA"
    assert (card.get("vfbo"), card.get("level"), card.get("tr")) == (-0.9, 103.0, 27.0)
    assert (element.get("as"), element.get("mult")) == (pytest.approx(2e-6 * 0.34e-6), 1.0)
    assert any("has no `unknown_of_103.6`" in note for note in circuit.notes)
    assert read("mos_tt", instance="ng=2 w=2u l=0.13u")["x1.nlv_nmos"].get("as") == pytest.approx(2e-6 * 0.34e-6)
    assert read("mos_tt", instance="as=1p ad=2p")["x1.nlv_nmos"].get("ad") == 2e-12
    drawn = [read("mos_stat", seed).models[element.model].get("vfbo") for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(abs(v / -0.9 - 1.0) < 0.05 for v in drawn)
    warm = Solver().operating_point(read("mos_tt", instance="trise=30"))["i(v1)"]
    hot = Solver().operating_point(read("mos_tt", instance=""), temperature=330.15)["i(v1)"]
    cold = Solver().operating_point(read("mos_tt", instance=""))["i(v1)"]
    assert warm == pytest.approx(hot, rel=1e-9)
    assert abs(warm / cold - 1.0) > 1e-3
    with pytest.raises(NetlistError, match="no kind of model `pspnqs103va`"):
        read("mos_tt", instance="rfmode=1")


def test_cards_of_a_library_that_are_of_no_use(tmp_path):
    (tmp_path / "a.lib").write_text('.model odd d level=7\n.model own d is={"1e-15*2"}\n')
    deck = "unused\n.include 'a.lib'\nd1 a 0 own\nv1 a 0 0.6\n"
    (tmp_path / "deck.cir").write_text(deck)
    circuit = read_spice(tmp_path / "deck.cir")
    assert circuit.models["own"].get("is") == 2e-15
    assert any("an unused card is left out: the model odd: level 7 of d is not supported" in n for n in circuit.notes)
    with pytest.raises(NetlistError, match="level 7 of d"):
        read_spice(tmp_path / "deck.cir", strict=True)
    with pytest.raises(NetlistError, match="level 7 of d"):  # of the deck itself
        read_spice("own\n.model odd d level=7\nv1 a 0 1\nr1 a 0 1\n")
    (tmp_path / "deck.cir").write_text(deck + "d2 a 0 odd\n")
    with pytest.raises(NetlistError, match="level 7 of d"):
        read_spice(tmp_path / "deck.cir")
