"""Embeddings of all layers: which and how mixed (layers.py), and fast (engine.py)."""
