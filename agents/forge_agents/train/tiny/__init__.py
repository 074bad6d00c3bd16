"""What only a model from nothing needs: training a real model passes this room by.

    tokenizer   a small vocabulary, in which each decision of a verdict is one token
    model       a Qwen2 of half a million parameters, drilled before it reads any text
    drills      the drills: copying and comparing, on noise
    renaming    demonstrations with other words, so that few families teach more than themselves
    exchange    tokens that stand for one another, for the same reason
    weighing    fine-tuning in which the tokens that decide weigh more

The preset `tiny` uses all of these. `train/warm_start.py` calls them where a preset asks for them.
"""
