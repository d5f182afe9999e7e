"""Scores of mouth curves against aligned phones. A `case` = (states f32 [n, 8], segments, target f32 [n, 8])."""

import numpy as np
from speech.phones import CLASSES, INDEX, PARAMETERS

OPEN, ROUND, PRESS, TUCK = (PARAMETERS.index(n) for n in ("open", "round", "press", "tuck"))


def ids(*names):
    return {INDEX[n] for n in names}


_GROUPS = {  # mean opening per group
    "silence": ids("sil"), "m/b/p": ids("M"), "f": ids("F"), "s": ids("S"), "i": ids("IY"), "u": ids("UW"),
    "e": ids("EH"), "ao": ids("AO"), "ae": ids("AE"), "a": ids("AA"),
}  # fmt: skip


def phones(case, wanted, least=0.0):
    """Values over every phone whose class is wanted -> [(at the center [8], maximum [8])]."""
    states, segments, _ = case
    for cls, a, b in segments:
        first, last = int(a * 50), max(int(a * 50) + 1, int(np.ceil(b * 50)))
        if cls in wanted and b - a >= least and last <= len(states):
            yield states[min(len(states) - 1, int((a + b) * 25))], states[first:last].max(0)


_SOUND = set(range(len(CLASSES))) - ids("sil")


def counts(case):
    """Hits and totals of one recording: name -> (hits, total)."""
    rate = lambda wanted, test: np.array([(test(c, p), 1) for c, p in phones(case, wanted)]).reshape(-1, 2).sum(0)
    out = {
        "m/b/p: press peak > .5": rate(ids("M"), lambda c, p: p[PRESS] > 0.5),
        "other phones: press > .5 at the center": rate(_SOUND - ids("M"), lambda c, p: c[PRESS] > 0.5),
        "a/ae/ao: open peak > .4": rate(ids("AA", "AE", "AO"), lambda c, p: p[OPEN] > 0.4),
        "f/v: tuck peak > .4": rate(ids("F"), lambda c, p: p[TUCK] > 0.4),
        "w/u/o: round > .4 at the center": rate(ids("W", "UW", "OW"), lambda c, p: c[ROUND] > 0.4),
        "i/e/a: round > .4 at the center": rate(
            ids("IY", "IH", "EY", "EH", "AE", "AA"), lambda c, p: c[ROUND] > 0.4
        ),
        "m/b/p: open < .12 at the center": rate(ids("M"), lambda c, p: c[OPEN] < 0.12),
    }
    for name, wanted in _GROUPS.items():
        least = 0.15 if name == "silence" else 0.0
        out["mean opening: " + name] = sum((np.array([c[OPEN], 1]) for c, _ in phones(case, wanted, least)), np.zeros(2))
    return out


def correlations(cases, shift=0):
    """[8] Pearson r of states (delayed by `shift` steps against them) and targets, all recordings joined."""
    pairs = [(s[max(0, shift) : len(s) + min(0, shift)], t[max(0, -shift) : len(t) - max(0, shift)]) for s, _, t in cases]
    a, b = np.concatenate([p for p, _ in pairs]), np.concatenate([p for _, p in pairs])
    a, b = a - a.mean(0), b - b.mean(0)
    return (a * b).sum(0) / (np.sqrt((a * a).sum(0) * (b * b).sum(0)) + 1e-12)


def table(cases, rounds=400):
    """cases -> [(row, value, low, high, n)] with 95 % intervals from resampling whole recordings."""
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, len(cases), len(cases)) for _ in range(rounds)]
    rows = []
    moments = np.array([_moments(s, t) for s, _, t in cases])  # [cases, 6, 8]
    values = _pearson(moments.sum(0))
    drawn = np.array([_pearson(moments[d].sum(0)) for d in draws])
    for k, name in enumerate(PARAMETERS):
        low, high = np.percentile(drawn[:, k], [2.5, 97.5])
        rows.append((f"r {name}", values[k], low, high, len(cases)))
    each = [counts(c) for c in cases]
    for name in each[0]:
        pairs = np.array([e[name] for e in each], float)
        total = pairs.sum(0)
        if total[1] == 0:
            continue
        some = np.array([pairs[d].sum(0) for d in draws])
        low, high = np.percentile(some[:, 0] / np.maximum(some[:, 1], 1), [2.5, 97.5])
        rows.append((name, total[0] / total[1], low, high, int(total[1])))
    return rows


def _moments(a, b):
    return np.array([np.full(8, len(a)), a.sum(0), b.sum(0), (a * a).sum(0), (b * b).sum(0), (a * b).sum(0)], float)


def _pearson(m):
    n, a, b, aa, bb, ab = m
    return (ab - a * b / n) / np.sqrt((aa - a * a / n) * (bb - b * b / n) + 1e-12)


def motion(cases):
    """Turning points of more than .1 per second of speech, and closures (press > .5) shorter than 60 ms, as share."""
    turns = seconds = short = closures = 0
    for states, _, _ in cases:
        seconds += len(states) / 50
        for k in (OPEN, PRESS):
            x, last, sign = states[:, k], states[0, k], 0
            for v in x:  # a turn counts once the curve has come back by .1
                if abs(v - last) > 0.1:
                    turns += sign != 0 and np.sign(v - last) != sign
                    sign, last = np.sign(v - last), v
                elif sign and (v - last) * sign > 0:
                    last = v
        on = np.diff(np.concatenate([[0], states[:, PRESS] > 0.5, [0]]).astype(int))
        lengths = np.flatnonzero(on == -1) - np.flatnonzero(on == 1)
        short, closures = short + (lengths < 3).sum(), closures + len(lengths)
    return turns / seconds / 2, short / max(closures, 1), closures / seconds
