"""Makes sound.s16 (16 kHz mono, 16 bits) and, from it, what independent implementations compute:
mel.f32 [frame, 80] by kaldi-native-fbank, mfcc*.f32 [frame, 13] by python_speech_features, power.f64 [257] by numpy.fft.

Made with Python 3.11.7, kaldi_native_fbank 1.23.0, python_speech_features 0.6, numpy 2.4.6, scipy 1.17.1; seed 20261121.
Run: python3 make_sound.py (in this folder). Deterministic.
"""
import kaldi_native_fbank
import numpy as np
import python_speech_features

rng = np.random.default_rng(20261121)
t = np.arange(9777) / 16000
voice = sum(np.sin(2 * np.pi * (120 * k * t + 15 * k * t * t)) / k for k in range(1, 30))
x = 0.12 * voice * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t)) + 0.003 * rng.standard_normal(len(t)) + 0.01
x[3000:3600] = 0  # digital silence longer than a frame
x[6000:6500] *= 12  # clipped
x[8000:] *= 0.002  # faint: a few units of the last bit
samples = np.clip(np.rint(x * 32768), -32768, 32767).astype("<i2")
samples.tofile("sound.s16")


def kaldi(scale, window="hamming"):
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = 16000
    options.frame_opts.window_type = window
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 8000
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16000, (samples.astype(np.float32) / 32768 * scale).tolist())
    bank.input_finished()
    return np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)], "<f4")


kaldi(32768).tofile("mel.f32")
kaldi(1)[::8].astype("<f4").tofile("mel_unscaled.f32")
kaldi(32768, "povey")[::8].astype("<f4").tofile("mel_povey.f32")

mfcc = lambda s: python_speech_features.mfcc(s, 16000, numcep=13, winlen=0.025, winstep=0.010).astype("<f4")
mfcc(samples).tofile("mfcc.f32")
for count in (1, 399, 400, 401, 560, 561):
    mfcc(samples[:count]).tofile(f"mfcc_{count}.f32")

(np.abs(np.fft.rfft(samples[:512] / 32768)) ** 2).astype("<f8").tofile("power.f64")
