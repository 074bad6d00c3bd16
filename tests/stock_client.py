"""What a client does that has none of our Python: the function of docs/rest.md, as it is written there."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

REST = Path(__file__).parents[1] / "docs" / "rest.md"


def _function(name: str) -> Callable[..., Any]:
    (block,) = re.findall(
        rf"```python\n((?:import \w+\n+)?def {name}\(.*?)```", REST.read_text(encoding="utf-8"), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(compile(block, str(REST), "exec"), names)
    found: Callable[..., Any] = names[name]
    return found


build_messages = _function("build_messages")
