"""The roof: the command line. Nothing imports it."""
