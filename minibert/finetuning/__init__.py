"""BERT for a task, from a file of examples to a model that answers, in the order of the data: files
are read (examples.py, entities.py, questions.py), become rows of ids (rows.py) and batches
(batches.py); a run has its settings (settings.py), what it begins with (prepare.py) and its task
(tasks.py; translation.py), perhaps on stored states (frozen.py); the model answers (predictor.py,
predict.py; translator.py) and is judged (evaluate.py, metrics.py).
"""
