"""compression.bin: a grey picture of 45 x 29, then the same after libjpeg at qualities 90, 50 and 15 (Pillow; any recent one gives these bytes)."""
import io
import numpy as np
from PIL import Image

y, x = np.mgrid[0:29, 0:45]
picture = 128 + 60 * np.sin(x / 3.1 + y / 7.3) + 40 * ((x // 6 + y // 5) % 2) + np.random.default_rng(5).normal(0, 6, (29, 45))
picture = np.clip(picture, 0, 255).astype(np.uint8)
planes = [picture]
for quality in (90, 50, 15):
    memory = io.BytesIO()
    Image.fromarray(picture).save(memory, "JPEG", quality=quality)
    planes.append(np.asarray(Image.open(memory)))
np.stack(planes).tofile("compression.bin")
