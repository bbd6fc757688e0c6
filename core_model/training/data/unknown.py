"""Questions from the whole wide world, which Cria does not know, and the honest answers.

No list could hold them all, so they are composed: a frame ("what is the capital of ...") and a filling ("peru"), with
many frames and many fillings. The model should learn the complement: whatever is not its own small world gets the
answer that it does not know, and how to open a model that does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core_model.training.data.intents import OPEN_SCOUT, WHO
from core_model.training.data.splits import Split
from core_model.training.data.things import THINGS
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, typed, with_article, word
from core_model.training.data.words import PRINTED_WORDS
from core_model.training.data.world import FILLINGS, FOREIGN

DO_NOT_KNOW = f"I do not know that. {WHO} {OPEN_SCOUT}"
CANNOT_WRITE = f"I cannot write that. {WHO} {OPEN_SCOUT}"
CANNOT_TRANSLATE = f"I cannot translate. {WHO} {OPEN_SCOUT}"
CANNOT_CALCULATE = f"I cannot calculate that. {WHO} {OPEN_SCOUT}"
CANNOT_ADVISE = f"I cannot advise on that. {WHO} {OPEN_SCOUT}"
ONLY_ENGLISH = f"I understand only English. {WHO} {OPEN_SCOUT}"


@dataclass(frozen=True, slots=True)
class Theme:
    """Frames that share an answer. `weight` says how often, beside the others."""

    name: str
    weight: float
    frames: str
    answer: str


THEMES: tuple[Theme, ...] = (
    Theme(
        "geography",
        1.0,
        """
        what is the {capital|currency|population|flag|language|president|largest city|area|history|highest
        mountain|national animal} of $country?; where is $country?; where is $city?; how far is it from $city
        to $city2?; which countries border $country?; is $city in $country?; how many people live in
        {$country|$city}?; what should i see in {$city|$country}?; what language do they speak in $country?;
        tell me about {$country|$city}.; what's the capital of $country?; capital of $country; how do i get
        {to|from} $city[ to $city2]?; what is the {longest river|highest mountain|largest lake|tallest building}
        in {$country|the world|europe|asia|africa}?
        """,
        DO_NOT_KNOW,
    ),
    Theme(
        "history",
        1.0,
        """
        when {did|was} $event?; who {won|lost|started} {the world cup|the election|world war two|the war|the
        game|the super bowl}[ in {1998|2010|2018|2022|1945|1966}]?; what happened in
        {1789|1914|1945|1969|1989|2001|2012|2020|1492}?; who was $person?; when was $person born?; when did
        $person die?; tell me about $person.; what did $person {do|say|invent|write|discover}?; why is $person
        famous?; why did $event?; who {invented|discovered|built|painted|wrote|founded} $work?; how old is
        $person?; is $person still alive?; who is $person?; explain {world war one|the french revolution|the
        cold war|the roman empire|the middle ages}.
        """,
        DO_NOT_KNOW,
    ),
    Theme(
        "science",
        1.0,
        """
        what is $concept?; explain $concept[ to me| simply| to a child| in simple words]?; how does $concept
        work?; why is {the sky blue|grass green|the sea salty|the sun hot|ice slippery|snow white|blood red}?;
        how {far|big|old|hot|heavy} is the {sun|moon|earth|universe}?; what is the {boiling point|chemical
        symbol|density|melting point|price|weight} of {water|gold|iron|oxygen|lead|silver}?; what is the speed of
        {light|sound}?; how many {planets|bones|continents|oceans|elements|countries|stars} are there[ in the
        {world|body|universe|solar system}]?; who discovered $concept?; what is the difference between $concept
        and $concept2?; is $concept {real|dangerous|true|important|possible}?; why do {cats purr|birds sing|we
        sleep|we dream|leaves fall|people cry|dogs bark}?; what causes $concept?; do you know
        {anything|something} about $concept?; tell me {about|more about} $concept.
        """,
        DO_NOT_KNOW,
    ),
    Theme(
        "things",
        1.2,
        """
        what is $a_thing?; how much does $a_thing cost?; how do i
        {draw|clean|buy|repair|make|build|train|cook|paint|choose} $a_thing?; what do $things
        {eat|weigh|mean|cost|look like}?; where can i buy $a_thing?; what is the best $thing?; why do people
        like $things?; how long does $a_thing live?; tell me {a fact|something} about $things.; what does the
        word $noun mean?; define $noun.; what is the {opposite|meaning|plural|definition|synonym|origin} of
        $noun?; what rhymes with $noun?; how do you spell $noun?; is $a_thing {heavier|bigger|faster|better}
        than $a_noun?; who invented the $thing?; can $things {swim|fly|talk|think}?; what {color|colour} is {a
        banana|the sky|grass|blood|snow|an elephant|the sun|a tomato|the ocean|a lemon|chocolate}?; how many
        {legs|eyes|wheels|sides|legs|teeth} does $a_thing have?
        """,
        DO_NOT_KNOW,
    ),
    Theme(
        "culture",
        0.8,
        """
        who {wrote|sang|directed|painted|composed} $work?; what is $work about?; what is the {best|most
        popular|newest} {movie|book|song|game|series|phone|car|laptop|band}[ of {2020|2024|all time|this year}]?;
        recommend {me |}a {movie|book|song|restaurant|game|series|hotel|podcast}.; who plays in {the new
        movie|star wars|the matrix|titanic}?; who is the {president|king|queen|prime
        minister|chancellor|pope|richest man|tallest man}[ of $country]?; what are the news[ today]?; what's
        new[ in {politics|sports|technology}]?; what happened {today|yesterday|last week}?; who won
        {yesterday|the match|the oscar|the nobel prize|the league}?; what is the price of {bitcoin|gold|oil|tesla
        stock|gas}?; what are {the lyrics of $work|the rules of $game}?; how do you play $game?; what is your
        opinion on {$concept|politics|religion|$person}?; what do you think {about|of}
        {$concept|$country|$person|life|love|war}?; is {god real|there life on mars|there a god|santa real}?;
        what is the meaning of life?; will {the world end|ai replace us|i be rich}[ {tomorrow|soon|one
        day}]?; what should i {eat|wear|do|watch|read|cook|buy}[ today| tonight| this weekend]?; what is love?
        """,
        DO_NOT_KNOW,
    ),
    Theme(
        "writing",
        1.4,
        """
        write [me ]{a|a short|a long|a funny|a sad|another}
        {poem|story|song|letter|email|essay|speech|haiku|text|article|novel|joke|rap|blog
        post|tweet|review|summary|report} {about|on|for} {$a_thing|$things|$concept|$country|my
        {mother|boss|friend|teacher|cat}|love|winter|the sea}.; write [me ]a
        {poem|story|song|haiku|limerick|letter|cv|resume|cover letter|birthday card|love
        letter|speech|text|essay}[ please| for me]; can you write {a poem|a story|an email|a letter|an essay|a
        song|text|code}[ for me| about {$a_thing|love}]?; {compose|make up|invent|create|draft} a
        {poem|story|song|tale|letter|speech|slogan}[ about {$things|$concept}].; {tell me|read me} a {story|fairy
        tale|bedtime story|long story}[ about $a_thing].;
        {summarize|rewrite|shorten|improve|correct|proofread|paraphrase} {this|this text|my text|this article|the
        document|this email|the following|this book}[ please]; {fix|correct|check} my
        {grammar|spelling|text|essay|english}.; help me {write|with} {my homework|an essay|a letter|my thesis|an
        email|a speech|my resume}.; give me {ideas|five ideas|a list of ideas|10 ideas|names|tips} for {a party|a
        gift|dinner|a story|a project|my dog|my company|a trip to $country}.; continue {the|this} story[: once
        upon a time]; make a {list|table|plan|schedule|to-do list} of {$things|countries|my week|animals}.
        """,
        CANNOT_WRITE,
    ),
    Theme(
        "code",
        1.2,
        """
        write [me ]a {python|javascript|java|c++|rust|html|sql|bash|c|go}
        {program|function|script|class|query|page|loop}[ {that|which} {sorts a list|prints hello world|reads a
        file|adds two numbers|reverses a string|draws a circle|downloads a page}].; write {code|some code|a
        program|a function|a script|python code|html}[ for me| please]; how do i {sort a list|read a file|write a
        loop|reverse a string|install a package|define a class|use git|make a website|parse json} in
        {python|javascript|java|c++|rust|bash|sql}?; what does {this code|this function|print(1)|def f(x): return
        x|for i in range(10)|git rebase|sudo|ls -la|SELECT * FROM users} do?;
        {fix|debug|explain|review|optimize|refactor} {this code|my code|this function|this error|my program|this
        bug}.; why does {my code|my program|this function|python} {not work|crash|fail}?; can you
        {code|program|write code|write python|debug}?; print hello world in {python|java|c|rust}; what is a
        {pointer|class|closure|compiler|database|regex|for loop|variable|hash map}?;
        {python|javascript|java|rust|regex|sql} {example|code|tutorial|help}; make {me |}a
        {website|game|app|snake game|calculator|chatbot}[ in {python|html|javascript}].
        """,
        CANNOT_WRITE,
    ),
    Theme(
        "translation",
        0.7,
        """
        translate {this|this text|it|$noun|hello|good morning|thank you|i love you|the following|this sentence}
        {to|into} $language[ please]; what {is|does} {$noun|hello|thank you|goodbye|water|love} {in|mean in}
        $language?; how do you say {$noun|hello|thank you|good morning|goodbye|yes|i love you|please} in
        $language?; can you translate[ {this|something|text}][ {to|into} $language]?; {$noun|hello|thank you} in
        $language?; say {hello|thank you|$noun|something} in $language.; what is the $language word for
        {$noun|$a_thing}?
        """,
        CANNOT_TRANSLATE,
    ),
    Theme(
        "maths",
        0.9,
        """
        what is $n1 {+|-|*|/|x|times|plus|minus|divided by} $n2?; $n1 {+|-|*|/|x} $n2[ =]; calculate {$n1
        {+|-|*} $n2|the square root of $n1|the area of a circle|$d1 percent of $n2}.; what is the {square
        root|cube|factorial|logarithm} of $n1?; how much is $n1 {+|-|*|times|plus|minus} $n2?; solve {x + $d1 =
        $n1|$d1x = $n2|x^2 = $n1|this equation|2x + $d1 = $n2}.; what is $d1 {percent|%} of $n1?; what is pi?;
        is $n1 {a prime|prime|even|odd|divisible by $d1}?; how many {seconds|minutes|hours|days} are in {a day|a
        week|a year|$d1 years}?; convert $n1 {miles to kilometers|dollars to euros|pounds to kilograms|feet to
        meters|celsius to fahrenheit}.; what is the {integral|derivative} of {x^2|sin x|e^x|1/x}?; count to
        {ten|100|$n1}.; what comes after $n1?
        """,
        CANNOT_CALCULATE,
    ),
    Theme(
        "advice",
        0.9,
        """
        i have {a headache|a fever|a cold|back pain|a rash|a cough|a toothache}, what {should|can} i do?; what
        {helps|can i do} against {a headache|a cold|stress|fever|insomnia|pain|a cough}?; should i {buy
        bitcoin|quit my job|marry him|see a doctor|sell my house|take aspirin|invest in stocks|break up|move to
        $country|learn $language}?; is {coffee|sugar|aspirin|running|meat|chocolate|this medicine|alcohol}
        {healthy|bad for me|dangerous|good for me}?; how {can|do} i {lose weight|sleep better|get rich|find a
        job|make friends|save money|learn faster|stop smoking|be happy|get fit|be more productive}?; how do i
        {sue|divorce|write a will|pay less tax|start a company|get a visa|rent a flat}?; what are the
        {symptoms|side effects|causes} of {flu|cancer|diabetes|aspirin|covid|stress}?; how much {should i|do i
        have to} {drink|sleep|eat|save|pay}[ every day]?; {help me|what do i do} with my
        {taxes|relationship|homework|diet|marriage|thesis|career}?; which {stock|laptop|phone|car|insurance|bank}
        should i {buy|choose}?; how do i {cook|bake|make|prepare} {pasta|rice|pizza|bread|a cake|an
        omelette|pancakes|soup|sushi|curry|coffee}?; {recipe for|give me a recipe for|what is a good recipe for}
        {pasta|pizza|bread|a cake|soup|lasagna|pancakes|curry|salad|cookies}[?]; how long {do i|should i}
        {boil|bake|fry|cook} {an egg|rice|potatoes|pasta|a pizza|fish|chicken}?; how do i
        {fix|repair|change|clean|install} {my car|a tire|the sink|my bike|windows|linux|my printer|wifi|my phone}?
        """,
        CANNOT_ADVISE,
    ),
    Theme("foreign", 0.9, FOREIGN, ONLY_ENGLISH),
)
_CHANCES = np.array([theme.weight for theme in THEMES]) / sum(theme.weight for theme in THEMES)


def ask_unknown(rng: np.random.Generator, split: Split) -> Turn | None:
    """One question from outside Cria's world."""
    theme = THEMES[int(rng.choice(len(THEMES), p=_CHANCES))]
    question = word(theme.frames, rng, split, **_fillings(rng))
    if question is None:
        return None
    is_foreign = theme.name == "foreign"
    return Turn(typed(question if is_foreign else decorate(question, rng), rng), theme.answer, "unknown")


def _fillings(rng: np.random.Generator) -> dict[str, str]:
    values = {name: words[int(rng.integers(len(words)))] for name, words in FILLINGS.items()}
    values["city2"] = FILLINGS["city"][int(rng.integers(len(FILLINGS["city"])))]
    values["concept2"] = FILLINGS["concept"][int(rng.integers(len(FILLINGS["concept"])))]
    thing = THINGS[int(rng.integers(len(THINGS)))]
    noun = PRINTED_WORDS[int(rng.integers(len(PRINTED_WORDS)))]
    number = (
        int(rng.integers(10, 100)),
        int(rng.integers(10, 10 ** int(rng.integers(2, 5)))),
        int(rng.integers(2, 10)),
    )
    values |= {
        "thing": thing,
        "things": f"{thing}s",
        "a_thing": with_article(thing),
        "noun": noun,
        "a_noun": with_article(noun),
    }
    return values | {"n1": str(number[1]), "n2": str(number[0]), "d1": str(number[2]), "d1x": f"{number[2]}x"}
