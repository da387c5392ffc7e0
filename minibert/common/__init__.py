"""What several rooms need: writing a file whole (files.py), reading lines of text (lines.py), this
process, the others and their devices (processes.py).
"""
