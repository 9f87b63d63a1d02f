"""Many runs of one experiment, and what their numbers have in common.

spec, values   a sweep file: axes and what stands on them   points    axes → points, and what each changes
reading        the file, with all mistakes at once          plan      every point, decided or refused
work           what a worker does with one point            build     which failstatic a worker must be
pool           jobs → rows, each once, on dask              cluster   the workers: our own, or a scheduler's
store          what is finished, kept at once               launch    all of it, in order
statistics, pictures, page                                  the report
"""
