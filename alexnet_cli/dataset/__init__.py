"""From files to batches of pixels: folders, decoding, split, augmentation."""
