"""The documentation, and what writes into it from the code."""
