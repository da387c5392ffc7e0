"""The first cell of a Chinese notebook imports this: it finds the code, and answers in Chinese."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["MINIBERT_LANG"] = "zh"
