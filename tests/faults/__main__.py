"""`python -m tests.faults [WORD …]`: all rows, or those whose names have one of the words."""

import sys

from tests.faults.runner import report, run_all
from tests.faults.tables import FAULTS

words = sys.argv[1:]
chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
sys.exit(0 if report(run_all(chosen)) else 1)
