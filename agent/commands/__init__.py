"""What the command line does beyond running the device."""
