"""The load: probes, path traces, bulk flows; measures, and knows nothing of the brain."""
