"""Tumours, as volumes and as fields of cells: how they grow, how they answer to drugs and radiation, what resists."""
