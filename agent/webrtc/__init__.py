"""WebRTC on aiortc."""
