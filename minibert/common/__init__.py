"""What several rooms need: writing a file whole (files.py) and only where it may be (outputs.py),
reading lines of text (lines.py), cutting them into sentences (sentences.py), the CPU or GPU to
compute on (devices.py), this process and the others of a run (processes.py), sentences in the
reader's language (language.py), fonts for pictures (fonts.py).
"""
