"""From packets to encoded pictures and sound."""
