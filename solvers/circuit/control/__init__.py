"""Control blocks: ngspice's command language on our own results."""
