"""Sound files to batches."""
