"""Models made small. importance.py finds the heads and neurons that a model can do without,
pruning.py takes them out; the engine (extraction/engine.py) then leaves them out of its products.
"""
