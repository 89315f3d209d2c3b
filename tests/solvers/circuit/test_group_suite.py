"""Every kind of element against the checks of the protocol of element groups."""

import numpy as np
from crossbarsim.solvers.circuit.elements import compiled_modules, crossbar_cells, crossbar_ports
from crossbarsim.solvers.circuit.system.element_group import ElementGroup

from crossbarsim import Crossbar, OneTransistorOneResistor, Wires
from crossbarsim.devices import EKV as Transistor
from crossbarsim.devices import VTEAM
from tests.helpers.cards import (
    BIPOLAR,
    DIODE,
    EKV,
    GEOMETRY,
    HALVING,
    JFET,
    JFET2,
    JFET2_SLOW,
    MOS,
    VDMOS,
    VDMOS_QUASI,
    complement,
)
from tests.helpers.diode import Diodes, add_diode
from tests.helpers.group_checks import GroupChecks
from tests.helpers.osdi import compiled, have_compiler, shipped_module
from tests.helpers.suites import subclasses


def card(kind, parameters, level=None):
    values = {**({} if level is None else {"level": level}), **parameters}
    return f".model mod {kind} " + " ".join(f"{k}={v}" for k, v in values.items())


def own(parameters):
    return " ".join(f"{k}={v!r}" for k, v in parameters.items())


def two(letter, nodes, kind, parameters, level=None, **of_its_own):
    """Return two devices of one card, whose nodes have the names of their terminals."""
    first = " ".join(f"n1{t}" for t in nodes)
    second = " ".join(f"n2{t}" for t in nodes)
    return "\n".join([f"{letter}1 {first} mod {own(of_its_own)}", f"{letter}2 {second} mod",
                      card(kind, parameters, level)])


def crossbar(cells):
    def extend(_, circuit):
        circuit.crossbar("1", Crossbar(cells=cells(), wires=Wires(5.0, 3.0, driver=2.0)), **{
            "word_left": ["w0", "w1"], "bit_bottom": ["b0", "b1"],
            **({"gate": ["g0", "g1"]} if isinstance(cells(), OneTransistorOneResistor) else {})})
    return extend


def resistors(_, circuit):
    G = np.array([[1e-4, 2e-5], [3e-5, 4e-4]])
    circuit.crossbar("1", Crossbar(conductance=G, wires=Wires(5.0, 3.0)),
                     word_left=["w0", "w1"], bit_bottom=["b0", "b1"])


def magic():
    return VTEAM.preset("magic").array(conductance=np.array([[1e-4, 2e-5], [3e-5, 1e-5]]))


def compiled_pair(name, model, nodes, **own):
    """Return what adds two instances of a compiled module, the second one alone."""
    def extend(_, circuit):
        module = shipped_module(name) if "4" in name else compiled(name)
        circuit.verilog_a_model("mod", module, **model)
        circuit.verilog_a(1, nodes[0], "mod", **own).verilog_a(2, nodes[1], "mod")
    return extend


COMPILED = {
    "CompiledDiodes": {
        "cards": "", "span": 0.4,
        "extend": compiled_pair("diode_limited", {"rs": 10.0, "cj": 1e-12}, (("na", "nb"), ("nb", "nc")), m=2.0)},
    "CompiledTransistors": {
        "cards": "", "span": 1.0, "shifts": False, "balanced": False,
        "extend": compiled_pair("bsim4v8", {"type": 1, "toxe": 2e-9, "rdsmod": 1, "k1": 0.5, "k2": 0.0},
                                (("nd", "ng", "ns", "nb"), ("ng", "nd", "nb", "ns")), w=1e-6, l=1e-7)},
}
LINEAR = {
    "SignalResistors": {"cards": "r1 na nb 1k ac=5k\nr2 nb nc 2k ac=3k tc1=1e-3 m=2", "grounded": "nb"},
    "Resistors": {"cards": "r1 na nb 1k\nr2 nb nc 2k tc1=1e-3\nr3 na nd 5 m=2", "grounded": "nb"},
    "Shunts": {"cards": "r1 na nb 1k\n.options rshunt=1meg cshunt=1p", "shifts": False, "balanced": False},
    "Capacitors": {"cards": "c1 na nb 1p\nc2 nb nc 2u ic=0.3", "grounded": "nb"},
    "Inductors": {"cards": "l1 na nb 1u ic=1m\nl2 nb nc 2u\nl3 nd ne 3u\nk1 l1 l2 0.5\nk2 l2 l3 0.2", "grounded": "nb"},
    "IdleInductors": {
        "cards": "v1 na nb 0\nv2 nc nd 0\nl1 na nb 1u\nl2 nc nd 2u", "grounded": "nb", "shifts": False,
        "balanced": False},
    "Sources": {
        "cards": "v1 na nb dc 1 ac 2 30 pulse(0 1 1u 1u 1u 5u 10u)\nv2 nb nc sin(0 1 1meg)\n"
                 "i1 na nc dc 1m ac 1\ni2 nc nd pwl(0 0 1u 1m 2u 0)", "grounded": "nb"},
    "Controlled": {
        "cards": "vs na nb 1\nvt nc nd 0\ne1 ne nf na nb 3\nf1 ng nh vs 2\ng1 ne ng nc nd 1m\nh1 nf nh vt 50",
        "grounded": "nf"},
    "Meters": {"cards": "r1 na nb 1k\nr2 nc nd 2k\nf1 ne nf r1 2\nb1 nf ng i=i(r2)*3", "grounded": "nb"},
    "Polynomials": {
        "cards": "vs na nb 1\nvt nc nd 0\ne1 ne nf poly(2) na nb nc nd 0.1 2 3 0.5 0.2\nf1 ng nh poly(1) vs 1m 2 3\n"
                 "g1 ne ng poly(1) nc nd 1m 2m 3m", "grounded": "nf"},
}
BEHAVIOURAL = {
    "BehaviouralSources": {
        "cards": "b1 na nb i=1m*tanh(v(na,nb))+1m*v(nc,nd)^3\nb2 nc nd v=sin(v(na,nb))*2+v(ne,nf)\n"
                 "b3 ne nf i=exp(v(na,nc))*1m", "grounded": "nb"},
    "BehaviouralOfGround": {
        "cards": "b1 na nb i=1m*v(nc)^2+i(vs)*v(na)\nb2 nc nd v=v(na)*v(nb)\nvs ne nf 1", "shifts": False},
    "BehaviouralResistors": {"cards": "r1 na nb r='1k*(2+tanh(v(na,nb)))'\nr2 nb nc r='1k+1meg*v(na,nc)^2'", "grounded": "nb"},
    "BehaviouralCharges": {
        "cards": "c1 na nb q='1p*v(na,nb)+2p*v(na,nb)^2'\nc2 nb nc q='1p*tanh(v(nb,nc))' m=2", "grounded": "nb"},
    "BehaviouralCapacitors": {
        "cards": "c1 na nb c='1p*(1+v(na,nb)^2)'\nl1 nb nc l='1u*(1+0.1*v(na,nb)^2)'", "grounded": "nb"},
    "Dynamics": {
        "cards": "b1 na nb v=1e-5*ddt(v(nc,nd))\nb2 nc nd i=1e-3*idt(v(na,nb))+ddt(v(na,nb))*1e-9", "grounded": "nb"},
}
OTHERS = {
    "Lines": {"cards": "t1 na nb nc nd z0=50 td=1n\nt2 nc nb ne nf z0=75 td=2n", "grounded": "nb"},
    "LossyLines": {
        "cards": "o1 na nb nc nd one\no2 nc nb ne nf one m=2\no3 na nb nd nf two\n.model one ltra r=20 l=1u g=1m c=1n len=2\n"
                 ".model two ltra r=20 c=1n len=3", "grounded": "nb"},
    "StaticLines": {"cards": "o1 na nb nc nd mod\no2 nc nb ne nf mod\n.model mod ltra r=20 g=3m len=2", "grounded": "nb"},
    "SeriesLines": {"cards": "o1 na nb nc nd mod\no2 nc nb ne nf mod\n.model mod ltra r=20 l=1u len=2", "grounded": "nb"},
    "Switches": {
        "cards": "s1 na nb nc nd mod on\ns2 nb ne nc nf mod off\n.model mod sw vt=0.2 vh=0.1 ron=10 roff=1e6",
        "grounded": "nb"},
    "SmoothSwitches": {
        "cards": "s1 na nb nc nd mod\ns2 nb ne nc nf mod\n.model mod sw vt=0.2 vh=-0.5 ron=10 roff=1e6", "grounded": "nb"},
    "CurrentSwitches": {
        "cards": "vs nc nd 0\nw1 na nb vs mod on\nw2 nb ne vs mod off\n.model mod csw it=1m ih=0.2m ron=10 roff=1e6",
        "grounded": "nb"},
    "Memristors": {
        "cards": "n1 na nb mod conductance=1e-5\nn2 nb nc mod conductance=5e-5 r_on=900\n.model mod vteam preset=magic", "grounded": "nb"},
    "NoState": {"cards": "n1 na nb mod\nn2 nb nc mod\n.model mod exponential_selector", "grounded": "nb", "span": 0.3},
    "InnerUnknown": {
        "cards": "n1 na nb mod\nn2 nb nc mod polarity=-1\n.model mod jart_vcm_v1b", "grounded": "nb", "span": 0.4,
        "smooth": 0.7},
    "ResistorArrays": {"cards": "", "extend": resistors},
    "CellArrays": {"cards": "", "extend": crossbar(magic)},
    "GatedCellArrays": {
        "cards": "", "exact": False, "shifts": False,  # bodies are at ground
        "extend": crossbar(lambda: OneTransistorOneResistor(magic(), Transistor(), gate_voltage=1.5))},
    "ExampleDiodes": {
        "cards": "", "span": 0.5,
        "extend": lambda _, circuit: [add_diode(circuit, f"{k}", *nodes) for k, nodes in enumerate((("a", "b"), ("b", "c")))]},
}
# junctions to the bulk stay shut
N_BULK, P_BULK = ({f"v(n{k}b)": volts for k in (1, 2)} for volts in (-3.0, 3.0))
SEMICONDUCTORS = {
    "Diode": {"cards": two("d", "ak", "d", DIODE, area=2.0, pj=3.0), "span": 0.4, "grounded": "n1k"},
    "RecombiningDiode": {
        "cards": two("d", "ak", "d", {"isr": 1e-9, "nr": 1.8, "ikf": 1e-3, "ikr": 1e-6}), "span": 0.4, "grounded": "n1k"},
    "Npn": {"cards": two("q", "cbes", "npn", BIPOLAR, area=2.0, m=3.0), "span": 0.4, "grounded": "n1e"},
    "Pnp": {"cards": two("q", "cbes", "pnp", {**BIPOLAR, "ptf": 30.0}), "span": 0.4, "grounded": "n1c"},
    "HalvingNpn": {"cards": two("q", "cbes", "npn", {**HALVING, "iss": 1e-16}), "span": 0.4, "grounded": "n1b"},
    "Njf": {"cards": two("j", "dgs", "njf", JFET, m=2.0), "span": 0.8, "grounded": "n1s"},
    "Pjf": {"cards": two("j", "dgs", "pjf", JFET), "span": 0.8, "grounded": "n1d"},
    "Njf2": {"cards": two("j", "dgs", "njf", JFET2, 2, m=2.0), "span": 0.8, "grounded": "n1s"},
    "Pjf2Slow": {"cards": two("j", "dgs", "pjf", JFET2_SLOW, 2), "span": 0.8, "grounded": "n1d"},
    "NmosEkv": {"cards": two("m", "dgsb", "nmos", EKV, "ekv", **GEOMETRY), "volts": N_BULK, "grounded": "n1d"},
    "PmosEkv": {"cards": two("m", "dgsb", "pmos", complement(EKV), "ekv"), "volts": P_BULK, "grounded": "n1s"},
    "Vdmos": {"cards": two("m", "dgs", "vdmosn", VDMOS, m=2.0), "span": 1.5, "grounded": "n1s"},
    "VdmosP": {"cards": two("m", "dgs", "vdmosp", complement(VDMOS_QUASI)), "span": 1.5, "grounded": "n1d"},
    **{f"Nmos{level}{name.title()}": {
        "cards": two("m", "dgsb", "nmos", values, level, **GEOMETRY), "volts": N_BULK, "grounded": "n1g", "span": 1.4}
       for (level, name), values in MOS.items()},
    **{f"Pmos{level}{name.title()}": {
        "cards": two("m", "dgsb", "pmos", complement(values), level), "volts": P_BULK, "grounded": "n1s", "span": 1.4}
       for (level, name), values in MOS.items() if name != "plain"},
}
VARIANTS = LINEAR | BEHAVIOURAL | OTHERS | SEMICONDUCTORS | COMPILED
globals().update(subclasses(GroupChecks, VARIANTS, __name__, slow=["InnerUnknown"]))


def leaves(kind):
    below = [leaf for sub in kind.__subclasses__() for leaf in leaves(sub)]
    return below or [kind]


def test_every_group_is_checked():
    seen = set() if have_compiler() else {compiled_modules.CompiledModules}
    for name in VARIANTS:
        if name in COMPILED and not have_compiler():
            continue
        seen |= {type(group) for group in globals()[f"Test{name}"]().system().groups}
    shipped = {kind for kind in leaves(ElementGroup) if kind.__module__.startswith("crossbarsim.")}
    assert shipped - seen == set()
    assert Diodes in seen
    assert crossbar_ports.ResistorArray in seen
    assert crossbar_cells.CellArray in seen
