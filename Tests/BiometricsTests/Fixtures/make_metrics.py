#!/usr/bin/env python3
"""Reference values for Tests/BiometricsTests, by scikit-learn, hdbscan and scipy.

Made with Python 3.11, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1, hdbscan 0.8.44; seed 20170825.
  pip install numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 hdbscan==0.8.44 && python3 make_metrics.py
writes metrics.json and embeddings.npy beside itself.
"""
import json
import pathlib

import hdbscan
import numpy as np
from scipy.optimize import brentq
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, normalized_mutual_info_score, roc_auc_score, roc_curve
from sklearn.metrics.cluster import contingency_matrix
from sklearn.metrics.pairwise import cosine_distances, euclidean_distances
from sklearn.neighbors import NearestCentroid

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(20170825)


def eer(labels, scores):
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0.0, 1.0, xtol=1e-15))


def cost(labels, scores, miss, accept, target):
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    c = miss * target * (1 - tpr) + accept * (1 - target) * fpr
    return float(c.min() / min(miss * target, accept * (1 - target)))


def tar(labels, scores, far):
    fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(tpr[fpr <= far + 1e-12].max())


def cllr(labels, llr):
    return float(0.5 * (np.logaddexp(0, -llr[labels]).mean() + np.logaddexp(0, llr[~labels]).mean()) / np.log(2))


def calibration(labels, scores):
    weight = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    mean, deviation = scores.mean(), scores.std()
    # Penalty lambda/2 a^2 on standardised scores against a sum of weights of one: C = 1 / lambda.
    model = LogisticRegression(C=1e6, solver="newton-cholesky", tol=1e-14, max_iter=10000)
    x = (scores - mean) / deviation
    model.fit(x[:, None], labels, sample_weight=weight)
    a, b = float(model.coef_[0, 0]), float(model.intercept_[0])
    return a / deviation, b - a * mean / deviation


def minimum_cllr(labels, scores):
    weight = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    p = IsotonicRegression(y_min=0, y_max=1).fit_transform(scores, labels.astype(float), sample_weight=weight)
    with np.errstate(divide="ignore"):
        llr = np.log(p) - np.log1p(-p)
    return cllr(labels, llr)


trials = []
for name, same, different, decimals, shift in [
    ("continuous", 301, 997, None, 1.7), ("ties", 300, 500, 1, 1.2), ("overlapping", 37, 41, None, 0.1),
    ("reversed", 50, 61, None, -1.0), ("few", 1, 2, None, 0.3), ("separated", 20, 30, None, 50),
]:
    scores = np.concatenate([rng.normal(shift, 1, same), rng.normal(0, 1.3, different)]).astype(np.float32)
    if decimals is not None:
        scores = np.round(scores, decimals).astype(np.float32)
    labels = np.arange(same + different) < same
    order = rng.permutation(len(scores))
    scores, labels = scores[order], labels[order]
    exact = scores.astype(np.float64)
    slope, offset = calibration(labels, exact)
    trials.append({
        "name": name, "scores": [float(s) for s in scores], "same": [bool(v) for v in labels],
        "auc": float(roc_auc_score(labels, exact)), "eer": eer(labels, exact),
        "tar": {str(f): tar(labels, exact, f) for f in (0.0, 0.001, 0.01, 0.1, 0.5, 1.0)},
        "dcf": {n: cost(labels, exact, *c) for n, c in {
            "sre2008": (10, 1, 0.01), "sre2010": (1, 1, 0.001), "sre2016": (1, 1, 0.01), "sre2016Rare": (1, 1, 0.005),
            "voxCeleb": (1, 1, 0.05)}.items()},
        "slope": slope, "offset": offset, "cllr": cllr(labels, slope * exact + offset), "minimumCllr": minimum_cllr(labels, exact),
    })

# 23 people of 4 to 20 samples on a 19-dimensional sphere, some of them noisy, and 15 samples of people seen once.
people, rows = [], []
for person in range(23):
    centre = rng.normal(size=19)
    spread = rng.uniform(0.15, 0.75)
    for _ in range(rng.integers(4, 21)):
        people.append(f"p{person}")
        rows.append(centre / np.linalg.norm(centre) + spread * rng.normal(size=19) / np.sqrt(19))
for single in range(15):
    people.append(f"s{single}")
    rows.append(rng.normal(size=19))
order = rng.permutation(len(rows))
x = np.array(rows)[order].astype(np.float32)
people = [people[i] for i in order]
np.save(here / "embeddings.npy", x)
unit = x.astype(np.float64)
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
similarity = unit @ unit.T
truth = np.array(people)

upper = np.triu_indices(len(people), 1)
pair_labels, pair_scores = truth[upper[0]] == truth[upper[1]], similarity[upper]


def mean_average_precision(scores, queries, items, without_diagonal):
    values = []
    for q in range(len(queries)):
        keep = np.arange(len(items)) != (q if without_diagonal else -1)
        relevant = items[keep] == queries[q]
        if relevant.any():
            values.append(average_precision_score(relevant, scores[q][keep]))
    return float(np.mean(values)), len(values)


def clusters_by_definition(distances, size, samples):
    """HDBSCAN from its definition, slow: what is joined at one distance splits into all its parts at once."""
    n = len(distances)
    core = np.sort(distances, axis=1)[:, min(samples, n - 1)]
    reach = np.maximum(distances, np.maximum(core[:, None], core[None, :]))
    labels = np.full(n, -1)
    clusters = [{"parent": None, "birth": 0.0, "leave": [], "children": []}]

    def grow(cluster, members):
        while True:
            # The least distance at which these are connected is the greatest edge of their spanning tree.
            sub = reach[np.ix_(members, members)]
            height = minimum_spanning_tree(sub).data.max()
            _, part = connected_components(csr_matrix((sub < height) & ~np.eye(len(members), dtype=bool)), directed=False)
            parts = [members[part == p] for p in range(part.max() + 1)]
            large = [p for p in parts if len(p) >= size]
            for p in parts:
                if len(p) < size:
                    clusters[cluster]["leave"] += [(i, 1 / height) for i in p]
            if len(large) >= 2:
                for p in large:
                    clusters.append({"parent": cluster, "birth": 1 / height, "leave": [], "children": [], "size": len(p)})
                    clusters[cluster]["children"].append(len(clusters) - 1)
                    grow(len(clusters) - 1, p)
                return
            if not large:
                return
            members = large[0]

    grow(0, np.arange(n))

    def best(c):
        entry = clusters[c]
        own = sum(l - entry["birth"] for _, l in entry["leave"])
        own += sum(clusters[k]["size"] * (clusters[k]["birth"] - entry["birth"]) for k in entry["children"])
        below = [best(k) for k in entry["children"]]
        total = sum(b[0] for b in below)
        if c == 0 or own < total:
            return total, sum((b[1] for b in below), [])
        return own, [c]

    def everything(c):
        return [i for i, _ in clusters[c]["leave"]] + sum((everything(k) for k in clusters[c]["children"]), [])

    for label, chosen in enumerate(best(0)[1]):
        labels[everything(chosen)] = label
    return labels


half = len(people) // 2
clusterings = []
for metric, size, samples in [("cosine", 4, 2), ("cosine", 3, 1), ("cosine", 6, 6), ("euclidean", 4, 2), ("euclidean", 5, 3), ("cosine", 30, 4), ("cosine", 4, 400)]:
    if metric == "cosine":
        distances = cosine_distances(x.astype(np.float64))
    else:
        distances = euclidean_distances(x.astype(np.float64))
    package = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=samples, metric="precomputed", algorithm="generic").fit_predict(distances)
    labels = clusters_by_definition(distances, size, samples)
    inside = labels >= 0
    own = labels.copy()
    own[~inside] = labels.max() + 1 + np.arange((~inside).sum())
    entry = {"metric": metric, "size": size, "samples": samples, "labels": [int(v) for v in labels],
             "package": [int(v) for v in package], "coverage": float(inside.mean()),
             "nmiAsClusters": float(normalized_mutual_info_score(truth, own, average_method="arithmetic"))}
    if inside.any():
        entry["nmi"] = float(normalized_mutual_info_score(truth[inside], labels[inside], average_method="arithmetic"))
        entry["purity"] = float(contingency_matrix(truth[inside], labels[inside]).max(axis=0).sum() / inside.sum())
    clusterings.append(entry)

# Two shots of each person with more than two samples: the first two in the file.
support, queries, right = [], [], []
for name in sorted(set(people)):
    members = [i for i, p in enumerate(people) if p == name]
    if len(members) > 2:
        support.append(members[:2])
        queries.append(members[2:])
centroids = np.array([unit[s].mean(axis=0) for s in support])
centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
model = NearestCentroid().fit(centroids, np.arange(len(support)))
for person, rows_ in enumerate(queries):
    right.append([bool(v) for v in model.predict(unit[rows_]) == person])

# Gallery: the first sample of everybody whose name ends in an even digit; probes: all the others.
gallery = [people.index(n) for n in sorted(set(people)) if int(n[1:]) % 2 == 0]
probes = [i for i in range(len(people)) if i not in gallery]
scores = unit[probes] @ unit[gallery].T
names = truth[gallery]
known = np.isin(truth[probes], names)
top = scores.argmax(axis=1)
ranks = [int((scores[i] >= scores[i][names == truth[probes[i]]][0]).sum() - 1) for i in np.flatnonzero(known)]
strangers = np.sort(scores[~known].max(axis=1))[::-1]
open_set = {}
for limit in (0.0, 0.01, 0.1, 0.5):
    threshold = strangers[int(np.floor(limit * len(strangers) + 1e-9))]
    hit = known & (names[top] == truth[probes]) & (scores.max(axis=1) > threshold)
    open_set[str(limit)] = float(hit.sum() / known.sum())

result = {
    "trials": trials,
    "probit": {str(p): float(norm.ppf(p)) for p in (1e-12, 1e-5, 0.001, 0.02424, 0.02426, 0.1, 0.3, 0.5, 0.7, 0.99, 0.99999)},
    "people": people,
    "pairs": {"auc": float(roc_auc_score(pair_labels, pair_scores)), "eer": eer(pair_labels, pair_scores), "count": int(len(pair_scores)), "same": int(pair_labels.sum())},
    "retrieval": {
        "withoutSelf": mean_average_precision(similarity, truth, truth, True),
        "withSelf": mean_average_precision(similarity, truth, truth, False),
        "halves": mean_average_precision(similarity[:half, half:], truth[:half], truth[half:], False),
        # Signs of 16 elements: products of few different values, so nearly everything is tied.
        "signs": mean_average_precision(np.sign(x[:, :16]) @ np.sign(x[:, :16]).T, truth, truth, True),
    },
    "clusterings": clusterings,
    "fewShot": {"support": support, "queries": queries, "right": right},
    "identification": {"gallery": gallery, "probes": probes, "ranks": ranks, "openSet": open_set},
}
(here / "metrics.json").write_text(json.dumps(result))
