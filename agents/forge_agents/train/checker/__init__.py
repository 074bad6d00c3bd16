"""Train a checker, the encoder behind `checker:FOLDER`, from a running arena over REST.

In the order of a training, with the value that each module takes and the value that it makes:

    settings       `--set` -> Settings
    run            an arena -> the folder of a checker; the stages below, each kept in a file
        demonstrations  (of `forge_agents.train`) episodes of the train split and their truth
        pairs           episodes -> labelled pairs of a sentence and passages
            edits       a sentence -> a wrong or a harmless form of the sentence
            renaming    a pair -> the same pair in other words
        fitting         pairs -> the encoder's weights
        calibrating     episodes of the val split -> the calibration, and the numbers of the card
        card            the numbers -> README.md, the model card

The package needs the extra `train` (torch, transformers). Other packages import it inside functions only.
"""
