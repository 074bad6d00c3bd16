"""An overseer that reads an answer sentence by sentence beside the passages that matter: `checker:FOLDER`.

`forge-arena train checker` makes the folder. The modules in the order of a review:

    reading    an observation -> pairs of a sentence and passages, and what is asked of each
    encoder    pairs -> log-odds that something is wrong, for the sentence and for each of its tokens
    evidence   log-odds -> the numbers of an answer, and P(corrupted), calibrated on the arena's val split
    overseer   the numbers -> a verdict that quotes the sentence and the passage

`encoder` and `overseer` need the extra `train`.
"""
