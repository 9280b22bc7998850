"""MQTT 5 on paho."""
