"""How a message speaks. Knows nothing of the host but the message it is handed (plugin-sdk/wit/message.wit), so that tests run it in any
Python with a message of their own."""

import json
import re
import unicodedata
from dataclasses import dataclass, field, fields
from email.utils import parsedate_to_datetime

# Octets of text that are looked at, and links.
MOST_TEXT = 16 * 1024
MOST_LINKS = 200
# What is quoted of a finding.
MOST_EVIDENCE = 5
DAY = 86400

AMOUNT = re.compile(r"(?:[$€£]|\b(?:usd|eur|gbp)\b)\s?\d[\d.,]*(?:\s?(?:million|billion|thousand|k|m)\b)?", re.IGNORECASE)
WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Finding:
    """A finding: name, weight and what was seen."""

    name: str
    weight: float
    evidence: list[str]


@dataclass(frozen=True)
class Settings:
    """What `policy.toml` may say; every member has a default."""

    hurry: list[str] = field(default_factory=lambda: ["act now", "as soon as possible", "expires today", "final notice", "immediately", "last chance", "limited time", "urgent"])
    amounts: int = 3
    words_per_link: int = 4

    @staticmethod
    def read(text: str) -> "Settings":
        """The settings of their JSON; raises ValueError with a sentence about what is wrong."""
        given = json.loads(text or "{}") or {}
        wanted = {member.name.replace("_", "-"): member for member in fields(Settings)}
        for name, value in given.items():
            if name not in wanted:
                raise ValueError(f"{name}: unknown; there are {', '.join(wanted)}")
            if name == "hurry":
                if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                    raise ValueError(f"{name}: a list of texts is expected")
            elif type(value) is not int or value < 1:
                raise ValueError(f"{name}: a number above 0 is expected")
        return Settings(**{wanted[name].name: value for name, value in given.items()})


def judge(message, settings: Settings, now: float) -> list[Finding]:
    """The findings of a message that came at `now`, in seconds since 1970."""
    subject = message.subject()
    text = message.text(MOST_TEXT)
    words = WORD.findall(text)
    links = len(message.urls(MOST_LINKS))
    spoken = f"{subject}\n{text}".casefold()
    found = [
        ("TONE_SHOUTS", 1.0, shouting(subject)),
        ("TONE_HURRIES", 0.7, [phrase for phrase in settings.hurry if phrase.casefold() in spoken]),
        ("TONE_MONEY", 1.0, enough(AMOUNT.findall(text), settings.amounts)),
        ("TONE_MIXED_SCRIPTS", 2.5, [word for word in WORD.findall(subject) + words if mixed(word)]),
        ("TONE_MOSTLY_LINKS", 1.0, [f"{links} links, {len(words)} words"] if len(words) < links * settings.words_per_link else []),
        ("DATE_ODD", 1.0, odd_date(message.first("Date"), now)),
    ]
    return [Finding(name, weight, evidence[:MOST_EVIDENCE]) for name, weight, evidence in found if evidence]


def shouting(subject: str) -> list[str]:
    """The subject, if most of its letters are capitals."""
    letters = [letter for letter in subject if letter.isalpha()]
    capitals = sum(letter.isupper() for letter in letters)
    return [subject] if len(letters) >= 8 and capitals >= 0.7 * len(letters) else []


def enough(found: list[str], least: int) -> list[str]:
    """What was found, if it is enough to speak of."""
    return found if len(found) >= least else []


def mixed(word: str) -> bool:
    """Whether a word has letters of several of the alphabets that look alike."""
    if word.isascii():
        return False
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word if letter.isalpha()}
    return len(scripts & {"LATIN", "CYRILLIC", "GREEK"}) > 1


def odd_date(value: str | None, now: float) -> list[str]:
    """What is odd about the field Date: missing, unreadable, or of another day than this."""
    if value is None:
        return ["none"]
    try:
        date = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return [f"unreadable: {value}"]
    return [f"of a day to come: {value}"] if date > now + DAY else []
