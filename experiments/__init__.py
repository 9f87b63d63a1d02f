"""The question: spec, faults, timeline, journal, metrics, checks, report."""
