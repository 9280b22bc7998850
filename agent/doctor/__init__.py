"""`callbox doctor`: what of this machine works for callbox, what does not, and what to do."""
