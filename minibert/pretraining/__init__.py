"""From raw text to a trained BERT; the files in the order in which the data flows through them:
reading, vocabulary_trainer, corpus, sentence_pairs, masking, batches, losses, optimizer,
checkpoint, trainer; settings holds all that may be chosen, predict uses the result.
"""
