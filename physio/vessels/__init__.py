"""Vessels: compliant stores and the beds between them."""
