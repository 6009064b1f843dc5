"""Tumours: records and scans of them, fits and forecasts."""
