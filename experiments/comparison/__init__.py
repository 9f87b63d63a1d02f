"""Two sets of runs held against each other: is the second worse than the first by more than chance?

sample        what is kept of a run, and the baseline file that keeps it
difference    two lists of numbers → a difference with its interval (runs are resampled, not pairs)
compare       two sets of runs → rows, worst first, and a verdict
picture       every run as a dot
"""
