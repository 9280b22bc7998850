"""What makes a client a device: policy at the door, commands, events and status, supervision."""
