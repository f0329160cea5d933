"""Trains the rig's models into a folder: per model a champion, a harmless successor, a bad one and a heavy one.

python -m tests.rig.train FOLDER      (in the environment that has scikit-learn)
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.rig.world import BAD, CHAMPION, HARMLESS, HEAVY, MODELS, rows

COUNT = 6000


def train(folder: Path) -> None:
    """Write MODEL-VERSION.pickle and what drift is measured against: MODEL.json with deciles of inputs and scores."""
    folder.mkdir(parents=True, exist_ok=True)
    for model in MODELS:
        inputs, labels = rows(model, COUNT, seed=1)
        champion = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, labels)
        again, again_labels = rows(model, COUNT, seed=2)
        harmless = make_pipeline(StandardScaler(), LogisticRegression()).fit(again, again_labels)
        # the bug of this version: two columns were swapped when its training set was joined
        swapped = inputs.copy()
        swapped[:, [0, 1]] = swapped[:, [1, 0]]
        swapped[:, -1] *= -1.0
        bad = make_pipeline(StandardScaler(), LogisticRegression()).fit(swapped, labels)
        heavy = RandomForestClassifier(150, max_depth=9, random_state=0, n_jobs=1).fit(inputs, labels)
        for version, made in ((CHAMPION, champion), (HARMLESS, harmless), (BAD, bad), (HEAVY, heavy)):
            (folder / f"{model}-{version}.pickle").write_bytes(pickle.dumps(made))
        cuts = np.linspace(0.1, 0.9, 9)
        reference = {
            "inputs": np.quantile(inputs, cuts, axis=0).T.tolist(),
            "scores": np.quantile(champion.predict_proba(inputs)[:, 1], cuts).tolist(),
        }
        (folder / f"{model}.json").write_text(json.dumps(reference))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
