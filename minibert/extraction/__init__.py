"""Embeddings of all layers: which and how mixed (layers.py), fast (engine.py), of many texts
(reading.py, embed.py, storing.py), and how alike they are (similarity.py).
"""
