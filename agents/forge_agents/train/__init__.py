"""Train an overseer against an arena over REST: GRPO and its kin, the three phases, the report.

The idea in one file, without what follows here: `agents/examples/grpo.py`. The modules, in the order of a run, with
what one passes to the next:

    presets         a file -> Preset, all settings of a run
    pipeline        Preset -> the stages below, each with its result in the run's folder
    warm_start      demonstrations -> the model to start from, by supervised fine-tuning
        demonstrations  episodes and their truth -> what a perfect overseer writes
        adapters        LoRA and 4-bit weights, for a model that would not fit otherwise
        tiny/           all that only a model from nothing needs; a real model passes it by
    online          the model -> the trained model; it joins these four, checkpoints and the watch over them:
        episodes        the arena -> a stream of prompts, one episode for a whole group of attempts
        algorithms      prompts -> completions -> an optimizer step: TRL's trainers
        rewards         completions -> a column for each component, scored by the arena
        advantages      rewards -> the weight of each attempt, or of each token
    offline         or this: the same from attempts made once (rft, dpo), or from demonstrations (sft)
        attempts        a model -> groups of scored attempts
    calibrate       groups -> pass rates of cells -> the arena's curriculum (phase 2)
    journal         numbers of steps and measurements -> the files of the run's folder; warnings
        progress, processes    what a person sees; which of several processes speaks
    changes         the evaluations before and after -> what may be claimed
    report, figures, card, sweep    the run's folder -> a page, a model card, a comparison of runs
    export/         demonstrations or groups -> training data for somebody who trains elsewhere
        rows            its format, which is also that of fine-tuning here

Needs the extra `train` (torch, transformers, TRL, PEFT). Nothing outside this package imports it at the top.
"""

import logging
import warnings


def quiet() -> None:
    """Silence the progress bars and notices of the libraries, which would tear our own apart."""
    import datasets
    from transformers.utils import logging as transformers_logging

    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|trl|peft")
