"""How well the face models tell people apart on photographs: Labeled Faces in the Wild (training people), or any folder.

    FWOC_SHARED_DATA=DIR FWOC_REFERENCE_MODELS=DIR python3 photographs.py [--people 400] [--singles 600] [--folder DIR] [--mirror]

Of faces-lfw-train.tar.gz, draws --people people with two pictures or more, two of each, and --singles pictures of other
people; finds the face nearest the centre with YuNet, aligns it to five points, and compares every picture with
every other by cosine. Prints percentiles, equal error rate and thresholds (see separation.py) of each face model. The many
people make the tail of impostors that a few news readers cannot show; --folder takes unpacked `<person>/<picture>`.
"""

import argparse
import random
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np

import clip_embeddings
import reference_models
import separation


def draw(folder, people, singles, seed):
    chance = random.Random(seed)
    pictures = {person.name: sorted(person.iterdir()) for person in sorted(folder.iterdir()) if person.is_dir()}
    several = [name for name, own in pictures.items() if len(own) > 1]
    chosen = chance.sample(several, min(people, len(several)))
    rest = [name for name in pictures if name not in set(chosen)]
    alone = chance.sample(rest, min(singles, len(rest)))
    return [p for name in chosen for p in chance.sample(pictures[name], 2)] + [chance.choice(pictures[name]) for name in alone]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=reference_models.default_data())
    parser.add_argument("--reference-models", default=reference_models.default_folder())
    parser.add_argument("--folder")
    parser.add_argument("--people", type=int, default=400)
    parser.add_argument("--singles", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mirror", action="store_true", help="add the mirrored face to each embedding")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    models = reference_models.existing_folder(options.reference_models)
    detector = reference_models.FaceDetector(models)
    encoders = {model: reference_models.FaceEncoder(models, model) for model in clip_embeddings.FACE_MODELS}
    with tempfile.TemporaryDirectory(prefix="fwoc-photographs-") as temporary:
        folder = Path(options.folder) if options.folder else Path(temporary) / "lfw"
        if not options.folder:
            with tarfile.open(Path(options.data) / "faces-lfw-train.tar.gz") as packed:
                packed.extractall(temporary, filter="data")
        chosen = draw(folder, options.people, options.singles, options.seed)
        names, found = [], {model: [] for model in encoders}
        for path in chosen:
            picture = cv2.imread(str(path))
            height, width = picture.shape[:2]
            detector.long_side = max(height, width)
            rows = detector(picture)
            if not len(rows):
                continue
            middle = rows[:, :2] + rows[:, 2:4] / 2 - (width / 2, height / 2)
            crop = reference_models.align(picture, rows[np.argmin((middle**2).sum(1)), 4:14])
            names.append(path.parent.name)
            for model, encoder in encoders.items():
                vector = encoder(crop)
                found[model].append(separation.unit(vector + encoder(crop[:, ::-1])) if options.mirror else vector)
    names = np.array(names)
    print(f"{len(names)} of {len(chosen)} pictures have a face; {len(np.unique(names))} people")
    separation.print_header()
    for model, vectors in found.items():
        separation.print_summary(model, separation.summary(*separation.one_to_one(names, np.array(vectors))))


if __name__ == "__main__":
    main()
