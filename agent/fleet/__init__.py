"""The fleet: what the devices publish, collected once, kept and asked."""
