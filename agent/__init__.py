"""callbox: a device that can be called. The public names are re-exported lazily by `agent.client`."""

__version__ = "0.1.0"
