"""The fault suite: what minibert answers to full disks, hostile files and ordinary mistakes.

`python -m tests.faults` runs every row and prints what went wrong, and the counts. The slow tests
break 2,000 files and kill 13 runs; with MINIBERT_THOROUGH=1, 10,000 files and 30 runs. So do those
of fine-tuning and prediction: a few kills, or six of each.
"""

import os

IS_THOROUGH = bool(os.environ.get("MINIBERT_THOROUGH"))
