"""`faultline bench verdicts`: how often the verdict is right, on recordings whose truth is known."""
