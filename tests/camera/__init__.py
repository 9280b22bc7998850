"""The Raspberry Pi's camera on libcamera's virtual one: the real picamera2, in a Debian 13 of its
own.
"""
