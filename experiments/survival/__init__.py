"""How long a network lives without its brain, while fibres break and are mended.

spec       a study's file                        study     from the file to its folder of results
process    when fibres break                     promise   when a promised availability is broken
headless   a network whose brain is gone         damage    who is dark after these cuts, and who had to be
lives      a seed's cuts → how long it was borne work      so many lives, as a job of a sweep's workers
estimate   lives → curves with bands             table, picture, page   … to look at
"""
