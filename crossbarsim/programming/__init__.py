"""Write schemes, pulses, and programming of whole arrays."""
