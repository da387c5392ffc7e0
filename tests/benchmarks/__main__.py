"""All tables, one after the other, each in a process of its own: python -m tests.benchmarks

It takes about 40 minutes on two cores; nothing else should run meanwhile.
"""

import subprocess
import sys

for name in ("tokenizer", "forward", "corpus", "pretraining", "search", "summarize"):
    print(f"\n\n== {name} ==\n", flush=True)
    subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=True)
