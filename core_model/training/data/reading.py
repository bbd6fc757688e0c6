"""Questions about printed digits and words, and about print where there is none.

Words are answered in upper case between quotation marks, so that reading is always letter by letter.
"""

from __future__ import annotations

import numpy as np

from core_model.training.data.descriptions import reading_skill
from core_model.training.data.prints import PrintedText
from core_model.training.data.scenes import Scene
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, plural, typed, word

_NUMBER = """
{what|which} number {is this|is it|do you see|is shown|is in the {picture|image}}?; what is the number?; read
the {number|digits}.; what does it say?; what is written {here|in the picture|there}?; what {digits|number} do
you see?; which {digit|digits} {is this|are these|do you see}?; can you read {this|the number|it}?; read
{this|it}.; what number did i write?; tell me the number.; what's the number?; please read the number.; what
is this number?; {which|what} digits are {here|there|in the picture}?; what does the {picture|image} say?; read
the {picture|image}.
"""
_WORD = """
what does it say?; {what|which} word {is this|is it|do you see|is written here|is shown|is in the
{picture|image}}?; read the {word|text|letters}.; what is written {here|in the picture|there|on it}?; can you
read {this|the word|it|the text}?; read {this|it}.; what does the {picture|image|text} say?; what text {do you
see|is this|is in the {picture|image}}?; what is the word?; which letters {do you see|are these|are there}?;
what {word|text} did i write?; tell me {the word|what it says|what is written}.; please read {the word|the
text|this}.; what's written {here|there}?; spell {the word|it}.; read the {picture|image}.
"""
_ANY_TEXT = """
is there {any|some} {text|writing|word}?; is {something|anything} written {here|in the picture}?; do you see
{text|letters|any text|a word|a number}?
"""
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


def ask_reading(scene: Scene, rng: np.random.Generator, split: Split) -> Turn | None:
    """A question about the print in a scene; without print, the honest answer that there is none."""
    if not scene.prints:
        templates = f"{_ANY_TEXT}; {_WORD}" if rng.random() < 0.7 else _NUMBER
        return _turn("absent", templates, "I see no text in this picture.", rng, split)
    text = scene.prints[0]
    skill = reading_skill(text)
    roll = rng.random()
    if roll < 0.62:
        return _turn(skill, _NUMBER if text.is_number else _WORD, reading(text), rng, split)
    if roll < 0.72:
        templates = """
            what <color> is the $noun?; which <color> is the $noun?; what is the <color> of the $noun?; the $noun has
            {what|which} <color>?
        """
        noun = "number" if text.is_number else "text"
        return _turn("color", templates, f"The {noun} is {text.color}.", rng, split, noun=noun)
    if roll < 0.80:
        return _turn(skill, _ANY_TEXT, f"Yes. {reading(text)}", rng, split)
    return _about_characters(text, skill, rng, split)


def reading(text: PrintedText) -> str:
    """ "The number is 47." or 'It says "LAMP".'."""
    return f"The number is {text.text}." if text.is_number else f'It says "{text.text.upper()}".'


def _about_characters(text: PrintedText, skill: str, rng: np.random.Generator, split: Split) -> Turn | None:
    noun = "digit" if text.is_number else "letter"
    count = len(text.text)
    if rng.random() < 0.5 or count < 2:
        templates = """
            how many $nouns {are there|do you see|does it have}?; count the $nouns.; how many $nouns are in the
            {picture|image|word|number|text}?
        """
        answer = f"It has {plural(noun, count)}."
        return _turn(skill, templates, answer, rng, split, nouns=f"{noun}s")
    at = int(rng.integers(min(count, len(_ORDINALS))))
    ordinal = "last" if rng.random() < 0.3 else _ORDINALS[at]
    character = text.text[-1 if ordinal == "last" else at].upper()
    said = character if text.is_number else f'"{character}"'
    templates = """
        what is the $ordinal $noun?; which $noun is the $ordinal [one]?; the $ordinal $noun?; {tell me|name} the
        $ordinal $noun.
    """
    return _turn(skill, templates, f"The {ordinal} {noun} is {said}.", rng, split, ordinal=ordinal, noun=noun)


def _turn(
    skill: str, templates: str, answer: str, rng: np.random.Generator, split: Split, **values: str
) -> Turn | None:
    question = word(templates, rng, split, **values)
    return None if question is None else Turn(typed(decorate(question, rng), rng), answer, skill)
