"""Linear steps: sparse LU of our own, KLU, factors kept from earlier steps, Schur complements."""
