"""H.264 as bytes: start codes, NAL units and parameter sets (ITU-T H.264)."""
