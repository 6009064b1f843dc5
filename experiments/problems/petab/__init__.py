"""Parameter-estimation problems of the PEtab collection in plain Python: one file a model."""
