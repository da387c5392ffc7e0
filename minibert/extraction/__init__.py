"""Embeddings of all layers, in the order of the data: texts are read (reading.py), shared among the
cores (parallel.py), computed fast (engine.py, and its linear maps by linear.py), layers chosen,
mixed and pooled (layers.py), all put together (embedder.py), for the caller (embed.py), to a file
(storing.py, which parts.py lets resume). What vectors are for: the texts nearest to a query
(search.py), the sentences that say most of a text (summary.py), and how a summary is measured
(rouge.py). Beside them: how alike two words are at each layer (similarity.py); what each dtype
costs here (bench.py).
"""
