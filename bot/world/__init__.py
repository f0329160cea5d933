"""A small simulated production for the demo, for stories and for recordings; knows nothing of the bot."""
