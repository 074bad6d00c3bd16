"""Let the measurements share `measure` and what all tests share, also in the processes that they spawn."""

import sys
from pathlib import Path

sys.path[:0] = [str(folder) for folder in Path(__file__).parents[:2]]
