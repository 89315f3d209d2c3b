"""Array kernels that `compiled` puts a model's laws in front of."""
