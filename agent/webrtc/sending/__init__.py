"""From an encoded picture to packets in the pacer's time."""
