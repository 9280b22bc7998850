"""Session descriptions: the remote peer's, judged before they are used, and ours as they go out."""
