"""What makes a process a service: readiness, status in words, watchdog, journal and the local
status socket.
"""
