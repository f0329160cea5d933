"""Recordings of installations that nobody has seen: drawn topologies, names, units and gaps, under drawn troubles."""
