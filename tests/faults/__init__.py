"""The fault suite: what minibert answers to full disks, hostile files and ordinary mistakes.

`python -m tests.faults` runs every row and prints what went wrong, and the counts.
"""
