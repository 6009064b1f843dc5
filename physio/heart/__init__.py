"""The heart: pacemaker, activation, chambers, valves."""
