"""One loop for everything that learns. A run is the loop (loop.py) and a task: what its batches,
its losses and its measures are (task.py). Beside them: settings.py, optimizers.py, schedule.py,
checkpoint.py (to go on after a stop), log.py and curve.py (to see how it went); forward.py, BERT's
forward pass with gradient, fast.
"""
