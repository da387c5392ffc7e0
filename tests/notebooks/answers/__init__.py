"""Model answers to the exercises, and wrong ones that must be refused: a file for each notebook."""
