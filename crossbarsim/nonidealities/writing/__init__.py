"""How stored conductances miss their targets: finite states, write errors, pulses."""
