"""Channels as circuits, and models of the noise of devices."""
