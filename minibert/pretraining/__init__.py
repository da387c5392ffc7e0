"""From raw text to a trained BERT, in the order in which the data flows: reading,
vocabulary_trainer, corpus, sentence_pairs, masking, batches, losses, optimizer, trainer (with
processes, log and checkpoint), curve, predict. settings holds all that may be chosen, prepare makes
what a run begins with.
"""
