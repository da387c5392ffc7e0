"""Behind weights_loader.py: where a model's files come from (finding.py), what the small ones say
(settings.py), which head the model gets (head.py), how each tensor was used (account.py), and
building a model without drawing weights for it (without_init.py).
"""
