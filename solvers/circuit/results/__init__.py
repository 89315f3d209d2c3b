"""Results: curves by ngspice's names, quantities of elements, arithmetic on waveforms."""
