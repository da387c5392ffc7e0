"""Looking into the model: trace.py, numpy_twin.py, verify.py."""
