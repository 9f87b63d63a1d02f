"""The question: a spec as its author wrote it → every mistake at once, or all that is decided before the run. Pure."""
