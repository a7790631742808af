"""Files: where their bytes are kept, what they are called, and the links that open them."""
