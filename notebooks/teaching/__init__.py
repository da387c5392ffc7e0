"""The course for a class: slides and handouts of the notebooks. They need no network.

export.py makes the files, formulas.py draws the formulas. course/ is a template of nbconvert: how a
cell becomes HTML, and how its blocks are put on slides.
"""
