"""Both backends held against each other, pair by pair: do the model and the packets tell the same story?

twins       one policy's two stories, and what stands on one clock
bounds      how far they may differ, timer by timer, each with its source
finding     one comparison, and the comparisons of one aspect
dark        when each pair was dark             losses     pairs that lose by chance
hit         whom each phase hit                 ways       which way packets took, by traces and by delay
state       tables and proofs                   signals    when who noticed
compare     all of it, and a verdict
launch      two folders, or an experiment to run on both → a folder with the answer
words, picture                                  the answer for people
"""
