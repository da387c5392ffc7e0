"""Models made small. quantization.py computes with whole numbers of one byte; importance.py finds
the heads and neurons that a model can do without, pruning.py takes them out. The engine
(extraction/) uses the first, and leaves out of its products what the last took out.
"""
