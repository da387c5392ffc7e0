"""Believe it: the model computed a second time (numpy_twin.py), and compared with transformers,
operation by operation (verify.py).
"""
