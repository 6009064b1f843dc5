"""Lets the tests of this folder import the modules beside them: `contract` and `part_case`."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
