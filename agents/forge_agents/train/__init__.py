"""Train an overseer against an arena over REST: GRPO and related algorithms, the three phases, the report.

`agents/examples/grpo.py` shows the idea in one file. These are the modules in the order of a run, with the value that
each takes and the value that it makes:

    presets         a file -> Preset, all settings of a run
    pipeline        Preset -> the stages below, each with its result in the run's folder
    warm_start      demonstrations -> the model to start from, by supervised fine-tuning
        demonstrations  episodes and their truth -> what a perfect overseer writes
        fine_tuning     rows -> batches of about the same length -> optimizer steps
        adapters        LoRA and 4-bit weights, for a model that would not fit otherwise
        tiny/           makes a model from nothing; a real model needs none of it
    online          the model -> the trained model, with checkpoints and warnings, by these four:
        episodes        the arena -> a stream of prompts, one episode for a whole group of attempts
        algorithms      prompts -> completions -> an optimizer step: TRL's trainers
        rollouts, shared_prompts    the same step at less cost: a bfloat16 copy writes, and a prompt is read once
        trl.rewards     completions -> a column for each component, scored by the arena (`forge_agents.trl`)
        tools           with `--tools`: rollouts of several turns -> the same columns
        advantages      rewards -> the weight of each attempt, or of each token
        checkpoints     a step -> a checkpoint that is whole or not there
    offline         the model -> the trained model, from attempts made once (rft, dpo) or demonstrations (sft)
        attempts        a model -> groups of scored attempts
    calibrate       groups -> pass rates of cells -> the arena's curriculum (phase 2)
    journal         numbers of steps and measurements -> the files of the run's folder, and warnings
        reporting       the same numbers -> the page Runs of the arena, while the run learns
    progress        numbers of steps -> a line for a progress bar
        processes       which of several processes measures, writes and reports
    changes         the evaluations before and after -> what may be claimed
    report, figures, card, sweep    the run's folder -> a page, a model card, a comparison of runs
    checker/        an encoder that compares sentences with passages, in the place of a model that writes verdicts
    export/         demonstrations or groups -> training data for somebody who trains elsewhere
    rows            prompt and completion -> a row in TRL's format, for fine-tuning and exports

The package needs the extra `train` (torch, transformers, TRL, PEFT). Other packages import it inside functions only.
"""

import logging
import warnings


def quiet() -> None:
    """Silence the progress bars and notices of the libraries, because they would break our own progress bars."""
    import datasets
    from transformers.utils import logging as transformers_logging

    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|trl|peft")
