"""A BERT and a file of examples to a model that answers: examples.py, entities.py, questions.py
(files to examples), metrics.py (how good answers are), rows.py (examples to ids), batches.py,
tasks.py (classification, tagging, answering, similarity on the training loop), frozen.py (BERT
unchanged, all layers mixed), settings.py, predict.py (texts to answers), evaluate.py (a file of
examples to scores).
"""
