"""Each process of the rig has metrics of its own in its own interpreter, and one needs scikit-learn: not for collection."""

collect_ignore = ["featuriser.py", "gateway.py", "load.py", "scoring.py", "store.py", "train.py", "watch.py"]
