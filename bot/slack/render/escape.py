"""The one door through which outside text enters a message: labels, logs, model names, thread text, generated text."""

from __future__ import annotations

import re
import unicodedata

CUT_NOTE = " … (cut)"  # visible, so that nobody takes a part for the whole

# Cc control, Cf format (zero width, bidi, tag characters), Cs surrogates, Co private use, Cn unassigned: none of them
# has a legitimate place in a line of ours, and each has been used to hide or reorder text.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
ALSO_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")  # drawn as nothing, yet counted as letters
VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # selectors carry hidden bytes when chained
BLANKS = re.compile(r"[ \t\r\n\u2028\u2029\u00a0]+")

BROADCAST = re.compile(r"@(?=(?:here|channel|everyone)\b)", re.IGNORECASE)
SCHEME = re.compile("://")
MAIL_SCHEME = re.compile(r"\b(mailto|tel|javascript|data|slack):", re.IGNORECASE)
WWW = re.compile(r"\bwww\.", re.IGNORECASE)
EMOJI = re.compile(r":(?=[a-z0-9_+'-]*[a-z_+-][a-z0-9_+'-]*:)", re.IGNORECASE)  # `:white_check_mark:`, not 10:31:00
# An underscore inside a word (`null_rate`) starts no italics; one at a word's edge does.
EDGE_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9_])_|_(?![A-Za-z0-9_])")
# Asterisk operator, tilde operator, modifier grave: they look alike and format nothing.
LOOKALIKES = str.maketrans({"*": "\u2217", "~": "\u223c", "`": "\u02cb"})
MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
PLAIN_MARKUP = str.maketrans({"<": "\u2039", ">": "\u203a"})  # angle quotes: plain_text shows entities as they stand


def _visible(text: str) -> str:
    """Keep what a reader would see: no control, bidi, zero-width or tag characters; blanks become one space."""
    spaced = VARIATION.sub("", BLANKS.sub(" ", text))
    return "".join(c for c in spaced if c not in ALSO_UNSEEN and unicodedata.category(c) not in UNSEEN)


def esc(text: object, *, limit: int = 300, plain: bool = False) -> str:
    """Make outside text inert, on one line.

    text:  anything; its `str()` is used.
    limit: characters that survive, measured before entities are written; the rest is cut with a visible note.
    plain: for `plain_text` objects, where entities would be shown literally.

    Nothing that comes out can mention anybody, form a link (disguised or bare), draw an emoji, or change the
    formatting around it.

    >>> esc("<!channel> and <https://evil.example|Approve>")
    '&lt;!channel&gt; and &lt;https[:]//evil.example|Approve&gt;'
    >>> esc("null_rate 10:31:00")
    'null_rate 10:31:00'
    """
    seen = _visible(str(text)).strip()
    seen = BROADCAST.sub("\uff20", seen)  # the full-width sign pings nobody
    seen = SCHEME.sub("[:]//", seen)
    seen = MAIL_SCHEME.sub(r"\1[:]", seen)
    seen = WWW.sub("www[.]", seen)
    seen = EMOJI.sub("\u2236", seen)  # a ratio sign looks like a colon and names no emoji
    if len(seen) > limit:
        seen = seen[: max(0, limit - len(CUT_NOTE))].rstrip() + CUT_NOTE
    if plain:
        return seen.translate(PLAIN_MARKUP)
    return EDGE_UNDERSCORE.sub("\uff3f", seen.translate(LOOKALIKES)).translate(MARKUP)
