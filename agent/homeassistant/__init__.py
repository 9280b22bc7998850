"""What Home Assistant is told of a device, so that it shows it: its MQTT discovery."""
