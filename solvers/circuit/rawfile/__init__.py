"""ngspice's ``.raw`` files, read and written, and tables of comma-separated values."""
