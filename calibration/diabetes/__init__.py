"""Twins of people with type 1 diabetes: days of a sensor, a pump and a meal diary -> a posterior that answers what-ifs.

Research software: it explains data and never advises.
"""
