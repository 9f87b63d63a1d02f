"""Designs × failures: every policy under every fault, on one standard timeline, in one table.

scenario   a fault's words → the timeline that it is tried on      plan    the cross product; what cannot be, by name
work       what a worker does with a cell: a sweep's, with the timeline beside the numbers
table      rows → cells, best and worst of each column             picture, page   the report
conduct    all of it, in order, resumable: on the engine of sweeps
"""
