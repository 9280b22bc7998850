"""What a door has beside the call: buttons, outputs, who is told of a visitor, and messages."""
