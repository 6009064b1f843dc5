"""Posteriors beyond a normal approximation at the mode: samplers, variational and amortised fits, and the checks on each."""
