"""Images whose truth is known, made of Gaussian spots and strokes: crystals, moving atoms, characters."""
