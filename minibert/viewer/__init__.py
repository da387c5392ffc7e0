"""BERT in a browser: one HTML file that runs a model and shows every number of it. page/ is the
page itself, HTML and JavaScript, with BERT in page/model/. build.py puts it, a model and its
vocabulary into one file, with the lines of the textbook (lines.py) and all modules as one script
(scripts.py); show.py is for notebooks.
"""
