"""BERT in a browser: one HTML file that runs a model and shows every number of it. page/ is the
page itself, HTML and JavaScript, with BERT in page/model/. build.py puts it, a model and its
vocabulary into one file; lines.py says which lines of the textbook it shows; show.py is for
notebooks.
"""
