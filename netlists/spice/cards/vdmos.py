"""Vertical power MOS transistors (VDMOS), of three terminals."""

from __future__ import annotations

from .card import Card, table

__all__ = ["VDMOS"]

VDMOS = Card("VDMOS transistor", table("""
vto   0       V       threshold
kp    1       A/V^2   transconductance
lambda 0      1/V     channel-length modulation
theta 0       1/V     mobility reduction by the gate's voltage
mtriode 1     -       multiplier of the drain's voltage in the triode region
subshift 0    V       shift of weak inversion along the gate's voltage
ksubthres 0.1 V       slope of weak inversion
tksubthres1 0 1/K     first temperature coefficient of ksubthres
tksubthres2 0 1/K^2   second temperature coefficient of ksubthres
rd    0       ohm     drain resistance
rs    0       ohm     source resistance
rg    0       ohm     gate resistance
rds   1e15    ohm     shunt between drain and source
rq    -       ohm     quasi-saturation resistance, at high voltage; none
vq    -       V       voltage at which half of rq counts; none
cgdmax 0      F       largest gate-drain capacitance
cgdmin 0      F       smallest gate-drain capacitance
a     1       1/V     slope of the gate-drain capacitance
cgs   0       F       gate-source capacitance
is    1e-14   A       body diode saturation current
n     1       -       body diode emission coefficient
rb    0       ohm     body diode series resistance
tt    0       s       body diode transit time
cjo   0       F       body diode zero-bias capacitance
vj    0.8     V       body diode junction potential
m     0.5     -       body diode grading coefficient
fc    0.5     -       body diode forward-bias depletion capacitance coefficient
bv    -       V       breakdown voltage; infinite
ibv   1e-10   A       current at the breakdown voltage
nbv   1       -       breakdown emission coefficient
eg    1.11    eV      body diode activation energy
xti   3       -       body diode saturation current temperature exponent
tcvth 0       V/K     by which the threshold falls
mu    -1.5    -       exponent of the transconductance in temperature
texp0 -       -       exponent of rd in temperature; trd1 and trd2
texp1 0.3     -       exponent of rq in temperature
trd1  0       1/K     first temperature coefficient of rd
trd2  0       1/K^2   second temperature coefficient of rd
trg1  0       1/K     first temperature coefficient of rg
trg2  0       1/K^2   second temperature coefficient of rg
trs1  0       1/K     first temperature coefficient of rs
trs2  0       1/K^2   second temperature coefficient of rs
trb1  0       1/K     first temperature coefficient of rb
trb2  0       1/K^2   second temperature coefficient of rb
tnom  27      C       at which the parameters are given
kf    0       -       flicker noise coefficient
af    1       -       flicker noise exponent
"""), {"vth0": "vto", "vtotc": "tcvth", "bex": "mu", "cj0": "cjo"},
    instance=("off", "ic", "icvds", "icvgs", "m", "temp", "dtemp"))
