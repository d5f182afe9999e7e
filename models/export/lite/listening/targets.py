"""Phone segments -> mouth parameter curves by dominance blending (coarticulation)."""

import numpy as np
from scipy.ndimage import gaussian_filter1d
from speech.phones import DOMINANCE, SIL, TARGETS, TAU_S

# Parameters blended with the same dominance: (open, jaw), (wide, round), (press, tuck, teeth, tongue).
_GROUPS = ([0, 1], [2, 3], [4, 5, 6, 7])


def curves(segments, steps):
    """segments [(class, t0, t1)] in seconds, sorted -> f32 [steps, 8], one row per 20 ms.

    A phone weighs D * exp(-(d / tau)^1.3), d = seconds to its segment. Computed at 100 Hz,
    smoothed over 16 ms, averaged in pairs.
    """
    frames = 2 * steps
    time = (np.arange(frames) + 0.5) * 0.01
    total = np.zeros((frames, 3))
    summed = np.zeros((frames, 8))
    for cls, t0, t1 in segments:
        # beyond 0.3 s a weight is below exp(-11)
        a, b = max(0, int((t0 - 0.3) * 100)), min(frames, int((t1 + 0.3) * 100) + 1)
        if a >= b:
            continue
        t = time[a:b]
        distance = np.maximum(0, np.maximum(t0 - t, t - t1))
        weight = np.exp(-((distance / TAU_S[cls]) ** 1.3))[:, None] * DOMINANCE[cls]
        if cls == SIL:  # a short pause does not close the mouth
            weight *= np.clip((t1 - t0 - 0.06) / 0.2, 0.03, 1)
        total[a:b] += weight
        for g, columns in enumerate(_GROUPS):
            summed[a:b, columns] += weight[:, g : g + 1] * TARGETS[cls][columns]
    out = np.empty((frames, 8))
    for g, columns in enumerate(_GROUPS):
        w = total[:, g : g + 1]
        out[:, columns] = np.where(w > 1e-9, summed[:, columns] / np.maximum(w, 1e-9), TARGETS[SIL][columns])
    out = gaussian_filter1d(out, 1.6, axis=0, mode="nearest")
    return out.reshape(steps, 2, 8).mean(1).astype(np.float32)


def classes(segments, steps):
    """segments -> i64 [steps], the class at the middle of every 20 ms step; sil where there is none."""
    out = np.full(steps, SIL)
    for cls, t0, t1 in segments:
        out[max(0, round(t0 * 50)) : max(0, round(t1 * 50))] = cls
    return out
