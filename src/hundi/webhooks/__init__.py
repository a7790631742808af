"""Telling other programs what happened: endpoints, signed messages in order per object, retries, replay."""
