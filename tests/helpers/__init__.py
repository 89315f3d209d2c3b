"""What tests share: circuits and devices by hand, cards of semiconductors, ngspice beside them."""
