"""Junction field-effect transistors: levels 1 (Shichman-Hodges), 2 (Parker-Skellern)."""

from __future__ import annotations

from .card import Card, table

__all__ = ["JFET", "JFET2"]

# Shichman and Hodges, IEEE J. Solid-State Circuits 3:285 (1968); b: A. E. Parker
JFET = Card("junction field-effect transistor", table("""
vto   -2      V       threshold
beta  1e-4    A/V^2   transconductance
lambda 0      1/V     channel-length modulation
b     1       -       doping tail
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
cgs   0       F       zero-bias gate-source capacitance
cgd   0       F       zero-bias gate-drain capacitance
pb    1       V       gate junction potential
is    1e-14   A       gate junction saturation current
n     1       -       gate junction emission coefficient
fc    0.5     -       forward-bias depletion capacitance coefficient
tcv   0       V/K     threshold temperature coefficient
bex   0       -       mobility temperature exponent
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {"vt0": "vto"},
    instance=("area", "off", "ic", "icvds", "icvgs", "m", "temp", "dtemp"))

# A. E. Parker and D. J. Skellern, IEEE Trans. Microwave Theory Tech. 45:1563 (1997)
JFET2 = Card("junction field-effect transistor of level 2", table("""
vto   -2      V       threshold
beta  1e-4    A/V^q   transconductance
lambda 0      1/V     channel-length modulation
p     2       -       exponent of the triode region
q     2       -       exponent of the saturated current
z     1       -       knee of saturation
xi    1000    -       saturation index
mxi   0       -       change of the saturation index with the gate's voltage
vst   0       V       slope below the threshold
mvst  0       1/V     change of vst with the drain's voltage
lfgam 0       -       drain feedback at low frequencies
lfg1  0       1/V     change of lfgam with the gate-source voltage
lfg2  0       1/V     change of lfgam with the gate-drain voltage
hfgam -       -       drain feedback at high frequencies; that of lfgam
hfg1  0       1/V     change of hfgam with the gate-source voltage
hfg2  0       1/V     change of hfgam with the gate-drain voltage
hfeta 0       -       source feedback at high frequencies
hfe1  0       1/V     change of hfeta with the gate-drain voltage
hfe2  0       1/V     change of hfeta with the gate-source voltage
taug  0       s       time constant of the traps
delta 0       1/W     reduction of the current by the power
taud  0       s       time constant of the heating
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
cgs   0       F       zero-bias gate-source capacitance
cgd   0       F       zero-bias gate-drain capacitance
cds   0       F       drain-source capacitance
acgam 0       -       change of the gate's charge with the drain's voltage
xc    0       -       reduction of cgs below the threshold
vbi   1       V       gate junction potential
fc    0.5     -       forward-bias depletion capacitance coefficient
is    1e-14   A       gate junction saturation current
n     1       -       gate junction emission coefficient
ibd   0       A       gate junction breakdown current
vbd   1       V       slope of the breakdown
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {"vt0": "vto", "pb": "vbi"}, (2,), JFET.instance, {"ver": "a number of the model's version"})
