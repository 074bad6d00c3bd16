"""Let the measurements share `measure`, also in the processes that they spawn."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
