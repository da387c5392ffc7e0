"""The other half of the Transformer, in the order of the data: a mask that hides the future
(causal.py), attention to another text (cross_attention.py), the decoder's layers (decoder.py), the
models (encoder_decoder.py), and writing with them, token after token (generation.py; cached.py is
fast).
"""
