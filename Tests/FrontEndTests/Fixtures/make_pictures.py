"""Makes pictures.json and pictures.bin: what OpenCV and NumPy make of a synthetic picture, to pin the front end's crops.

Made with Python 3.11.7, opencv-python-headless 5.0.0.93, numpy 2.4.6. The picture is a formula of integers that the tests repeat (no seed but
the constants in `picture`). Run: python3 make_pictures.py (in this folder). Deterministic.
"""
import json

import cv2
import numpy as np

cases, blob = [], bytearray()


def triangle(t, period):
    return np.abs(np.mod(t, 2 * period) - period)


def picture(w, h):
    """I420 planes: two triangle waves and pseudo-random texture in luma, slow waves in chroma; no colour out of RGB. Integers only."""
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    texture = np.mod((x // 3) * 7919 + (y // 3) * 104729 + (x // 3) * (y // 3) * 31, 251) // 16
    luma = 60 + triangle(3 * x + 5 * y, 97) * 65 // 97 + triangle(7 * x - 2 * y + 1000000, 161) * 55 // 161 + texture
    y, x = np.mgrid[0:(h + 1) // 2, 0:(w + 1) // 2].astype(np.int64)
    cb = 128 - 20 + triangle(2 * x + y, 83) * 40 // 83
    cr = 128 - 20 + triangle(x + 3 * y, 101) * 40 // 101
    return luma.astype(np.uint8), cb.astype(np.uint8), cr.astype(np.uint8)


def rgb(w, h, matrix="bt601", full=False):
    """RGB picture, chroma replicated. Even sizes of BT.601 limited range by OpenCV, others by the standards' formulas."""
    luma, cb, cr = picture(w, h)
    if w % 2 == 0 and h % 2 == 0 and matrix == "bt601" and not full:
        planes = np.concatenate([luma.ravel(), cb.ravel(), cr.ravel()]).reshape(h * 3 // 2, w)
        return cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420)
    kr, kb = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[matrix]
    up = lambda p: np.repeat(np.repeat(p, 2, 0), 2, 1)[:h, :w].astype(float) - 128
    l = luma.astype(float) if full else (luma.astype(float) - 16) * 255 / 219
    gain = 1 if full else 255 / 224
    b, r = up(cb) * gain, up(cr) * gain
    out = np.stack([l + 2 * (1 - kr) * r, l - (2 * kr * (1 - kr) * r + 2 * kb * (1 - kb) * b) / (1 - kr - kb), l + 2 * (1 - kb) * b], 2)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def averaged(image, k):
    """Means of whole k × k blocks; the last ones are made whole by replication."""
    h, w = image.shape[:2]
    image = cv2.copyMakeBorder(image, 0, -h % k, 0, -w % k, cv2.BORDER_REPLICATE)
    return cv2.resize(image, (image.shape[1] // k, image.shape[0] // k), interpolation=cv2.INTER_AREA)


def keep(kind, out, step=1, **values):
    """Every step-th row and column of planes [..., h, w]."""
    out = out[..., ::step, ::step]
    cases.append(dict(kind=kind, offset=len(blob), shape=list(out.shape), step=step, **values))
    blob.extend(np.ascontiguousarray(out, np.uint8).tobytes())


def umeyama(source, target):
    """Umeyama (1991), by singular value decomposition: 2×3 matrix from source to target."""
    ms, mt = source.mean(0), target.mean(0)
    a, b = source - ms, target - mt
    u, d, vt = np.linalg.svd(b.T @ a / len(a))
    s = np.ones(2)
    if np.linalg.det(u) * np.linalg.det(vt) < 0:
        s[1] = -1
    r = u @ np.diag(s) @ vt
    scale = (d * s).sum() / a.var(0).sum()
    return np.hstack([scale * r, (mt - scale * r @ ms)[:, None]])


ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])

# Detector input: INTER_LINEAR; where the picture shrinks by more than 2, of averages over k × k blocks.
for w, h, W, H in [(320, 240, 160, 96), (256, 144, 128, 96), (161, 121, 96, 64), (161, 121, 160, 128), (100, 80, 160, 128),
                   (640, 480, 96, 64), (1001, 703, 96, 64), (37, 301, 64, 96), (1, 1, 32, 32), (3, 2, 32, 32)]:
    fit = min(W / w, H / h)
    cw, ch = min(W, max(1, int(np.floor(w * fit + 0.5)))), min(H, max(1, int(np.floor(h * fit + 0.5))))
    sx, sy = w / cw, h / ch
    k = 1 if min(sx, sy) <= 2 else int(min(sx, sy))
    if k == 1:
        out = cv2.resize(rgb(w, h), (cw, ch), interpolation=cv2.INTER_LINEAR)
    else:
        m = np.array([[sx / k, 0, 0.5 * sx / k - 0.5], [0, sy / k, 0.5 * sy / k - 0.5]])
        out = cv2.warpAffine(averaged(rgb(w, h), k), m, (cw, ch), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    keep("letterbox", out[:, :, ::-1].transpose(2, 0, 1), step=2 if W == 160 else 1, frame=[w, h], input=[W, H])

# Alignment: scale, angle and centre of a face; the last numbers disturb the landmarks.
def landmarks(scale, degrees, cx, cy, disturbance):
    t = np.deg2rad(degrees)
    r = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    p = scale * (ARCFACE - ARCFACE.mean(0)) @ r.T + [cx, cy]
    k = np.arange(10).reshape(5, 2)
    return np.round(p + disturbance * np.sin(k * 2.4 + 1), 3)


for name, w, h, scale, degrees, cx, cy, disturbance, matrix, full in [
        ("even", 320, 240, 1.0, 0, 160, 120, 0.0, "bt601", False),
        ("turned", 320, 240, 1.3, 24, 150, 118, 2.0, "bt601", False),
        ("upside-down", 320, 240, 0.9, 175, 150, 118, 1.0, "bt601", False),
        ("odd-size", 161, 121, 0.7, -12, 81, 60, 1.0, "bt601", False),
        ("tiny", 161, 121, 0.2, 5, 81, 60, 0.3, "bt601", False),
        ("outside-left", 320, 240, 1.2, 10, 30, 100, 2.0, "bt601", False),
        ("outside-bottom-right", 161, 121, 0.9, -30, 140, 110, 1.0, "bt601", False),
        ("bt709", 321, 241, 1.1, 8, 160, 120, 1.0, "bt709", False),
        ("bt2020", 321, 241, 1.1, 8, 160, 120, 1.0, "bt2020", False),
        ("full-range", 320, 240, 1.1, 8, 160, 120, 1.0, "bt601", True),
        ("large-2.5", 640, 480, 2.5, 15, 320, 240, 2.0, "bt601", False),
        ("huge-5.4", 1201, 903, 5.4, -20, 560, 440, 5.0, "bt601", False),
        ("huge-outside", 640, 480, 4.2, 20, 500, 60, 5.0, "bt601", False)]:
    p = landmarks(scale, degrees, cx, cy, disturbance)
    m = umeyama(p, ARCFACE)
    inverse = cv2.invertAffineTransform(m)
    image = rgb(w, h, matrix, full)
    k = int(np.hypot(inverse[0, 0], inverse[1, 0]))
    if k >= 2:
        image = averaged(image, k)
        inverse = inverse / k
        inverse[:, 2] += 0.5 / k - 0.5
    out = cv2.warpAffine(image, inverse, (112, 112), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    keep("aligned", out.transpose(2, 0, 1), step=1 if name == "turned" else 2, name=name, frame=[w, h], landmarks=p.tolist(), transform=m.ravel().tolist(), matrix=matrix, full=full)
    if name == "turned":
        grey = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)
        inner = cv2.Laplacian(grey, cv2.CV_64F)[1:-1, 1:-1]
        cases.append(dict(kind="quality", offset=cases[-1]["offset"], shape=[3, 112, 112], step=1, sharpness=inner.var(),
                          brightness=grey.mean(), contrast=grey.std()))

# Face mesh: the square turned until the eyes are level.
for w, h, box, eyes in [(320, 240, [100, 60, 90, 120], [[120, 100], [165, 112]]), (161, 121, [-10, 30, 80, 70], [[20, 60], [50, 52]])]:
    side = 1.5 * max(box[2], box[3])
    cx, cy = box[0] + box[2] / 2, box[1] + box[3] / 2
    t = np.arctan2(eyes[1][1] - eyes[0][1], eyes[1][0] - eyes[0][0])
    step = side / 192
    r = step * np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    inverse = np.hstack([r, (np.array([cx, cy]) - r @ [95.5, 95.5])[:, None]])
    out = cv2.warpAffine(rgb(w, h), inverse, (192, 192), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    keep("level", out.transpose(2, 0, 1), step=3, frame=[w, h], box=box, eyes=eyes)

# Active speaker: crop_video and evaluate_network of TalkNet's demonstration code, on positions that it truncates to themselves.
for w, h, x, y, s in [(320, 240, 160, 100, 50), (320, 240, 150, 90, 30), (320, 240, 30, 40, 50), (161, 121, 130, 100, 25), (640, 480, 320, 240, 140)]:
    image = rgb(w, h)[:, :, ::-1]
    cs = 0.40
    bs = s
    bsi = int(bs * (1 + 2 * cs))
    frame = np.pad(image, ((bsi, bsi), (bsi, bsi), (0, 0)), "constant", constant_values=(110, 110))
    my, mx = y + bsi, x + bsi
    face = frame[int(my - bs):int(my + bs * (1 + 2 * cs)), int(mx - bs * (1 + cs)):int(mx + bs * (1 + cs))]
    face = cv2.resize(face, (224, 224))
    face = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    face = cv2.resize(face, (224, 224))
    face = face[int(112 - (112 / 2)):int(112 + (112 / 2)), int(112 - (112 / 2)):int(112 + (112 / 2))]
    keep("speaking", face, step=2, frame=[w, h], centre=[x, y], halfSide=s)

with open("pictures.json", "w") as file:
    json.dump(cases, file, indent=1)
with open("pictures.bin", "wb") as file:
    file.write(blob)
print(len(cases), "cases,", len(blob), "bytes")
