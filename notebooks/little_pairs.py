"""A little parallel corpus for notebook 19: English sentences and their Chinese translations.

    He plays the piano at home every day.     他每天在家弹钢琴。
    Do they like music?                       他们喜欢音乐吗？

Each sentence is put together from a subject, a verb, its object and perhaps a place and a time. So
its translation is certain, except one word: "often" is 经常, 常常 or 常, drawn at random.

As in the real languages, it is not word for word. Time and place stand before the Chinese verb.
"play" is 踢, 下 or 弹: the object decides. "read" and "watch" are both 看. "the", "do" and "does"
have no word of their own, and a question ends in 吗.

Some pairs of verb and object are kept for the test: "love programming" does not occur in training,
though both words do, in other company.
"""

import random
from typing import NamedTuple

SUBJECTS = {
    "I": "我",
    "you": "你",
    "he": "他",
    "she": "她",
    "we": "我们",
    "they": "他们",
    "my mother": "我妈妈",
    "my brother": "我弟弟",
    "the teacher": "老师",
    "the students": "学生们",
}
WITHOUT_S = ("I", "you", "we", "they", "the students")  # I love, she loves
THINGS = {
    "programming": "编程",
    "Chinese": "汉语",
    "music": "音乐",
    "films": "电影",
    "books": "书",
    "tea": "茶",
    "coffee": "咖啡",
    "football": "足球",
    "chess": "象棋",
    "the piano": "钢琴",
}
FEELINGS = {"love": "爱", "like": "喜欢", "miss": "想念"}  # the same before each thing
ACTIONS = {  # what it is before each thing that it may have
    "learn": dict.fromkeys(("programming", "Chinese", "music", "football", "chess"), "学"),
    "teach": dict.fromkeys(("programming", "Chinese", "music", "football", "chess"), "教"),
    "play": {"football": "踢", "chess": "下", "the piano": "弹"},
    "read": {"books": "看"},
    "watch": {"films": "看", "football": "看"},
    "drink": {"tea": "喝", "coffee": "喝"},
    "buy": {"books": "买", "tea": "买", "coffee": "买"},
}
VERBS = {verb: dict.fromkeys(THINGS, chinese) for verb, chinese in FEELINGS.items()} | ACTIONS
FOR_THE_TEST = (  # verb and thing
    ("love", "programming"),
    ("love", "tea"),
    ("like", "chess"),
    ("like", "films"),
    ("miss", "the piano"),
    ("learn", "Chinese"),
    ("teach", "music"),
    ("buy", "coffee"),
)
PLACES = {"at home": "在家", "at school": "在学校", "in the park": "在公园里"}
TIMES = {
    "every day": "每天",
    "in the morning": "早上",
    "in the evening": "晚上",
    "on Sunday": "星期天",
}
OFTEN = {"经常": 0.42, "常常": 0.32, "常": 0.26}  # how likely each is


class Pair(NamedTuple):
    """A sentence and its translation."""

    english: str
    chinese: str
    thing: str  # its object, in English


def sentence(
    subject: str,
    verb: str,
    thing: str,
    *,
    place: str = "",
    time: str = "",
    kind: str = "plain",
    often: str = "经常",
) -> Pair:
    """The pair of these parts.

    Example:
        >>> sentence("she", "play", "chess", place="at home", kind="not").english
        'She does not play chess at home.'
    """
    has_s = subject not in WITHOUT_S
    do = "does" if has_s else "do"
    with_s = verb + ("es" if verb.endswith(("ss", "ch")) else "s") if has_s else verb
    start = {
        "plain": f"{subject} {with_s}",
        "often": f"{subject} often {with_s}",
        "not": f"{subject} {do} not {verb}",
        "question": f"{do} {subject} {verb}",
    }[kind]
    is_question = kind == "question"
    english = " ".join(part for part in (start, thing, place, time) if part)
    before_verb = {"often": often, "not": "不"}.get(kind, "")
    chinese = (
        SUBJECTS[subject]
        + TIMES.get(time, "")
        + before_verb
        + PLACES.get(place, "")
        + VERBS[verb][thing]
        + THINGS[thing]
    )
    return Pair(
        english[0].upper() + english[1:] + ("?" if is_question else "."),
        chinese + ("吗？" if is_question else "。"),
        thing,
    )


def pairs(count: int, *, seed: int, is_test: bool = False) -> list[Pair]:
    """Sentences drawn at random; those for the test have verbs and things that are not together
    elsewhere. A feeling has neither place nor time.
    """
    rng = random.Random(seed)
    together = [
        (verb, thing)
        for verb, things in VERBS.items()
        for thing in things
        if ((verb, thing) in FOR_THE_TEST) == is_test
    ]
    drawn = []
    for _ in range(count):
        subject, (verb, thing) = rng.choice(list(SUBJECTS)), rng.choice(together)
        (often,) = rng.choices(list(OFTEN), list(OFTEN.values()))
        if verb in FEELINGS:
            given = {"kind": rng.choice(("plain", "not", "question"))}
        else:
            kind = rng.choice(("plain", "often", "often", "not", "question"))
            time = rng.choice(("", "", *TIMES)) if kind != "often" else ""
            given = {"kind": kind, "place": rng.choice(("", "", *PLACES)), "time": time}
        drawn.append(sentence(subject, verb, thing, often=often, **given))
    return drawn
