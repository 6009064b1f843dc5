"""Drugs: how a dose becomes a concentration, and a concentration an effect."""
