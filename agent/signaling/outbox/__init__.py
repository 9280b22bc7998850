"""What may not be lost: kept on disk until the broker has it."""
