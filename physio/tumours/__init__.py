"""Tumours: how they grow, how they answer to drugs and radiation, and what resists."""
