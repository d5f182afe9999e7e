"""Listen graphs without labels: plausibility, level and noise, silence, window seams, speed."""

import time

import numpy as np
from build import FIXED
from measure import listen_scores as scores
from speech.align import RATE, load
from speech.phones import PARAMETERS

WINDOW = 480_000
OVERLAP_S = FIXED["listen"]["overlapS"]
OPEN, PRESS = PARAMETERS.index("open"), PARAMETERS.index("press")


def plausible(listen, media):
    print("\n## plausibility: opening with loudness, means in speech")
    for name in ("eng", "yongen", "sun"):
        pcm = load(media / f"{name}.wav")
        states = listen(pcm)
        n = len(states)
        power = np.square(np.pad(pcm, (0, 320))[: n * 320]).reshape(n, 320).mean(1)
        level = 10 * np.log10(np.convolve(power, np.ones(5) / 5, "same") + 1e-8)
        sound = level > level.max() - 30
        everywhere = np.corrcoef(states[:, OPEN], np.maximum(level, level.max() - 50))[0, 1]
        inside = np.corrcoef(states[sound, OPEN], level[sound])[0, 1]
        means = " ".join(f"{k} {v:.2f}" for k, v in zip(PARAMETERS, states[sound].mean(0)))
        closures = scores.motion([(states[sound], None, None)])[2]
        print(f"{name}.wav: r {everywhere:.2f}, in speech {inside:.2f}; {means};", end=" ")
        print(f"closures/s {closures:.2f}; open in pauses {states[~sound, OPEN].mean():.3f}")


def robust(listen, media):
    pcm = load(media / "eng.wav")[12 * RATE : 42 * RATE]
    clean = listen.window(pcm)
    rng = np.random.default_rng(0)
    loud = np.sqrt(np.square(pcm[np.abs(pcm) > 0.01]).mean())

    def against(name, other):
        r = [np.corrcoef(clean[:, k], other[:, k])[0, 1] for k in range(8)]
        print(f"{name:20s}", " ".join(f"{n} {v:.3f}" for n, v in zip(PARAMETERS, r)))

    print("\n## eng.wav 12 s to 42 s against its own clean output, r")
    for gain in (0.02, 0.1, 0.5, 2):
        against(f"level x{gain}", listen.window(np.clip(pcm * gain, -1, 1)))
    for snr in (20, 10):
        noise = rng.standard_normal(len(pcm)).astype(np.float32)
        against(f"white noise {snr} dB", listen.window(pcm + noise * loud * 10 ** (-snr / 20)))
    starts = range(0, 28, 2)
    alone = [listen.window(pcm[a * RATE : (a + 2) * RATE])[:100, OPEN] for a in starts]
    r = [np.corrcoef(x, clean[a * 50 : a * 50 + 100, OPEN])[0, 1] for a, x in zip(starts, alone)]
    print(f"2 s alone against the same in context: open r {np.mean(r):.3f} (worst {np.min(r):.3f})")
    _zeros_in_speech(listen, pcm)


def _zeros_in_speech(listen, pcm):
    pcm = pcm.copy()
    pcm[10 * RATE : 13 * RATE] = 0
    states = listen.window(pcm)[515:635]  # .3 s after the start, .3 s before the end
    press, step = states[:, PRESS], np.abs(np.diff(states, axis=0)).max()
    print(f"3 s of zeros in speech: open max {states[:, OPEN].max():.4f}, press {press.min():.3f}..{press.max():.3f},", end=" ")
    print(f"largest step {step:.4f}")


def silence(listen):
    print("\n## silence and noise alone")
    rest = lambda s: np.abs(np.delete(s, [OPEN, PRESS], 1))
    states = listen.window(np.zeros(WINDOW, np.float32))
    press, step = states[:, PRESS], np.abs(np.diff(states, axis=0)).max()
    print(f"digital silence: open max {states[:, OPEN].max():.4f}, press {press.min():.3f}..{press.max():.3f},", end=" ")
    print(f"others max {rest(states).max():.4f}, largest step {step:.4f}")
    rng = np.random.default_rng(0)
    for slope, name in ((0, "white"), (1, "pink")):
        for db in (-70, -60, -50, -40):
            spectrum = np.fft.rfft(rng.standard_normal(WINDOW))
            spectrum *= np.maximum(np.arange(WINDOW // 2 + 1) / 30, 40.0) ** (-slope / 2)
            noise = np.fft.irfft(spectrum)
            states = listen.window((noise / noise.std() * 10 ** (db / 20)).astype(np.float32))
            print(f"{name} {db} dBFS: open mean {states[:, OPEN].mean():.4f} max {states[:, OPEN].max():.3f},", end=" ")
            print(f"press mean {states[:, PRESS].mean():.3f}, other means up to {rest(states).mean(0).max():.3f}")


def seams(listen, media):
    """Two 30 s pieces where the pipeline goes from one to the other: OVERLAP_S before the first one's end."""
    print(f"\n## seams, |difference| within .1 s of the cut, {OVERLAP_S} s of both pieces beyond it")
    cut = round(OVERLAP_S * 50)
    step = WINDOW - 640 * cut  # 320 samples a state
    found = []
    for name in ("eng", "sun"):
        pcm = np.tile(load(media / f"{name}.wav"), 4)
        for at in (*range(0, 24, 4), 7, 11):
            a, b = listen.window(pcm[at * RATE :][:WINDOW]), listen.window(pcm[at * RATE + step :][:WINDOW])
            d = np.abs(a[1495 - cut : 1505 - cut] - b[cut - 5 : cut + 5])
            jump, without = np.abs(a[1499 - cut] - b[cut]).max(), np.abs(a[1499 - cut] - a[1500 - cut]).max()
            found.append((d[:, OPEN].mean(), d[:, PRESS].mean(), d.mean(), d.max()))
            print(f"{name} +{at} s: open %.4f press %.4f all %.4f, max %.3f;" % found[-1], end=" ")
            print(f"step at the cut {jump:.3f}, without a cut {without:.3f}")
    mean, most = np.mean(found, 0), np.max(found, 0)
    print("mean of all: open %.4f press %.4f all %.4f, max %.3f" % tuple(mean))
    print("worst: open %.4f press %.4f all %.4f, max %.3f" % tuple(most))


def speed(listen, path):
    pcm = np.random.default_rng(0).normal(0, 0.05, WINDOW).astype(np.float32)
    listen.window(pcm)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(10):
        listen.window(pcm)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(f"\n{path.stat().st_size:,} bytes; 30 s of sound: {cpu * 100:.0f} ms CPU, {wall * 100:.0f} ms wall")
