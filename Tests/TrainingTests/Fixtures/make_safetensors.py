# Writes python.safetensors and half.safetensors, and opens swift.safetensors, which SafetensorsFileTests has written (FWOC_WRITE_FIXTURE=path).
# Python 3.11, numpy 2, safetensors 0.5 or later: pip install numpy safetensors
import os

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))
save_file(
    {
        "matrix": np.arange(6, dtype=np.float32).reshape(2, 3) / 2,
        "labels": np.array([-1, 0, 1, 1 << 40], dtype=np.int64),
        "levels": np.array([[[0, 1], [254, 255]]], dtype=np.uint8),
        "precise": np.array(0.1),
        "mask": np.array([True, False, True]),
        "none": np.zeros((0, 4), dtype=np.float32),
    },
    os.path.join(here, "python.safetensors"),
    metadata={"made-by": "make_safetensors.py", "quote": '"ü"'},
)
save_file({"half": np.zeros(2, dtype=np.float16)}, os.path.join(here, "half.safetensors"))

path = os.path.join(here, "swift.safetensors")
if os.path.exists(path):
    tensors = load_file(path)
    assert sorted(tensors) == ["a", "b/c", "d"], sorted(tensors)
    assert (tensors["a"] == np.array([[1, 2], [3, 4]], dtype=np.float32)).all() and tensors["a"].dtype == np.float32
    assert (tensors["b/c"] == np.array([5, 6, 7])).all() and tensors["b/c"].dtype == np.int64
    assert tensors["d"].shape == (0,) and tensors["d"].dtype == np.uint8
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    assert metadata["text"] == 'ä "b"' and len(metadata["fwoc.file.sha256"]) == 64, metadata
    print("swift.safetensors is as it should be")
