"""What several rooms need: writing a file whole (files.py), reading lines of text (lines.py), the
CPU or GPU to compute on (devices.py), this process and the others of a run (processes.py).
"""
