"""The answer: a run's folder → metrics with errors → checks → pass, fail or unknown. Nothing is run again."""
