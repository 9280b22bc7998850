"""Picture and sound: sources, the hubs that share them, and where received media can go."""
