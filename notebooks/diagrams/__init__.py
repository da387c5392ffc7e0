"""The diagram at the head of each notebook: the data's way, with shapes in the legend's letters.

`python -m notebooks.diagrams` writes the files 01.svg to 19.svg. the_model.py draws those of
notebooks 01 to 09, its_uses.py those of 10 to 19, style.py has the boxes and arrows of all.
"""
