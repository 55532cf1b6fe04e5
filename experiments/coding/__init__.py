"""Questions about codecs: rate and distortion, generations, ingredients, the codec as a channel."""
