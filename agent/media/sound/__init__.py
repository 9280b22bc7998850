"""Sources of sound, and the hub that shares one."""
