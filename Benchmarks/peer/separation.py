"""How well the reference models tell people apart on clips: score distributions, equal error rates, thresholds.

    python3 separation.py FILE.npz [--draws 40] [--seed 1] [--json FILE] [--pairs]

FILE.npz comes from clip_embeddings.py. A clip's face is the mean of its embeddings at length 1, its voice one x-vector;
scores are cosines. Three tables:

1. One clip against one clip, and a clip against a template of five: genuine and impostor percentiles, equal error rate, and
   the share of genuine trials that are accepted at the threshold that no impostor of these data passes and at one false
   accept in 1,000. Five-clip templates by mean of the embeddings, by maximum and by mean of the two best scores.
2. Fusion of face and voice by a weighted sum, weights searched on one half of the readers and tried on the other.
3. The open-set experiment of news.py, `--draws` times with other readers: eight enrolled from five clips, 200 other clips of
   theirs and 100 of readers not enrolled; identified right at the smallest threshold (with margin 0 and 0.05) at which nobody was
   identified as somebody else.

`--pairs` also lists the pairs of folders that are most alike: folders of one person, if there are any, show up there.
"""

import argparse
import json

import numpy as np

import clip_embeddings


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def equal_error(genuine, impostor):
    """(rate, threshold) where false rejects and false accepts are equally frequent."""
    scores = np.concatenate([genuine, impostor])
    order = np.argsort(scores, kind="stable")
    truth = np.r_[np.ones(len(genuine), bool), np.zeros(len(impostor), bool)][order]
    rejected = np.cumsum(truth) / len(genuine)
    accepted = 1 - np.cumsum(~truth) / len(impostor)
    at = int(np.argmin(np.abs(rejected - accepted)))
    return float(rejected[at] + accepted[at]) / 2, float(scores[order][at])


def summary(genuine, impostor):
    rate, at = equal_error(genuine, impostor)
    top, one_in_1000 = float(impostor.max()), float(np.quantile(impostor, 0.999))
    return {"genuine": [round(float(q), 3) for q in np.quantile(genuine, [0.01, 0.05, 0.5])],
            "impostor": [round(float(q), 3) for q in np.quantile(impostor, [0.5, 0.99, 0.999, 1])],
            "eer": round(rate, 4), "eer_threshold": round(at, 3), "zero_threshold": round(top, 3),
            "accepted_at_zero": round(float((genuine > top).mean()), 4),
            "accepted_at_0.001": round(float((genuine > one_in_1000).mean()), 4), "trials": [len(genuine), len(impostor)]}


def print_header():
    print(f"{'':34}{'genuine 1 5 50 %':>19}   {'impostor 50 99 99.9 100 %':>26}{'EER %':>8}{'at':>7}{'zero at':>8}{'TA %':>8}{'@1e-3 %':>8}")


def print_summary(name, row):
    print(f"{name:34}{'  '.join(f'{v:5.2f}' for v in row['genuine']):>19}   {'  '.join(f'{v:5.2f}' for v in row['impostor']):>26}"
          f"{100 * row['eer']:8.2f}{row['eer_threshold']:7.2f}{row['zero_threshold']:8.2f}{100 * row['accepted_at_zero']:8.1f}"
          f"{100 * row['accepted_at_0.001']:8.1f}")


def read(path):
    """Reader of each clip, and a clip's vector in each modality (clips without a face or a voice are left out)."""
    rows = clip_embeddings.load(path)
    names = sorted(n for n, r in rows.items() if np.isfinite(r["face_mbf_512"]).all() and np.isfinite(r["voice"]).all())
    vectors = {model: unit(np.array([unit(rows[n][model]).mean(0) for n in names])) for model in clip_embeddings.FACE_MODELS}
    vectors["voice"] = unit(np.array([rows[n]["voice"] for n in names]))
    speech = np.array([float(rows[n]["speech_s"]) for n in names])
    print(f"{len(names)} of {len(rows)} clips have a face and a voice; speech in them: median {np.median(speech):.2f} s, "
          f"5th percentile {np.quantile(speech, 0.05):.2f} s")
    return np.array([n.split("/")[0] for n in names]), vectors


def template_scores(vectors, templates, how):
    """Scores of all clips against each list of clips: [clips, templates]."""
    columns = []
    for members in templates:
        if how == "mean":
            columns.append(vectors @ unit(vectors[members].mean(0)))
            continue
        each = np.sort(vectors @ vectors[members].T, 1)
        columns.append(each[:, -1] if how == "max" else each[:, -2:].mean(1))
    return np.stack(columns, 1)


def one_to_one(readers, vectors):
    scores = vectors @ vectors.T
    upper = np.triu(np.ones(scores.shape, bool), 1)
    same = readers[:, None] == readers
    return scores[upper & same], scores[upper & ~same]


def five_clips(rng, readers, draws=4):
    """Templates of five random clips of every reader with at least ten: [(reader, members)]."""
    drawn = []
    for _ in range(draws):
        for reader in np.unique(readers):
            own = np.flatnonzero(readers == reader)
            if len(own) >= 10:
                drawn.append((reader, rng.choice(own, 5, replace=False)))
    return drawn


def trials(scores, readers, drawn):
    """(genuine, impostor) masks of [clips, templates]; a template's own clips are in neither."""
    same = readers[:, None] == np.array([reader for reader, _ in drawn])
    used = np.zeros(scores.shape, bool)
    for column, (_, members) in enumerate(drawn):
        used[members, column] = True
    return same & ~used, ~same


def fused(face, voice, weight):
    return (1 - weight) * face + weight * voice


def open_set(rng, readers, score_of, draws, margins):
    """News experiment: for each margin, thresholds at which nobody is taken for another, and who is identified there."""
    counts = {reader: (readers == reader).sum() for reader in np.unique(readers)}
    known_pool = [reader for reader, count in counts.items() if count >= 30]
    collected = []
    for _ in range(draws):
        enrolled = rng.choice(known_pool, 8, replace=False)
        members, probes = [], []
        for reader in enrolled:
            own = rng.permutation(np.flatnonzero(readers == reader))
            members.append(own[:5])
            probes.append(own[5:30])
        strangers = rng.permutation(np.flatnonzero(~np.isin(readers, enrolled)))[:100]
        scores = score_of(members)
        known = np.concatenate(probes)
        truth = np.repeat(np.arange(8), 25)
        collected.append((scores[known], truth, scores[strangers]))
    result = {}
    for margin in margins:
        def decided(scores):
            order = np.sort(scores, 1)
            return scores.argmax(1), order[:, -1], order[:, -1] - order[:, -2] >= margin
        wrong, needed, draws_of = [], [], []
        for known, truth, strangers in collected:
            who, best, clear = decided(known)
            _, stranger_best, stranger_clear = decided(strangers)
            wrong += best[clear & (who != truth)].tolist()
            needed.append(max(stranger_best[stranger_clear].max(initial=-1), best[clear & (who != truth)].max(initial=-1)))
            draws_of.append((who == truth, best, clear))
        highest = max(needed)
        rates = [float((right & clear & (best > highest)).mean()) for right, best, clear in draws_of]
        own = [float((right & clear & (best > need)).mean()) for (right, best, clear), need in zip(draws_of, needed)]
        result[str(margin)] = {"threshold_for_all_draws": round(float(highest), 3), "identified": round(float(np.mean(rates)), 4),
                               "identified_worst_draw": round(min(rates), 4), "threshold_median_draw": round(float(np.median(needed)), 3),
                               "identified_at_own_threshold": round(float(np.mean(own)), 4),
                               "known_taken_for_another_at_any_threshold": len(wrong)}
    return result


def alike(readers, vectors, count=12):
    names = np.unique(readers)
    centres = unit(np.array([vectors[readers == name].mean(0) for name in names]))
    scores = centres @ centres.T
    pairs = sorted(((float(scores[i, j]), names[i], names[j]) for i in range(len(names)) for j in range(i)), reverse=True)
    return pairs[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json")
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    readers, vectors = read(options.file)
    record = {"clips": len(readers), "readers": len(np.unique(readers))}

    if options.pairs:
        for modality, matrix in vectors.items():
            print(modality, "; ".join(f"{a} {b} {score:.2f}" for score, a, b in alike(readers, matrix)))

    print()
    print_header()
    record["one_clip"] = {}
    for modality, matrix in vectors.items():
        record["one_clip"][modality] = summary(*one_to_one(readers, matrix))
        print_summary(f"{modality}, one clip", record["one_clip"][modality])
    drawn = five_clips(rng, readers)
    members = [m for _, m in drawn]
    record["five_clips"] = {}
    scores = {}
    for modality, matrix in vectors.items():
        for how in ("mean", "max", "best two"):
            values = template_scores(matrix, members, how)
            genuine, impostor = trials(values, readers, drawn)
            scores[modality, how] = values
            record["five_clips"][f"{modality}, {how}"] = summary(values[genuine], values[impostor])
            print_summary(f"{modality}, five clips, {how}", record["five_clips"][f"{modality}, {how}"])

    # Weight of the voice in the sum, chosen on half of the readers, then tried on the other half.
    print("\nfusion, five clips, mean: (1 - w) face + w voice")
    halves = np.array_split(rng.permutation(np.unique([reader for reader, _ in drawn])), 2)
    genuine, impostor = trials(scores["voice", "mean"], readers, drawn)
    owners = np.array([reader for reader, _ in drawn])
    inside = [np.isin(readers, half)[:, None] & np.isin(owners, half) for half in halves]
    record["fusion"] = {}
    for model in clip_embeddings.FACE_MODELS:
        face, voice = scores[model, "mean"], scores["voice", "mean"]
        for train, test in ((0, 1), (1, 0)):
            weights = np.linspace(0, 0.8, 17)

            def spread(weight):
                value = fused(face, voice, weight)
                g, i = value[genuine & inside[train]], value[impostor & inside[train]]
                return (g.mean() - i.mean()) / np.sqrt((g.var() + i.var()) / 2)

            best = float(max(weights, key=spread))
            value = fused(face, voice, best)
            row = summary(value[genuine & inside[test]], value[impostor & inside[test]])
            record["fusion"][f"{model} half {test}"] = row | {"voice_weight": best}
            print_summary(f"{model}, w={best:.2f}, half {test}", row)
        for weight in (0.2, 0.3, 0.4, 0.5):
            value = fused(face, voice, weight)
            row = summary(value[genuine], value[impostor])
            record["fusion"][f"{model} {weight}"] = row
            print_summary(f"{model}, w={weight}, all", row)

    print(f"\nopen set, eight readers enrolled from five clips, {options.draws} draws of readers and clips"
          f"\n{'':34}{'margin':>8}{'threshold':>11}{'identified %':>14}{'worst draw %':>14}{'median threshold':>18}{'identified %':>14}")
    record["open_set"] = {}
    cases = {model: (model, 0.0) for model in clip_embeddings.FACE_MODELS} | {"voice": ("voice", 0.0)}
    cases |= {f"{model} + {w} voice": (model, w) for model in clip_embeddings.FACE_MODELS for w in (0.3, 0.5)}
    for name, (model, weight) in cases.items():
        for how in ("mean", "max"):
            def score_of(members):
                face = template_scores(vectors[model], members, how)
                return fused(face, template_scores(vectors["voice"], members, how), weight) if weight else face
            seeded = np.random.default_rng(options.seed)
            result = open_set(seeded, readers, score_of, options.draws, (0.0, 0.05, 0.1))
            record["open_set"][f"{name}, {how}"] = result
            for margin, row in result.items():
                print(f"{name + ', ' + how:34}{margin:>8}{row['threshold_for_all_draws']:11.3f}{100 * row['identified']:14.2f}"
                      f"{100 * row['identified_worst_draw']:14.2f}{row['threshold_median_draw']:18.3f}{100 * row['identified_at_own_threshold']:14.2f}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(record, file, indent=1)


if __name__ == "__main__":
    main()
