"""Templates of kernels for compiled Verilog-A modules; see `crossbarsim.devices.modules`."""
