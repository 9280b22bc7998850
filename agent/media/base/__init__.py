"""What every source of pictures or sound is made of: contract, settings, worker thread, encoder."""
