"""Tumours: records of their sizes, curves fitted to single ones, and forecasts with what other people's tell."""
