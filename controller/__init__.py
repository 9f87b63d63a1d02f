"""The brain: a pure core (paths, pipeline, brain) under a thin OpenFlow shim."""
