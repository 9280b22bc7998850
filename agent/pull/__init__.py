"""Others pull the picture by HTTP: WHEP, and the WebSocket that go2rtc speaks."""
