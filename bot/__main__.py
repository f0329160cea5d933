"""`python -m bot` is `faultline`, for whoever starts the bot without the installed command."""

from bot.cli import main

if __name__ == "__main__":
    main()
