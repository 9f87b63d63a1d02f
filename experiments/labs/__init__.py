"""The labs that an experiment can run in."""
