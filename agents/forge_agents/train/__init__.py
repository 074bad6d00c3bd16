"""Train an overseer against an arena that is reached over REST alone: GRPO and its kin, the phases, the report.

Needs the extra `train` (torch, transformers, TRL, PEFT); nothing outside this package imports it at the top.
"""

import logging
import warnings


def quiet() -> None:
    """Keep the libraries' progress bars and notices out of the way of our own."""
    import datasets
    from transformers.utils import logging as transformers_logging

    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    logging.getLogger("trl").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"transformers|trl|peft")
