"""A Hugging Face Hub on loopback, kept on disk."""

from ecd_data.local.hub.server import Hub

__all__ = ["Hub"]
