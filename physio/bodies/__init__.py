"""Bodies: parts placed and wired, no equations."""
