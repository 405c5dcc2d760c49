"""A run's log and clips as one page that needs nothing from outside."""
