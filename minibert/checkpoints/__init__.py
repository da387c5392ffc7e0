"""Behind weights_loader.py: where the files come from, and what became of their tensors."""
