"""Hundi: receivables server and B2B invoice-network gateway for Indian business."""

__version__ = "0.1.0"
