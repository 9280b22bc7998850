"""How many bits a second a path holds, and who decides where several share one encoder."""
