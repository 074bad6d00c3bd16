"""Make and teach a model from nothing. Training of a real model uses none of these modules.

    tokenizer   a small vocabulary, in which each decision of a verdict is one token
    model       a Qwen2 of half a million parameters, drilled before it reads any text
    drills      the drills: copying and comparing, on noise
    renaming    other words for demonstrations, so that a few families teach more than themselves
    exchange    other tokens for words, anew in each epoch, for the same reason
    weighing    fine-tuning in which the tokens that decide weigh more

The preset `tiny` uses all of these. `train/warm_start.py` calls them if a preset asks for them.
"""
