"""Dated segmentations of one person: a tumour fitted to their outlines, the last one forecast, told on one page."""
