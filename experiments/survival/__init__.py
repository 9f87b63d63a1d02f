"""How long a network lives without its brain, while fibres break and are mended.

process    when fibres break                     promise   when a promised availability is broken
headless   a network whose brain is gone         damage    who is dark after these cuts, and who had to be
lives      a seed's cuts → how long it was borne
"""
