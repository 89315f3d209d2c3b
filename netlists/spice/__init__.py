"""SPICE decks: reading them, writing them, and the expressions in them.

`crossbarsim.read_spice` reads a deck into a flat `Circuit`; `Circuit.to_spice` writes it back.
What is not listed here is refused with file, line and text: nothing is skipped silently. What has
no effect is told in `Circuit.notes`; so are parameters of model cards and options that are unknown,
which ``strict=True`` refuses.

**Lines.** The first line is the title. ``*`` begins a comment line; ``;``, ``//``, ``$`` (after a
space) a comment at the end; ``+`` continues a line. Case does not count. Numbers have suffixes
``t g meg k mil m u n p f`` and units, which are ignored: ``1A`` is 1; ``1k5`` is 1.5k, as LTspice
has it (ngspice reads 1k). Files are UTF-8, UTF-16 or
ISO 8859-1, with any line ends; two backslashes continue a line, too. Expressions stand in
``{...}`` or ``'...'``. ``0`` and ``gnd`` are ground. ``.end`` ends the deck.

**Elements.**

=======  =========================================================================================
R C L    ``R1 a b 1k [model] ac= tc1= tc2= tc=a,b tce= temp= dtemp= m= scale= l= w=``, ``R={...}``,
         ``C={...} ic=``, ``Q={...}``, ``L={...}``; at C and L LTspice's ``rser= rpar= lser= cpar=``
K        ``K1 L1 L2 [L3 ...] 0.9``
V I      ``DC``, ``AC magnitude phase``, ``m=`` (I), ``PULSE SIN EXP PWL (r= td= file=) SFFM AM``,
         ``TRNOISE TRRANDOM (seed=)``; at V LTspice's ``rser= cpar=``
E G      ``c d gain``, ``POLY(n)``, ``VALUE={...}``, ``vol= cur=``, ``TABLE {...} = (x, y) ...``
F H      ``V1 gain``, ``POLY(n)``, ``VALUE={...}``
B        ``V=...`` or ``I=...``, ``tc1= tc2= m=``
D Q J M  with ``.model``: d, npn, pnp, njf, pjf (level 1, 2), nmos, pmos (level 1, 2, 3, 6, ``ekv``;
         44, 55 and 260 are ekv, too), vdmos (``nchan`` or ``pchan``; three nodes);
         `crossbarsim.netlists.spice.cards` lists parameters and defaults. Levels 8, 49, 53 (BSIM3),
         14, 54 (BSIM4), 77 (BSIM-BULK), 69, 103 (PSP) need the extra ``crossbarsim[verilog-a]``:
         `crossbarsim.netlists.spice.cards.foundry`. Cards ``nch.1``, ``nch.2`` with ``lmin lmax
         wmin wmax`` are chosen by size: `crossbarsim.netlists.spice.read.bins`
S W      with ``.model`` sw, csw, or PSpice's vswitch, iswitch; ``on`` or ``off``
T        ``z0= td=`` or ``z0= f= nl=``; ``m=`` copies side by side
O        a lossy line ``O1 a b c d model``, with ``.model`` ltra(r= l= g= c= len=): exact
U        a uniform RC line ``U1 a b reference model l= n=``, with ``.model`` urc: lumps as SPICE's
N (U)    a memristor: ``.model name vteam(r_on=... preset=...)``, any model of the registry; at the
         element ``conductance=``, ``resistance=`` or states by name, and parameters of its own
         (``r_on=50 window=biolek polarity=-1``)
N        an instance of a compiled Verilog-A module: as many nodes as terminals, ``.model name
         module(parameters)``, at the element parameters of instances, ``m= temp= dtemp=``
X        ``X1 nodes name [params:] a=1 m=2``; ``X1 nodes crossbar rows= columns= word= bit=
         resistance=|conductance=file.csv model= transistor= ...`` needs no definition: a whole
         crossbar, see `crossbarsim.netlists.spice.read.elements.crossbar_macro.read_crossbar`
=======  =========================================================================================

**Expressions** have the operators and functions of ngspice's B sources and more, and ``v(a, b)``,
currents of any element (``i(v1)``, ``i(r1)``, ``@q1[ic]`` or ``ic(q1)``, also of F, H and W),
``time``, ``temper`` (degree Celsius), ``hertz`` (the frequency of small-signal analyses, else 0),
``ddt``, ``idt``: `crossbarsim.netlists.spice.expressions.functions` says what differs from ngspice
by choice. ``agauss gauss aunif unif limit`` draw random numbers for the values of a deck, with the
seed of `read_spice` or of the option ``seed``, without one their means: see
`crossbarsim.netlists.spice.read.draws`. What is computed with ``temper`` follows the temperature,
however that is set. ``.param`` and ``.func`` come in any order; circles are refused by name. As in
ngspice an instance sees the parameters of the instance around it, and the last of two equal
``.param`` counts.

**Structure.** ``.subckt`` (nested, with defaults and local models), ``.global``, ``.include`` and
``.lib file section`` (relative to the file that has them), ``.if .elseif .else .endif``. Modules
are loaded by ``.hdl "x.va"`` (compiled, with the extra ``crossbarsim[verilog-a]``), ``.hdl
x.osdi``, or as in ngspice by ``pre_osdi x.osdi`` in a control block; their names are kinds of
``.model``.

**Analyses.** ``.op .tran .dc .ac .noise .tf .sens .four .step``, ``.measure``, ``.ic .nodeset .temp
.options``, ``.save .print .plot .probe``, and ``.control`` blocks, of which the reader makes a tree
of commands. `Circuit.analyses`, `Circuit.measures`, `Circuit.saves`, `Circuit.commands` have them.
Outputs are ``v(a)``, ``v(a,b)``, ``i(v1)``, ``i(r1)``, ``@m1[id]``, over frequency ``vm vdb vp vr
vi`` and the same of currents.

A resistor of 0 ohm joins its nodes, which are one node of two names (`Circuit.aliases`); with the
option ``resmin`` it has that resistance, with ``compat="ngspice"`` 1 milliohm.

**Options** that count: abstol chgtol cshunt defad defas defl defw delmin gmin gminfactor gminsteps
interp itl1 itl2 itl4 klu maxord method minbreak nfreqs noopiter numdgt reltol resmin rseries rshunt
savecurrents scale seed srcsteps temp tnom trtol vntol wnflag xmu. Those that concern what there is
not here (listings, other solvers) are listed in `Circuit.notes`; those that would change results
and are not supported are refused.

**Names.** Inside of ``X1`` an element is ``x1.r2`` and a node ``x1.n``; ngspice's ``r.x1.r2`` is
understood, and written. Several copies of a subcircuit (``m=``) are as many instances: ngspice
forgets behavioural sources and lines, and lets the current of all copies control each (so does
``compat="ngspice"``).
"""
