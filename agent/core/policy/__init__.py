"""Who may call, when, how often and for how long."""
