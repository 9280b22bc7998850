"""What a door has beside the call: outputs, and who is told of a visitor."""
