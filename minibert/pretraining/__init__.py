"""From raw text to a trained BERT, in the order of the data: reading.py, vocabulary_trainer.py,
corpus.py, sentence_pairs.py, masking.py, batches.py, losses.py, then task.py, which the training
loop runs; next_token.py is the other task, of a model that writes. settings.py has all that can be
chosen, prepare.py makes the tokenizer and the new model, predict.py asks the trained heads.
"""
