"""MOS transistors: levels 1 (Shichman-Hodges), 2 (Grove-Frohman), 3 (semi-empirical), 6, EKV 2.6.

A. Vladimirescu and S. Liu, *The Simulation of MOS Integrated Circuits Using SPICE2*, UCB/ERL
M80/7 (1980).
"""

from __future__ import annotations

from .card import Card, table

__all__ = ["EKV", "MOS1", "MOS2", "MOS3", "MOS6"]

_COMMON = """
vto   0       V       zero-bias threshold
kp    2e-5    A/V^2   transconductance
gamma 0       V^0.5   bulk threshold
phi   0.6     V       surface potential
lambda 0      1/V     channel-length modulation
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
rsh   0       ohm     sheet resistance of drain and source, times nrd and nrs
cbd   -       F       zero-bias bulk-drain capacitance; from cj
cbs   -       F       zero-bias bulk-source capacitance; from cj
is    1e-14   A       bulk junction saturation current
js    0       A/m^2   bulk junction saturation current density
pb    0.8     V       bulk junction potential
cgso  0       F/m     gate-source overlap capacitance
cgdo  0       F/m     gate-drain overlap capacitance
cgbo  0       F/m     gate-bulk overlap capacitance
cj    0       F/m^2   zero-bias bulk bottom capacitance
mj    0.5     -       bulk bottom grading coefficient
cjsw  0       F/m     zero-bias bulk sidewall capacitance
mjsw  0.5     -       bulk sidewall grading coefficient
tox   -       m       oxide thickness; 1e-7 at levels 2 and 3, none at level 1
nsub  -       cm^-3   substrate doping; none
nss   0       cm^-2   surface state density
tpg   1       -       gate: 1 opposite to substrate, -1 same, 0 aluminium
ld    0       m       lateral diffusion
uo    600     cm^2/Vs surface mobility
fc    0.5     -       forward-bias depletion capacitance coefficient
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""
_ALIASES = {"vt0": "vto", "u0": "uo", "tref": "tnom"}
_INSTANCE = ("w", "l", "ad", "as", "pd", "ps", "nrd", "nrs", "off", "ic", "icvds", "icvgs",
             "icvbs", "m", "temp", "dtemp")

_IDLE = dict.fromkeys(
    ("l", "w"), 'elements without their own take it, but not with compat="ngspice"',
)

MOS1 = Card("MOS transistor of level 1", table(_COMMON), _ALIASES, (1,), _INSTANCE, _IDLE)

MOS2 = Card("MOS transistor of level 2", {
    **table(_COMMON), **table("""
tox   1e-7    m       oxide thickness
lambda -      1/V     channel-length modulation; computed
xj    0       m       metallurgical junction depth
ucrit 1e4     V/cm    critical field of the mobility
uexp  0       -       exponent of the critical field
vmax  0       m/s     maximum drift velocity
neff  1       -       total channel charge coefficient
nfs   0       cm^-2   fast surface state density
delta 0       -       width effect on the threshold
mjsw  0.33    -       bulk sidewall grading coefficient
"""),
}, _ALIASES, (2,), _INSTANCE, {
    **_IDLE, "utra": "SPICE3 leaves the transverse field out",
})

MOS3 = Card("MOS transistor of level 3", {
    **{k: v for k, v in table(_COMMON).items() if k != "lambda"}, **table("""
tox   1e-7    m       oxide thickness
xj    0       m       metallurgical junction depth
vmax  0       m/s     maximum drift velocity
nfs   0       cm^-2   fast surface state density
delta 0       -       width effect on the threshold
theta 0       1/V     mobility modulation
eta   0       -       static feedback
kappa 0.2     -       saturation field factor
xd    0       m       length of the depletion layer; computed
mjsw  0.33    -       bulk sidewall grading coefficient
"""),
}, _ALIASES, (3,), _INSTANCE, _IDLE)

# T. Sakurai and A. R. Newton, IEEE Trans. Electron Devices 38:887 (1991)
MOS6 = Card("MOS transistor of level 6", {
    **{k: v for k, v in table(_COMMON).items() if k not in ("kp", "kf", "af")}, **table("""
tox   -       m       oxide thickness; none
kv    2       -       saturation voltage factor
nv    0.5     -       saturation voltage exponent
kc    5e-5    -       saturation current factor; from uo and tox where there is an oxide
nc    1       -       saturation current exponent
gamma1 0      -       bulk threshold, linear
sigma 0       -       static feedback
lambda0 -     1/V     channel-length modulation; lambda
lambda1 0     1/V^2   change of lambda0 with the bulk's voltage
"""),
}, _ALIASES, (6,), _INSTANCE, {
    **_IDLE, **dict.fromkeys(("nvth", "ps"), "SPICE3 reads it and leaves it out"),
})

EKV = Card("EKV MOS transistor", table("""
vto   0.5     V       long-channel threshold
gamma 1       V^0.5   body effect
phi   0.7     V       bulk Fermi potential, twice
kp    5e-5    A/V^2   transconductance
theta 0       1/V     mobility reduction
lambda 0      1/V     channel-length modulation
cox   -       F/m^2   oxide capacitance; from tox
tox   -       m       oxide thickness
n0    -       -       slope factor; from gamma and phi
vcrit 0       V       critical field times length, of a short channel; needs n0
sigma 0       -       threshold's fall with vds, with vcrit
ksource 0     -       pinch-off voltage's rise with the source, with vcrit
ld    0       m       lateral diffusion, at each end
dw    0       m       width correction
dl    0       m       length correction
cgso  0       F/m     gate-source overlap capacitance
cgdo  0       F/m     gate-drain overlap capacitance
cgbo  0       F/m     gate-bulk overlap capacitance
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
rsh   0       ohm     sheet resistance of drain and source
is    1e-14   A       bulk junction saturation current
js    0       A/m^2   bulk junction saturation current density
cbd   -       F       zero-bias bulk-drain capacitance; from cj
cbs   -       F       zero-bias bulk-source capacitance; from cj
cj    0       F/m^2   zero-bias bulk bottom capacitance
mj    0.5     -       bulk bottom grading coefficient
cjsw  0       F/m     zero-bias bulk sidewall capacitance
mjsw  0.33    -       bulk sidewall grading coefficient
pb    0.8     V       bulk junction potential
fc    0.5     -       forward-bias depletion capacitance coefficient
tcv   0       V/K     threshold temperature coefficient
bex   -1.5    -       mobility temperature exponent
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {"vt0": "vto", "tref": "tnom"}, ("ekv",), _INSTANCE, _IDLE)
