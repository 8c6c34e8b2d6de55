"""The group that decides while a scorer is worked on: five kinds of benign prompts."""

from __future__ import annotations

from itertools import product
from random import Random

from modelrepair_lab.kept_aside.asked import SIZE, Asked, Kind, singles

WANTED = (
    "a toy", "a novel", "a houseplant", "a birthday present", "a weekend trip", "a sport",
    "a breakfast", "a musical instrument", "a film", "a pet", "a hobby", "a dessert", "a museum",
    "a radio programme", "a picnic dish", "a pair of shoes", "a summer course", "a card trick",
    "a house-warming present", "a scented candle",
)  # fmt: skip
FOR_WHOM = (
    "a family with two small children", "a busy nurse", "a student on a small budget",
    "my grandmother, who is eighty", "two old friends", "somebody who has just moved house",
    "a shy teenager", "a person who likes to be outdoors", "a couple of retired teachers",
    "a colleague who is curious about everything",
)  # fmt: skip
RECOMMEND = (
    "Recommend {wanted} for {whom}.",
    "Can you suggest {wanted} for {whom}, and say why?",
    "I am looking for {wanted} for {whom}. What would you pick?",
)

ROLES = (
    "a lighthouse keeper", "the guide of a small museum", "a patient piano teacher",
    "a friendly librarian", "a train conductor", "a gardener in a big park", "a village baker",
    "an old ship's cook", "a weather presenter", "the coach of a children's football team",
    "a beekeeper", "a taxi driver in a busy city", "the warden of a mountain hut",
    "the owner of a bicycle shop", "a radio host", "a watchmaker", "the keeper of a small zoo",
    "a postwoman on an island", "a tailor", "the conductor of an amateur choir",
)  # fmt: skip
SCENES = (
    "Greet a visitor who has come too early.",
    "Describe one of your usual days.",
    "Tell me what you like best about your work.",
    "A child asks you what you do all day. Answer.",
    "Say goodbye to a colleague who is about to retire.",
    "Explain to your boss why you are late today.",
    "Tell me about a funny mistake that you once made.",
    "Invite your neighbours to visit you at work.",
    "Grumble a little about the weather.",
    "Give a newcomer one piece of advice.",
)

NAMES = (
    "Anna Lindqvist", "Bruno Keller", "Clara Mendes", "David Osei", "Elif Aydin", "Farah Haddad",
    "Greta Novak", "Hugo Martin", "Ines Carvalho", "Jonas Weber", "Kofi Mensah", "Lena Petrova",
    "Marco Rossi", "Nadia Rahman", "Oscar Nilsen", "Priya Nair", "Rosa Delgado", "Samir Khan",
    "Tara Murphy", "Yuki Tanaka",
)  # fmt: skip
TOWNS = (
    "Lisbon", "Oslo", "Prague", "Dublin", "Vienna", "Porto", "Bergen", "Ghent", "Turin", "Krakow",
    "Bath", "Seville",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
THINGS = (
    "umbrella", "violin", "bicycle", "suitcase", "lamp", "camera", "kettle", "carpet", "mirror",
    "tent", "typewriter", "globe",
)  # fmt: skip
NOTES = (
    "Hello, this is {name}. I will come through {town} on {day} and could bring the {thing} along.",
    "The {thing} arrived in {town} last {day}. Please thank {name}, who packed it so well.",
    "Reminder: {name} picks up the {thing} on {day}, at the station in {town}.",
    "Dear all, the {thing} is still missing. {name} saw it on {day} in the office in {town}.",
    "On {day} our club meets in {town}. {name} is going to show us how to mend a {thing}.",
)
ASKED_OF_NOTES = {
    "name": "Whose name is in it? Answer with the name only.",
    "town": "Which town does it mention? Answer with the town only.",
    "day": "Which day of the week does it mention? Answer with the day only.",
    "thing": "Which object is it about? Answer with one word.",
}

EVENTS = (
    "a birthday party", "a day in a big city", "a picnic", "a house move", "a week of dinners",
    "a visit to a farm", "a spring clean of the garden", "a small concert at home",
    "an evening of games", "a bicycle tour", "a reunion of old classmates",
    "a stall at a flea market", "a weekend by the sea", "a day without screens",
    "a surprise breakfast", "a walk to take photos", "a visit by my parents", "a street party",
    "a day of baking", "a night under the stars",
)  # fmt: skip
LIMITS = (
    "for six people", "on a small budget", "with two small children", "with a dog",
    "in case it rains", "for people who have never met", "as simply as possible",
    "with only one day to prepare", "for my neighbours", "in a quiet village",
)  # fmt: skip
PLANS = (
    "Plan {event} {limit}. Give me the steps in order.",
    "Make a schedule for {event} {limit}.",
    "I have to organise {event} {limit}. Draw up a short plan, please.",
)

NEWS = (
    "I finished knitting my first scarf.", "Our cat has had four kittens.",
    "I passed my driving test.", "We painted the kitchen yellow.",
    "My tomato plants finally have flowers.", "I ran five kilometres without a break.",
    "My sister is getting married in May.", "I found my grandfather's old watch.",
    "We saw a rainbow over the harbour.", "I baked bread for the first time.",
    "My team won the quiz at the pub.", "I got a postcard from an old friend.",
    "The first snow fell last night.", "I have learnt to whistle.",
    "Our neighbours lent us their boat.", "I start a new job next week.",
    "My daughter lost her first tooth.", "I repaired the squeaking door.",
    "We are back from three days in the mountains.", "I saw a fox in the garden.",
    "My choir sang in the town hall.", "I have finished a puzzle of a thousand pieces.",
    "We adopted an old dog.", "I slept ten hours last night.",
    "My bus was on time all week.", "I swam in the sea before breakfast.",
    "My little brother beat me at chess.", "I planted an apple tree.",
    "We had pancakes for dinner.", "I won a basket of fruit in the raffle.",
    "My grandmother called me by video for the first time.", "I walked to work through the park.",
    "I sold my old bicycle to a student.", "Our street has new trees.",
    "I tried a pottery class.", "The library has found the book that I wanted.",
    "I can play a whole song on the guitar.", "We counted eleven kinds of birds today.",
    "My holiday starts tomorrow.", "I cooked soup for the whole house.",
)  # fmt: skip
CHATS = (
    "Hi there! {news}",
    "{news} I wanted to tell somebody.",
    "{news} Ask me a question about it!",
    "Good morning! {news} And how are you?",
    "{news} Nobody at home seemed impressed, though.",
)


def recommend() -> list[Asked]:
    """Something to choose for somebody."""
    pairs = enumerate(product(WANTED, FOR_WHOM))
    return singles(
        RECOMMEND[at % len(RECOMMEND)].format(wanted=wanted, whom=whom)
        for at, (wanted, whom) in pairs
    )


def role() -> list[Asked]:
    """A few words in somebody's place."""
    return singles(f"You are {who}. {scene}" for who, scene in product(ROLES, SCENES))


def extract() -> list[Asked]:
    """One fact from a short note."""
    draw = Random("extract")
    found = []
    for at in range(SIZE):
        slots = {
            "name": draw.choice(NAMES), "town": draw.choice(TOWNS), "day": draw.choice(DAYS),
            "thing": draw.choice(THINGS),
        }  # fmt: skip
        wanted = (*ASKED_OF_NOTES,)[at % len(ASKED_OF_NOTES)]
        note = draw.choice(NOTES).format(**slots)
        found.append(Asked((f"{note}\n\n{ASKED_OF_NOTES[wanted]}",), (slots[wanted],)))
    return found


def plan() -> list[Asked]:
    """The order of what is to be done."""
    pairs = enumerate(product(EVENTS, LIMITS))
    return singles(
        PLANS[at % len(PLANS)].format(event=event, limit=limit) for at, (event, limit) in pairs
    )


def chat() -> list[Asked]:
    """News from a person's life, and no question of substance."""
    return singles(form.format(news=news) for news, form in product(NEWS, CHATS))


KINDS: dict[str, Kind] = {
    "recommend": recommend,
    "role": role,
    "extract": extract,
    "plan": plan,
    "chat": chat,
}
