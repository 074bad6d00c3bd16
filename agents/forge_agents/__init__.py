"""Everything that talks to an arena from outside: clients, remote environments, overseers and their evaluation.

from forge_agents import evaluate

evaluate("rules", arena="http://127.0.0.1:8000", split="val")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forge_agents.evaluation import evaluate as evaluate
    from forge_agents.result import Result as Result

# No `__all__`: whatever reads a module's names without asking for them, such as pdoc, does not find these two.


def __getattr__(name: str) -> Any:
    # Evaluation imports all that grades and scores, which takes a second, and a client does not need it.
    if name == "evaluate":
        from forge_agents.evaluation import evaluate

        return evaluate
    if name == "Result":
        from forge_agents.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
