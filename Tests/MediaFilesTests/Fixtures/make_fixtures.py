"""Makes the fixtures of MediaFilesTests: small synthetic clips, sounds and pictures, and what FFmpeg's programs read in them.

Made with ffmpeg and ffprobe 5.1.9 (Debian 12), Python 3.11, Pillow 13.0, NumPy 2. No randomness but the encoders' own, which is none.
Run in this folder: python3 make_fixtures.py
Writes the media files, and expected.json:
  clips[name].frames     presentation times of the pictures in ns on the clip's time line (ffprobe's best effort time stamps,
                         minus the earliest of first picture and first sample)
  clips[name].audio_start  of the first decoded sample, in ns on the same line; clips[name].width, height of the stored picture
  clips[name].checks   of the fourth picture of some, stored size, as ffmpeg converts it to 8-bit 4:2:0: mean luma, mean of luma times
                         column and times row (both 0…1), mean Cb, mean Cr
  sound: NAME.s16 is the sound at 16 kHz mono, 16 bits, as `ffmpeg` resamples it with the same library and settings
"""
import json
import pathlib
import struct
import subprocess
from fractions import Fraction

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent


def ffmpeg(*arguments):
    *before, target = map(str, arguments)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-threads", "1", *before, "-bitexact", target], check=True, cwd=HERE)


def picture(size="160x120", rate=25, seconds=1.0):
    return ["-f", "lavfi", "-i", f"testsrc=size={size}:rate={rate}:duration={seconds}"]


def tone(seconds=1.0, rate=44100, frequency=440, channels=2):
    """A tone that grows louder, so that a shift in time shows."""
    shape = f"0.5*(t/{seconds})*sin(2*PI*{frequency}*t)"
    other = f"0.25*sin(2*PI*{frequency // 2}*t)"
    expression = shape if channels == 1 else f"{shape}|{other}"
    return ["-f", "lavfi", "-i", f"aevalsrc={expression}:s={rate}:d={seconds}"]


X264 = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "38", "-pix_fmt", "yuv420p"]
AAC = ["-c:a", "aac", "-b:a", "48k"]

ffmpeg(*picture(seconds=1.6), *tone(1.6), *X264, "-bf", 3, "-g", 12, *AAC, "-movflags", "+faststart", "bframes.mp4")
ffmpeg(*picture(rate=30, seconds=2), *tone(2, 16000, channels=1), "-vf", "select='not(mod(n*n,7))+gt(mod(n,11),8)'", "-vsync", "vfr",
       *X264, "-bf", 0, *AAC, "variable-rate.mp4")
ffmpeg(*picture("96x64", seconds=0.2), *X264, "upright.mp4")
# The display matrix of the track header, as phones write it: clockwise by so many degrees. Rows are (a b u) (c d v) (x y w).
upright = (HERE / "upright.mp4").read_bytes()
matrix = upright.index(b"tkhd") + 4 + 40
for degrees, (a, b, c, d) in {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}.items():
    turned = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    (HERE / f"rotated-{degrees}.mp4").write_bytes(upright[:matrix] + turned + upright[matrix + 36:])
ffmpeg(*picture(seconds=1), "-itsoffset", 0.3, *tone(1, 48000, channels=1), *X264, *AAC, "sound-late.mp4")
ffmpeg("-ss", 0.7, "-i", "bframes.mp4", "-c", "copy", "cut.mp4")
ffmpeg(*picture("321x241", rate=15, seconds=1), *tone(1, 48000), "-c:v", "libvpx", "-b:v", "60k", "-c:a", "libopus", "-b:a", "32k", "odd.webm")
ffmpeg(*picture(seconds=0.6), *X264, "picture-only.mp4")
ffmpeg(*picture(seconds=0.4), "-c:v", "libx264", "-preset", "veryfast", "-crf", "38", "-pix_fmt", "yuv444p", "full-chroma.mp4")
ffmpeg(*picture(seconds=0.6), *tone(0.6, 16000, channels=1), "-c:v", "mpeg4", "-q:v", 12, "-bf", 2, "-c:a", "pcm_s16le", "packed.avi")
ffmpeg(*picture(seconds=0.6), *X264, "-bf", 2, "bare.h264")
ffmpeg(*picture(seconds=0.6), *X264, "-bf", 0, "first.ts")
ffmpeg(*picture("96x80", seconds=0.6), *X264, "-bf", 0, "-output_ts_offset", 0.6, "second.ts")
(HERE / "resized.ts").write_bytes((HERE / "first.ts").read_bytes() + (HERE / "second.ts").read_bytes())
ffmpeg(*tone(1.5, 16000, channels=1), "-af", "aselect='not(between(t,0.5,0.9))'", "-c:a", "pcm_s16le", "sound-lost.mka")
ffmpeg(*tone(24, 8000, channels=1), "-itsoffset", 23, *picture("32x32", seconds=0.4), "-map", "1:v", "-map", "0:a", *X264, "-c:a", "libopus",
       "-b:a", "6k", "-frame_duration", 20, "picture-late.mkv")
ffmpeg(*tone(0.4), "-c:a", "pcm_s16le", "sound.wav")
ffmpeg(*tone(0.4, 48000), "-c:a", "libopus", "-b:a", "32k", "-page_duration", 60000, "sound.ogg")
ffmpeg(*tone(0.4), *AAC, "sound.m4a")
ffmpeg(*tone(0.4), "-c:a", "flac", "sound.flac")
ffmpeg(*picture("64x64", seconds=0.04), "-frames:v", 1, "cover.png")
ffmpeg(*tone(0.4), "-i", "cover.png", "-map", 0, "-map", 1, "-c:a", "libmp3lame", "-b:a", "48k", "-c:v", "copy", "-disposition:v", "attached_pic",
       "sound.mp3")
for left in ("first.ts", "second.ts"):
    (HERE / left).unlink()

# Pictures: four quadrants of red, green, blue and white, 48 x 32.
quadrants = Image.new("RGB", (48, 32))
for box, colour in [((0, 0, 24, 16), (255, 0, 0)), ((24, 0, 48, 16), (0, 255, 0)), ((0, 16, 24, 32), (0, 0, 255)), ((24, 16, 48, 32), (255, 255, 255))]:
    quadrants.paste(colour, box)
quadrants.save(HERE / "picture.png")
quadrants.save(HERE / "picture.webp", quality=90)
quadrants.convert("RGBA").save(HERE / "picture-alpha.png")
quadrants.convert("L").save(HERE / "picture-grey.png")
quadrants.save(HERE / "picture.jpg", quality=90)
Image.new("RGB", (33, 17), (200, 100, 50)).save(HERE / "picture-odd.jpg", quality=90)
for value in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = value
    quadrants.save(HERE / f"picture-exif-{value}.jpg", quality=90, exif=exif)


def probe(name, *arguments):
    out = subprocess.run(["ffprobe", "-v", "quiet", "-of", "json", *arguments, name], check=True, cwd=HERE, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def nanoseconds(ticks, base):
    value = Fraction(ticks) * Fraction(base) * 10**9
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


clips = {}
for name in ["bframes.mp4", "variable-rate.mp4", "upright.mp4", "rotated-90.mp4", "rotated-180.mp4", "rotated-270.mp4", "sound-late.mp4", "cut.mp4",
             "odd.webm", "picture-only.mp4", "full-chroma.mp4", "packed.avi", "bare.h264", "resized.ts", "sound-lost.mka", "picture-late.mkv",
             "sound.wav", "sound.ogg", "sound.m4a", "sound.flac", "sound.mp3"]:
    streams = probe(name, "-show_streams")["streams"]
    entry = {}
    starts = []
    for stream in streams:
        kind = stream["codec_type"]
        if stream["disposition"]["attached_pic"]:
            continue
        frames = probe(name, "-show_frames", "-select_streams", str(stream["index"]))["frames"]
        times = [f.get("best_effort_timestamp") for f in frames]
        if kind == "video":
            entry["width"], entry["height"] = stream["width"], stream["height"]
            # A picture without a time follows the one before by the nominal period.
            period = 10**9 / Fraction(stream["avg_frame_rate"])
            entry["frames"] = []
            for t in times:
                previous = entry["frames"][-1] + period if entry["frames"] else 0
                entry["frames"].append(int(previous if t is None else nanoseconds(t, stream["time_base"])))
            starts.append(entry["frames"][0])
        else:
            entry["audio_start"] = nanoseconds(times[0] or 0, stream["time_base"])
            entry["source_samples"] = sum(int(f["nb_samples"]) for f in frames)
            entry["source_rate"], entry["channels"] = int(stream["sample_rate"]), stream["channels"]
            starts.append(entry["audio_start"])
    origin = min(starts)
    if "frames" in entry:
        entry["frames"] = [t - origin for t in entry["frames"]]
    if "audio_start" in entry:
        entry["audio_start"] -= origin
    clips[name] = entry

for name in ["bframes.mp4", "odd.webm", "full-chroma.mp4", "packed.avi"]:
    entry = clips[name]
    w, h = entry["width"], entry["height"]
    cw, ch = (w + 1) // 2, (h + 1) // 2
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", name, "-map", "0:v", "-vsync", "passthrough", "-pix_fmt", "yuv420p", "-sws_flags", "bilinear+accurate_rnd+full_chroma_int",
         "-f", "rawvideo", "-"], check=True, cwd=HERE, stdout=subprocess.PIPE).stdout
    size = w * h + 2 * cw * ch
    frame = np.frombuffer(raw, np.uint8)[3 * size:4 * size].astype(np.float64)
    luma = frame[:w * h].reshape(h, w)
    entry["checks"] = [
        luma.mean(), (luma * (np.arange(w) / w)).mean(), (luma * (np.arange(h) / h)[:, None]).mean(),
        frame[w * h:w * h + cw * ch].mean(), frame[w * h + cw * ch:].mean()]

for name in ["bframes.mp4", "odd.webm", "sound.wav", "sound.ogg", "sound.m4a", "sound.mp3", "packed.avi"]:
    ffmpeg("-i", name, "-map", "0:a", "-af", "aresample=16000:osf=flt:rematrix_maxval=1,aformat=channel_layouts=mono", "-c:a", "pcm_s16le", "-f", "s16le", name + ".s16")

(HERE / "expected.json").write_text(json.dumps({"clips": clips}, indent=0) + "\n")
