"""A text-generation-inference endpoint on loopback, with a real small model."""

from ecd_data.local.tgi.server import TextGeneration

__all__ = ["TextGeneration"]
