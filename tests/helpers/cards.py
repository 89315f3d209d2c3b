"""Cards that use every parameter, for the tests."""

DIODE = {"is": 1e-12, "n": 1.3, "rs": 3.0, "bv": 6.0, "ibv": 1e-4, "cjo": 1e-12, "vj": 0.8, "m": 0.4, "tt": 1e-9,
         "ikf": 2e-2, "jsw": 1e-13, "cjsw": 1e-13, "eg": 1.2, "xti": 2.5, "fc": 0.6, "trs1": 1e-3, "tcv": 1e-3, "nbv": 1.2}
BIPOLAR = {"is": 1e-15, "bf": 150.0, "nf": 1.02, "vaf": 80.0, "ikf": 0.02, "ise": 1e-13, "ne": 1.6, "br": 4.0, "nr": 1.01,
           "var": 12.0, "ikr": 0.01, "isc": 2e-13, "nc": 1.8, "rb": 120.0, "re": 1.5, "rc": 8.0, "cje": 1e-12, "vje": 0.8,
           "mje": 0.35, "tf": 3e-10, "xtf": 3.0, "vtf": 4.0, "itf": 0.03, "cjc": 8e-13, "vjc": 0.6, "mjc": 0.4, "xcjc": 0.6,
           "tr": 5e-9, "cjs": 1e-12, "vjs": 0.6, "mjs": 0.4, "xtb": 1.4, "eg": 1.15, "xti": 3.2, "fc": 0.6}
HALVING = {**BIPOLAR, "irb": 1e-4, "rbm": 15.0}
JFET = {"vto": -1.8, "beta": 3e-3, "lambda": 0.02, "rd": 20.0, "rs": 12.0, "cgs": 2e-12, "cgd": 1e-12, "pb": 0.9, "fc": 0.6,
        "b": 0.6, "is": 1e-13, "tcv": 2e-3, "bex": -1.2}
JFET2 = {"vto": -1.8, "beta": 3e-3, "lambda": 0.02, "p": 2.4, "q": 2.1, "z": 0.6, "xi": 0.8, "mxi": 0.1, "vst": 0.08, "mvst": 0.05,
         "lfgam": 0.04, "lfg1": 0.005, "lfg2": 0.003, "delta": 0.4, "rd": 20.0, "rs": 12.0, "cgs": 2e-12, "cgd": 1e-12, "cds": 3e-13,
         "acgam": 0.05, "xc": 0.2, "vbi": 0.9, "fc": 0.6, "is": 1e-13, "n": 1.1, "ibd": 1e-12, "vbd": 1.4}
JFET2_SLOW = {**JFET2, "hfgam": 0.06, "hfg1": 0.004, "hfg2": 0.002, "hfeta": 0.03, "hfe1": 0.004, "hfe2": 0.003, "taug": 1e-6,
              "taud": 1e-5}
_JUNCTIONS = {"cj": 2e-4, "cjsw": 1e-9, "mj": 0.45, "mjsw": 0.3, "pb": 0.75, "fc": 0.6, "js": 1e-5, "rsh": 30.0,
              "cgso": 2e-10, "cgdo": 3e-10, "cgbo": 1e-10}
_PROCESS = {"tox": 2.5e-8, "nsub": 4e15, "uo": 550.0, "ld": 1e-7, **_JUNCTIONS}
MOS1 = {"vto": 0.7, "kp": 6e-5, "gamma": 0.4, "phi": 0.65, "lambda": 0.03, "tox": 2e-8, "ld": 1e-7, "is": 1e-15,
        **{k: v for k, v in _JUNCTIONS.items() if k != "js"}}
MOS1_PROCESS = {**_PROCESS, "nss": 1e10}
MOS2 = {**MOS1, "uexp": 0.1, "ucrit": 1e5}
MOS2_PROCESS = {**_PROCESS, "xj": 3e-7, "uexp": 0.12, "ucrit": 8e4, "delta": 0.8}
MOS2_WEAK = {**MOS2_PROCESS, "nfs": 2e11}
MOS2_FAST = {**MOS2_WEAK, "vmax": 6e4, "neff": 4.0, "delta": 0.0}
MOS3 = {**{k: v for k, v in MOS1.items() if k != "lambda"}, "theta": 0.05}
MOS3_PROCESS = {**_PROCESS, "xj": 3e-7, "theta": 0.06, "eta": 0.05, "kappa": 0.3, "delta": 0.5}
MOS3_WEAK = {**MOS3_PROCESS, "nfs": 2e11}
MOS3_FAST = {**MOS3_WEAK, "vmax": 1e5}
MOS6 = {"vto": 0.8, "kv": 1.4, "nv": 0.7, "kc": 4e-5, "nc": 1.2, "gamma": 0.4, "gamma1": 0.05, "phi": 0.65, "sigma": 0.02,
        "lambda0": 0.03, "lambda1": 0.01, "tox": 2e-8, "ld": 1e-7, "is": 1e-15, **{k: v for k, v in _JUNCTIONS.items() if k != "js"}}
MOS6_PROCESS = {**_PROCESS, "kv": 1.2, "nv": 0.6, "nc": 1.1, "lambda": 0.02}
EKV = {"vto": 0.5, "kp": 3e-4, "gamma": 0.7, "phi": 0.8, "theta": 0.05, "lambda": 0.05, "cox": 5e-3, "tcv": 1e-3, **_JUNCTIONS}
EKV_LONG = {"vto": 0.45, "kp": 3e-4, "n0": 1.4, "cox": 5e-3}
VDMOS = {"vto": 1.5, "kp": 0.02, "lambda": 0.02, "theta": 0.05, "mtriode": 1.3, "subshift": 0.05, "ksubthres": 0.08,
         "tksubthres1": 1e-3, "tksubthres2": 1e-6, "rd": 5.0, "rs": 2.0, "rg": 30.0, "rb": 3.0, "rds": 1e6, "cgdmax": 2e-9,
         "cgdmin": 1e-10, "a": 0.7, "cgs": 1e-9, "is": 1e-12, "n": 1.1, "tt": 2e-8, "cjo": 5e-10, "vj": 0.7, "m": 0.45,
         "fc": 0.6, "bv": 12.0, "ibv": 1e-6, "nbv": 1.2, "eg": 1.15, "xti": 2.5, "tcvth": 2e-3, "mu": -1.2, "trd1": 1e-3,
         "trd2": 1e-6, "trg1": 1e-3, "trg2": 1e-6, "trs1": 2e-3, "trs2": 1e-6, "trb1": 1e-3, "trb2": 1e-6}
VDMOS_QUASI = {**VDMOS, "rq": 40.0, "vq": 2.0, "texp0": 1.4, "texp1": 0.5}
MOS = {(1, "plain"): MOS1, (1, "process"): MOS1_PROCESS, (2, "plain"): MOS2, (2, "process"): MOS2_PROCESS,
       (2, "weak"): MOS2_WEAK, (2, "fast"): MOS2_FAST, (3, "plain"): MOS3, (3, "process"): MOS3_PROCESS,
       (3, "weak"): MOS3_WEAK, (3, "fast"): MOS3_FAST, (6, "plain"): MOS6, (6, "process"): MOS6_PROCESS}
GEOMETRY = {"w": 10e-6, "l": 2e-6, "ad": 2e-11, "as": 3e-11, "pd": 2e-5, "ps": 3e-5, "nrd": 2.0, "nrs": 1.5}


def complement(card):
    """Return the card of the complementary transistor."""
    return {k: -v if k == "vto" else v for k, v in card.items()}
