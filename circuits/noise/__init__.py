"""What noise does: channels as circuits, and models of the noise of devices."""
