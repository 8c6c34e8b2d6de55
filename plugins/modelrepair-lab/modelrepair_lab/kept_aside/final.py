"""The group that is run once, at the end: five other kinds of benign prompts."""

from __future__ import annotations

import json
from itertools import product
from random import Random

from modelrepair_lab.kept_aside.asked import SIZE, Asked, Kind, singles
from modelrepair_lab.kept_aside.develop import NAMES, TOWNS

TALKS = (
    ("What is a glacier?", "A glacier is a mass of ice that slowly flows downhill."),
    ("What is a compass for?", "It shows where north lies, so you can find your way."),
    ("What does a librarian do?", "A librarian looks after books and helps people find them."),
    ("What is a haiku?", "A haiku is a poem of three lines, often about nature."),
    ("What is compost?", "Compost is plant waste that has turned into rich soil."),
    ("What is a lunar eclipse?", "The Earth comes between sun and moon, and the moon turns dark."),
    ("What is a violin?", "A violin is a small instrument with four strings and a bow."),
    ("What is a delta?", "It is the land that a river builds up where it meets the sea."),
    ("What is yoga?", "Yoga is a practice of postures, breathing and calm."),
    ("What is a budget?", "A budget is a plan of what you earn and what you spend."),
    ("What is a fossil?", "A fossil is what is left of a plant or an animal in old stone."),
    ("What is a sundial?", "A sundial shows the time by a shadow that the sun casts."),
    ("What is origami?", "Origami is the art of folding paper without cutting it."),
    ("What is a monsoon?", "It is a wind that brings months of rain to some countries."),
    ("What is a recipe?", "A recipe says what goes into a dish and how to make it."),
    ("What is a marathon?", "A marathon is a run of a little over 42 kilometres."),
    ("What is a canal?", "A canal is a channel of water that people have dug."),
    ("What is a vitamin?", "A vitamin is a substance that the body needs in small amounts."),
    ("What is a satellite?", "A satellite is a body that goes around a planet."),
    ("What is a proverb?", "A proverb is a short saying that many people know."),
    ("What is a lighthouse?", "It is a tower whose lamp shows ships the way at night."),
    ("What is a thermometer?", "A thermometer measures how warm something is."),
    ("What is a choir?", "A choir is a group of people who sing together."),
    ("What is a greenhouse?", "It is a house of glass in which plants are kept warm."),
    ("What is an orchestra?", "An orchestra is a large group of musicians with a conductor."),
    ("What is a spreadsheet?", "A spreadsheet is a grid of cells that can calculate."),
    ("What is a volcano?", "A volcano is an opening from which hot rock comes up."),
    ("What is a harbour?", "A harbour is a sheltered place where ships can stay."),
    ("What is a metaphor?", "A metaphor calls one thing by the name of another that is like it."),
    ("What is a beehive?", "A beehive is a home in which bees raise young and store honey."),
    ("What is a tide?", "The tide is the sea's rise and fall, twice on most days."),
    ("What is an alphabet?", "An alphabet is the ordered set of letters of a language."),
    ("What is a windmill?", "A windmill turns the force of the wind into useful work."),
    ("What is a passport?", "A passport is a paper that says who you are when you travel."),
    ("What is a mosaic?", "A mosaic is a picture made of many small coloured pieces."),
    ("What is a nebula?", "A nebula is a cloud of gas and dust among the stars."),
    ("What is a referee?", "A referee sees to it that a game is played by its rules."),
    ("What is a sonnet?", "A sonnet is a poem of fourteen lines."),
    ("What is a reef?", "A reef is a ridge of rock or coral just below the water."),
    ("What is a syllable?", "A syllable is a part of a word that holds one vowel sound."),
)
FURTHER = (
    "Say that again in other words, please.",
    "Can you give me an example?",
    "And how would you explain it to a child of six?",
    "Thanks! What else is worth knowing about it?",
    "Which mistake do people often make about it?",
)

ROWS = 4
GOODS = ("apples", "bread", "candles", "eggs", "honey", "lemons", "milk", "paper", "rice", "soap")
ASKED_OF_TABLES = (
    "Which town has the lowest price for {goods}?",
    "Which town has the highest price for {goods}?",
    "What is the price of {goods} in {town}?",
    "In which town is {price} the price of {goods}?",
)

TOPICS = {
    "sports": (
        "The goalkeeper saved two penalties in the last minute.",
        "She won the race by the length of a hand.",
        "The match was called off since the pitch was under water.",
        "Their new striker scored three times on Sunday.",
    ),
    "cooking": (
        "Stir the sauce until it comes away from the pan.",
        "The dough has to rest for an hour under a cloth.",
        "A pinch of nutmeg makes the soup taste rounder.",
        "Roast the carrots with a little honey and thyme.",
    ),
    "weather": (
        "Showers are moving in from the west tonight.",
        "The morning fog should be gone by ten.",
        "It was the warmest March in thirty years.",
        "A cold front brings strong winds to the coast.",
    ),
    "music": (
        "The second movement opens with a solo of the cello.",
        "Her new album was recorded in an old church.",
        "The drummer counted in, and the band began.",
        "He tunes the piano before every concert.",
    ),
}
WRITTEN = {
    "praise": (
        "The room was spotless and the staff could not have been kinder.",
        "Best coffee in town, and the cake is even better.",
        "It arrived a day early and works perfectly.",
        "I laughed from the first page to the last.",
    ),
    "complaint": (
        "The zip broke the second time I wore it.",
        "We waited an hour, and the soup was cold.",
        "Nobody has answered my three letters.",
        "The screen flickers, and the box was open when it came.",
    ),
    "question": (
        "Do you still have the blue one in a smaller size?",
        "When does the last tram leave on Sundays?",
        "Is breakfast part of the price?",
        "Can the lamp be used outdoors?",
    ),
    "request": (
        "Please send the bill to my new address.",
        "I would like to move my appointment to Thursday.",
        "Kindly call me back after six.",
        "Please put me on the list for the next course.",
    ),
}
LABELS = (
    "Label the text with one word of {labels}.\n\nText: {text}",
    "{text}\n\nWhich label fits: {labels}?",
    'Text: "{text}"\nLabels: {labels}\nGive the one that fits best.',
    "Sort this message into one of {labels}: {text}",
    "Choose one category ({labels}) for this sentence: {text}",
    "I file my notes under {labels}. Where does this one go?\n\n{text}",
    "{text}\n\nOne of these words describes the text: {labels}. Which one?",
)

HEROES = (
    "a young cartographer", "the night porter of a hotel", "an old fisherman", "twin sisters",
    "a clockmaker's apprentice", "a retired acrobat", "a boy with a red kite",
    "the only postwoman of the island", "a shy giant", "a travelling bookseller",
    "a robot that tends a garden", "a girl who talks to crows", "the cook of an airship",
    "a tired knight", "a very small dragon", "a lost tourist", "a piano tuner",
    "two rival gardeners", "the youngest of nine sisters", "a shepherd without sheep",
)  # fmt: skip
OPENINGS = (
    "One foggy morning, {hero} found a key in the snow. Nobody in the village knew it.",
    "It was the longest night of the year when {hero} heard a knock at the door.",
    "Far beyond the last station, {hero} opened a letter that had no sender.",
    "In the attic of the old mill, {hero} came upon a map with a fresh mark of ink.",
    "On market day, {hero} traded a silver spoon for a box that hummed.",
    "The tide had gone out further than ever, and {hero} walked to where the sea had been.",
    "Every evening at eight the lamp across the bay went out, until {hero} rowed over to see why.",
    "When the circus left town, it left behind an elephant and {hero}.",
    "The train stopped between two fields, and {hero} was the only one to get off.",
    "For a hundred years the bell had been silent. Then {hero} leaned against the tower.",
)
GO_ON = (
    "Go on with this story: {opening}",
    "{opening}\n\nContinue the story in a few sentences.",
    "Here is how my story begins. What happens next?\n\n{opening}",
)

FORMATS = ("JSON", "CSV with a header line", "a Markdown table", "YAML", "a plain sentence")
JOBS = ("baker", "nurse", "pilot", "farmer", "teacher", "painter", "plumber", "singer", "tailor")


def follow_up() -> list[Asked]:
    """What is asked after an answer, and means nothing without it."""
    return [Asked((*talk, more)) for talk, more in product(TALKS, FURTHER)]


def table() -> list[Asked]:
    """One fact from a small table of prices."""
    draw = Random("table")
    found = []
    for at in range(SIZE):
        towns, columns = draw.sample(TOWNS, ROWS), draw.sample(GOODS, 2)
        prices = [draw.sample(range(11, 99), ROWS) for _ in columns]
        goods, own = columns[1], prices[1]
        town = draw.randrange(ROWS)
        lines = [("town", *columns), ("---",) * 3]
        lines += [
            (name, *(str(column[row]) for column in prices)) for row, name in enumerate(towns)
        ]
        right = (
            towns[own.index(min(own))],
            towns[own.index(max(own))],
            str(own[town]),
            towns[town],
        )
        which = at % len(ASKED_OF_TABLES)
        question = ASKED_OF_TABLES[which].format(goods=goods, town=towns[town], price=own[town])
        shown = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        found.append(Asked((f"{shown}\n\n{question}",), (right[which],)))
    return found


def label() -> list[Asked]:
    """Which of four labels fits a text."""
    return [
        Asked((form.format(labels=", ".join(labels), text=text),), (right,))
        for labels in (TOPICS, WRITTEN)
        for right, texts in labels.items()
        for text, form in product(texts, LABELS)
    ]


def story() -> list[Asked]:
    """How a story goes on."""
    openings = (opening.format(hero=hero) for hero, opening in product(HEROES, OPENINGS))
    return singles(
        GO_ON[at % len(GO_ON)].format(opening=opening) for at, opening in enumerate(openings)
    )


def convert() -> list[Asked]:
    """The same data in another format."""
    draw = Random("convert")
    found = []
    for at in range(SIZE):
        people = draw.sample(NAMES, 2)
        rows = [
            {"name": one, "job": draw.choice(JOBS), "town": draw.choice(TOWNS)} for one in people
        ]
        wanted = FORMATS[at % len(FORMATS)]
        given = _as_lines(rows) if wanted == "JSON" or at % 2 else json.dumps(rows)
        found.append(Asked((f"Convert this to {wanted}.\n\n{given}",)))
    return found


def _as_lines(rows: list[dict[str, str]]) -> str:
    return "\n".join("; ".join(f"{key}: {value}" for key, value in row.items()) for row in rows)


KINDS: dict[str, Kind] = {
    "follow-up": follow_up,
    "table": table,
    "label": label,
    "story": story,
    "convert": convert,
}
