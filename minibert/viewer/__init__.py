"""BERT in a browser: one HTML file that runs a model, and shows every number of it. page/ is the
page itself, HTML and JavaScript; build.py puts it, a model and its vocabulary into one file.
"""
