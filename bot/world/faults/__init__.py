"""What can happen to the world, one class a happening; read `episode.py` first."""
