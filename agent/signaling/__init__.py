"""Signaling over MQTT: the messages and topics of the protocol, and the adapter that carries
them.
"""
