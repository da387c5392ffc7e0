"""Six short articles, for notebook 18, written for this course from what everybody can look up: for
each a summary by its author, ten sentences, and what a reader may search for.
"""

from typing import NamedTuple


class Article(NamedTuple):
    title: str
    summary: str  # not part of the text
    sentences: list[str]
    queries: dict[str, int]  # what is searched for: the number of the sentence that tells it


ARTICLES = [
    Article(
        "honey",
        "Honey is a sweet food that bees make from the nectar of flowers. They keep it in their "
        "nest for the winter, and people take a part of it.",
        [
            "On a warm day the bees of a nest visit thousands of flowers.",
            "From each flower they drink nectar, a thin juice with sugar.",
            "In the nest the nectar is passed from bee to bee, and loses most of its water.",
            "So it becomes honey, a sweet food that does not go bad.",
            "The bees close it in small cells of wax.",
            "In winter, when there are no flowers, the nest lives on this honey.",
            "People have taken honey from wild bees since the Stone Age.",
            "Today most bees live in wooden boxes that belong to a farmer.",
            "He takes a part of the honey in summer and leaves them the rest for the winter.",
            "Its colour and taste come from the flowers that the bees have visited.",
        ],
        {
            "What do insects eat in the cold season?": 5,
            "liquid collected from blossoms": 1,
            "the first people who stole from a hive": 6,
            "why one jar is dark and another one light": 9,
        },
    ),
    Article(
        "lighthouses",
        "A lighthouse is a tower with a strong light that shows ships the way at night. Today most "
        "of them work without a keeper.",
        [
            "A coast with rocks is dangerous for ships at night.",
            "For this reason people built towers with a strong light on top.",
            "The most famous one of the ancient world stood in the harbour of Alexandria.",
            "Its light was an open fire of wood.",
            "Later towers burned oil, and today they use electric lamps.",
            "A large lens of glass makes one narrow beam of the light.",
            "The lens turns, so that sailors see a flash every few seconds.",
            "Each tower has its own rhythm, and by it a captain knows where he is.",
            "In the past a keeper lived in the tower with his family and lit the lamp.",
            "Now machines do this work, and most towers are empty.",
        ],
        {
            "Who looked after the lamp in earlier times?": 8,
            "how to tell one light from another": 7,
            "the famous building in Egypt": 2,
            "vessels may be wrecked in the dark": 0,
        },
    ),
    Article(
        "bread",
        "Bread is a food made of flour and water that is baked in an oven. Yeast makes the dough "
        "rise, so that the bread becomes soft.",
        [
            "To make bread, flour is mixed with water and a little salt.",
            "The baker presses and folds this dough for ten minutes.",
            "Yeast, a living thing too small to be seen, eats the sugar in the flour.",
            "It produces a gas that fills the dough with bubbles.",
            "After an hour the dough has become twice as large.",
            "Then it is baked in a hot oven, and the crust turns brown.",
            "Without yeast the bread stays flat and hard.",
            "The oldest known bread was made in Jordan fourteen thousand years ago.",
            "In the north of Europe it is often made of rye, in the south of wheat.",
            "Old bread becomes hard, but it can still be used in soup.",
        ],
        {
            "Which grain is grown in which part of the continent?": 8,
            "a tiny organism that feeds on sweet things": 2,
            "why there are holes in it": 3,
            "what to do with it after a few days": 9,
        },
    ),
    Article(
        "volcanoes",
        "A volcano is a mountain with an opening through which hot melted rock comes out of the "
        "earth. An eruption can destroy towns, but its ash makes good soil.",
        [
            "Deep below the ground it is so hot that rock melts.",
            "The melted rock is lighter than the solid rock around it, and rises.",
            "Where it finds an opening, it flows out of the earth as lava.",
            "Lava and ash pile up around the opening, and a mountain grows.",
            "Some eruptions are quiet, others throw rock many kilometres into the air.",
            "In the year 79 the Roman town of Pompeii was buried under ash.",
            "Scientists measure small earthquakes and the gas that comes out.",
            "So they can often warn the people some days before an eruption.",
            "Still, many farmers live on the slopes, because the soil is very good.",
            "Plants grow well on old ash, since it holds water and minerals.",
        ],
        {
            "How do researchers know that danger is near?": 6,
            "a city of Italy that disappeared": 5,
            "why anyone would stay in such a place": 8,
            "how a hill is formed from what comes out": 3,
        },
    ),
    Article(
        "chess",
        "Chess is a board game for two players. Each has sixteen pieces, and who takes the king of "
        "the other wins.",
        [
            "Two players sit at a board with sixty-four squares.",
            "Each of them has sixteen pieces, one white, the other black.",
            "They move in turn, and every kind of piece moves in its own way.",
            "The queen is the strongest piece, and the king the most important.",
            "The game is won by the player who attacks the king so that he cannot escape.",
            "If nobody can win, the game is a draw.",
            "It came from India to Persia, and from there to Europe.",
            "The first world champion was Wilhelm Steinitz in 1886.",
            "In 1997 a computer defeated the best human player for the first time in a match.",
            "Nowadays a telephone plays better than any champion.",
        ],
        {
            "the country where it was invented": 6,
            "Can a machine beat a man?": 8,
            "how the contest ends without a winner": 5,
            "the most powerful figure": 3,
        },
    ),
    Article(
        "bicycles",
        "A bicycle is a vehicle with two wheels that is moved by the legs of its rider. It is "
        "cheap, clean and in towns often faster than a car.",
        [
            "The first vehicle with two wheels was built by Karl Drais in 1817.",
            "It had no pedals, and the rider pushed it with his feet on the ground.",
            "Fifty years later French workshops put pedals on the front wheel.",
            "To go faster, they made this wheel as tall as a man.",
            "Riders often fell from these tall machines and hurt themselves.",
            "The chain made it possible to have two small wheels again.",
            "Tyres filled with air made riding on stones comfortable.",
            "A bicycle costs little, needs no fuel and makes no noise.",
            "In a crowded town it is often faster than a car.",
            "In the Netherlands there are more bicycles than people.",
        ],
        {
            "Which nation has a very large number of them?": 9,
            "accidents with early models": 4,
            "a soft ride on bad roads": 6,
            "a way to travel that does not need petrol": 7,
        },
    ),
]
