"""Makes the digits.npz of softmax_regression from scikit-learn's: run `python tests/assignments/make_digits.py`.

Source: E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998).
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parents[2] / "assignments" / "softmax_regression" / "data" / "digits.npz"


def digits() -> dict[str, np.ndarray]:
    """Images (1797, 8, 8) uint8 in 0..16, labels (1797,), and a fixed split: 1437 rows to train on, 360 to test on."""
    bundled = load_digits()
    order = np.random.default_rng(0).permutation(len(bundled.target))
    return {
        "images": bundled.images.astype(np.uint8),
        "labels": bundled.target.astype(np.uint8),
        "train": np.sort(order[:1437]).astype(np.int16),
        "test": np.sort(order[1437:]).astype(np.int16),
    }


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(TARGET, **digits())
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
