"""See inside. A forward pass: read every intermediate (trace.py), replace some (patch.py), follow
it step by step (walk.py, printed by walk_page.py). A text: how it became its tokens (explain.py);
which of them a decoder read while it wrote (alignment.py).
"""
