"""The pages of the viewer: toured with the mouse and with the keyboard alone, in both languages,
on a laptop's screen and a telephone's; what they say, and what hostile texts do to them.
"""

import html
import os
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from minibert import BertConfig, BertForMaskedLM, BertForPreTraining, BertModel
from minibert.viewer.build import PAGE, build
from tests import tiny
from tests.viewer.chromium import opened

pytestmark = pytest.mark.browser

PAGES = ("text", "embeddings", "layer", "layers", "guesses", "whatif")
VIEWS = (
    *({"page": name} for name in PAGES if name != "layers"),
    *({"page": "layers", "view": view} for view in ("attention", "way", "two", "keep")),
    {"page": "text", "text": "Unwantéd café, 我 😀!", "pair": "It was."},
    {"page": "whatif", "swap": "2-6", "masked": "4", "off": "0.1_2.3"},
    {"page": "guesses", "pair": "It is very long."},
)
SCREENS = {"laptop": (1280, 800), "telephone": (390, 844)}
LANGUAGES = ("en", "zh")
READY = """() => document.querySelector("main h1") && !document.querySelector(".busy, .running")"""
# Each word of the page, except code, the user's text and the letters of formulas (translate="no").
WORDS = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!parent.closest("script, style, noscript, option, [translate=no]")) {
            found.push(walker.currentNode.data);
        }
    }
    const labels = [...document.querySelectorAll("[aria-label]:not([translate=no])")];
    return [...found, ...labels.map((one) => one.getAttribute("aria-label"))];
}"""
# What can be operated, in the order of the document.
OPERABLE = """() => [...document.querySelectorAll(
    "a[href], button, textarea, select, input, canvas[tabindex], [tabindex='0']")]
    .filter((one) => one.getClientRects().length).map((one) => one.id || one.className)"""
# Text that does not fit its box, and things to click that lie over each other.
MISFITS = """() => {
    const name = (one) => one.id || one.className || one.textContent.slice(0, 30);
    const boxes = [...document.querySelectorAll(
        "button, a, th, td, p, h1, h2, h3, li, label, output, .formula-card, .cell-panel")]
        .filter((one) => one.getClientRects().length && !one.closest(".skip"));
    const cut = boxes.filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth);
    const wide = boxes.filter((one) => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest(".scroller"));
    const clicked = [...document.querySelectorAll(
        "main button:not(.tokens button), header button, header a, footer button")]
        .filter((one) => one.getClientRects().length && !one.closest(".skip, .scroller"));
    const over = clicked.filter((one, i) => clicked.slice(i + 1).some((other) => {
        const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
        return Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
            && !one.closest("header") === !other.closest("header");
    }));
    const page = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
    const told = (fault, list) => list.map((one) => `${fault}: ${name(one)}`);
    return [...page, ...told("cut", cut), ...told("wide", wide), ...told("over another", over)];
}"""


def go(page, /, **state):
    """Show a state by its address, as a link does."""
    page.evaluate("hash => { location.hash = hash; }", urlencode(state))
    page.wait_for_function(
        "wanted => document.querySelector(`main.page-${wanted}`)", arg=state.get("page", "text")
    )
    page.wait_for_timeout(50)  # the hash changes before the page does
    page.wait_for_function(READY)


def name_of(state):
    return "-".join(state.values())


# The texts.


def faults_of(texts):
    """What is wrong with the texts: a language missing, its words another's, other gaps to fill."""
    faults = []
    for key, text in texts.items():
        if sorted(text) != ["en", "zh"] or not all(text.values()):
            faults.append(f"{key}: not in both languages")
            continue
        gaps = [sorted(re.findall(r"\{\w+\}", text[lang])) for lang in LANGUAGES]
        if gaps[0] != gaps[1]:
            faults.append(f"{key}: other gaps")
        if not key.startswith("example "):
            if not re.search(r"[\u4e00-\u9fff]|^[、。]$", text["zh"]):
                faults.append(f"{key}: not Chinese")
            if re.search(r"[\u3000-\u9fff\uff00-\uffef]", text["en"]):
                faults.append(f"{key}: not English")
    return faults


@pytest.fixture(scope="module")
def texts(browser):
    source = (PAGE / "texts.js").read_text(encoding="utf-8")
    page = browser.new_page()
    script = source.replace("export ", "") + "\nwindow.texts = TEXTS;"
    page.add_script_tag(content=script)
    found = page.evaluate("texts")
    page.close()
    return found


def test_every_text_is_there_in_both_languages(texts):
    assert len(texts) > 100
    assert faults_of(texts) == []


def test_a_missing_text_would_be_found(texts):
    some = dict(list(texts.items())[:3])
    first, second, third = some
    some[first] = {"en": some[first]["en"]}
    some[second] = {**some[second], "zh": some[second]["en"]}
    some[third] = {**some[third], "en": some[third]["en"] + " {more}"}
    assert [fault.rpartition(": ")[2] for fault in faults_of(some)] == [
        "not in both languages",
        "not Chinese",
        "other gaps",
    ]


def test_every_text_is_used(texts):
    files = [PAGE / "main.js", *(PAGE / "pages").glob("*.js")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    templates = [
        re.sub(r"\\\$\\\{.*?\\\}", ".+", re.escape(template))
        for template in re.findall(r"`([^`\n]*\$\{[^`\n]*)`", source)
        if re.fullmatch(r"[\w .${}]+", template) and template.count("${") == 1
    ]
    literals = set(re.findall(r'"([^"\n]*)"', source))
    unused = [
        key
        for key in texts
        if key not in literals and not any(re.fullmatch(pattern, key) for pattern in templates)
    ]
    assert unused == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_speaks_one_language(bundled, lang):
    english = re.compile(r"\b[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}\b")
    chinese = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")
    for state in VIEWS:
        go(bundled.page, lang=lang, **state)
        assert bundled.page.evaluate("document.documentElement.lang") == {"zh": "zh-CN"}.get(
            lang, lang
        )
        wrong = english if lang == "zh" else chinese
        found = [text for text in bundled.page.evaluate(WORDS) if wrong.search(text)]
        assert found == [], state


# The tours.


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_tour_with_the_mouse(bundled, lang):
    page = bundled.page
    go(page, lang=lang)
    clicked = 0
    for name in PAGES:
        page.click(f"#page-{name}")
        page.wait_for_selector(f"main.page-{name}")
        page.wait_for_function(READY)
        for button in page.evaluate(
            "[...document.querySelectorAll('main button:not([aria-disabled]), main input')]"
            ".map(one => one.id)"
        ):
            # An earlier click may have replaced it.
            if page.locator(f"[id='{button}']:not([aria-disabled])").count():
                if button.startswith("save-"):
                    with page.expect_download() as download:
                        page.click(f"[id='{button}']")
                    assert download.value.suggested_filename.startswith("embeddings.")
                else:
                    page.click(f"[id='{button}']")
                page.wait_for_function(READY)
                clicked += 1
            if not page.locator(f"main.page-{name}").count():  # the click led to another page
                page.click(f"#page-{name}")
                page.wait_for_function(READY)
        for canvas in page.locator("main canvas[tabindex]").all():
            box = canvas.bounding_box()
            canvas.click(position={"x": box["width"] * 0.6, "y": box["height"] * 0.6})
            page.wait_for_function(READY)
    assert clicked > 80
    page.click("#help-button")
    page.click("#help-close")
    page.click("#theme")
    page.click("#lang")
    page.select_option("#examples", "5")
    page.wait_for_function(READY)
    assert bundled.errors == []


def test_a_tour_with_the_keyboard_alone(bundled):
    """Tab reaches all that can be operated, on every page; Enter and the keys work it."""
    page = bundled.page
    go(page)
    for number, state in enumerate(VIEWS):
        go(page, **state)
        page.evaluate("document.activeElement.blur()")
        operable = page.evaluate(OPERABLE)
        reached = []
        for _ in range(len(operable) + 3):
            page.keyboard.press("Tab")
            reached.append(
                page.evaluate("document.activeElement.id || document.activeElement.className")
            )
        assert set(operable) <= set(reached), number
    page.evaluate("document.activeElement.blur()")
    for number, name in enumerate(PAGES, 1):
        page.keyboard.press(str(number))
        page.wait_for_selector(f"main.page-{name}")
    go(page, page="layer")
    page.focus("#layer-matrix")
    before = page.inner_text("output")
    for key in ("ArrowDown", "Shift+ArrowRight", "Home", "End", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.id") == "layer-matrix"
    assert page.inner_text("output") != before
    go(page, page="whatif")
    page.focus("#change-2")
    page.keyboard.press("m")
    page.wait_for_function(READY)
    assert page.inner_text("#change-2") == "[MASK]"
    assert page.evaluate("document.activeElement.id") == "change-2"
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type("A dog.")
    page.wait_for_function("() => document.querySelectorAll('[id^=change-]').length === 5")
    assert page.evaluate("document.activeElement.id") == "field-text"
    assert bundled.errors == []


def test_single_keys_can_be_switched_off(bundled):
    page = bundled.page
    go(page, page="layer", keys="false")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    assert page.locator("main.page-layer").count() == 1


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_is_cut_and_nothing_overlaps(bundled, screen, lang):
    page = bundled.page
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    for state in VIEWS:
        go(page, lang=lang, **state)
        assert page.evaluate(MISFITS) == [], state
    for step in range(17):
        page.click("#step-after") if step else go(page, lang=lang, page="layer", step="layer.input")
        assert page.evaluate(MISFITS) == [], step
    page.set_viewport_size({"width": 1280, "height": 720})


def test_a_cut_text_would_be_seen(bundled):
    page = bundled.page
    go(page, page="layers")
    page.evaluate("document.getElementById('view-way').style.width = '1rem'")
    page.evaluate("document.getElementById('view-keep').style.transform = 'translateX(-5rem)'")
    assert {fault.partition(":")[0] for fault in page.evaluate(MISFITS)} == {"cut", "over another"}


@pytest.mark.parametrize(
    ("kind", "layers", "heads"), [(BertForMaskedLM, 12, 12), (BertModel, 1, 1)]
)
@pytest.mark.parametrize("screen", SCREENS)
def test_another_models_page(browser, tmp_path, kind, layers, heads, screen):
    """Many small heads and no next-sentence head; one head and no head of pretraining."""
    config = BertConfig(
        vocab_size=31,
        hidden_size=24,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=11,
        max_position_embeddings=13,
    )
    file = tmp_path / "bert.html"
    file.write_text(build(kind(config), tiny.tokenizer(), text="abc d [MASK]"), encoding="utf-8")
    width, height = SCREENS[screen]
    with opened(browser, file, viewport={"width": width, "height": height}) as found:
        for state in VIEWS:
            go(found.page, **{**state, "text": "abc d [MASK]"})
            assert found.page.evaluate(MISFITS) == [], state
        assert found.requests == []
        assert found.errors == []


# What the pages say.


def shown_number(text):
    return float(text.replace("−", "-").replace("(", "").replace(")", ""))


def test_the_terms_of_a_number_sum_to_it(bundled):
    page = bundled.page
    go(page, page="layer", step="layer.input", layer="2", head="1", row="3", column="5")
    sums = 0
    for _ in range(16):
        page.click("#step-after")
        told = page.inner_text("output").rpartition(":  ")[2].split(" = ")[0]
        rows = [
            [cell.inner_text() for cell in row.locator("td.number").all()]
            for row in page.locator(".terms tbody tr").all()
        ]
        if page.locator(".terms .result").count():
            values = [shown_number(row[-1]) for row in rows]
            assert values[-1] == pytest.approx(shown_number(told), abs=6e-4)
            if page.locator(".terms caption").count():
                for row in rows:
                    if len(row) == 2:
                        one, other = map(shown_number, row[0].split(" × "))
                        product = shown_number(row[1])
                        assert one * other == pytest.approx(product, abs=0.005 + 2e-3 * abs(one))
                if "√" in page.inner_text(".terms"):
                    assert sum(values[:-3]) == pytest.approx(values[-3], abs=0.01)
                    assert values[-3] / values[-2] == pytest.approx(values[-1], abs=1e-3)
                else:
                    assert sum(values[:-1]) == pytest.approx(values[-1], abs=0.01)
                sums += 1
        else:
            result = re.findall(r"= (−?[\d.]+)(?= =|$)", page.inner_text(".result-line.strong"))
            assert shown_number(result[0]) == pytest.approx(shown_number(told), abs=6e-4)
    assert sums == 8


@pytest.mark.parametrize(
    ("step", "name", "has_heads"),
    [
        ("attention.probs", "encoder.layers.1.attention.probs", True),
        ("attention.query", "encoder.layers.1.attention.query", True),
        ("feed_forward.inner", "encoder.layers.1.feed_forward.inner", False),
        ("layer.input", "encoder.layers.0.feed_forward_layer_norm", False),
    ],
)
def test_the_number_of_a_cell_is_that_of_run(bundled, step, name, has_heads):
    value = bundled.numbers(name, "The river flows into the [MASK].")[0]
    go(bundled.page, page="layer", layer="1", head="3", step=step, row="4", column="5")
    if value.ndim == 3:
        value = value[3]
    elif has_heads:
        value = value[:, 3 * 64 :]
    told = bundled.page.inner_text("output").rpartition(":  ")[2].split(" = ")[0]
    assert shown_number(told) == pytest.approx(value[4, 5], abs=6e-4)


def test_the_three_embeddings_sum(bundled):
    go(bundled.page, page="embeddings", row="3", column="77")
    cells = bundled.page.locator(".terms td.number").all_inner_texts()
    *parts, total = map(shown_number, cells)
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(total, abs=2e-3)


def test_pointing_at_a_token_shows_where_it_looks(bundled):
    page = bundled.page
    go(page, page="layer", layer="1", head="3", step="attention.probs", row="2")
    chosen = page.locator(".share").all_inner_texts()
    page.hover("#look-5")
    name = "encoder.layers.1.attention.probs"
    row = bundled.numbers(name, "The river flows into the [MASK].")[0, 3, 5]
    pointed = [float(text.removesuffix(" %")) for text in page.locator(".share").all_inner_texts()]
    assert pointed == pytest.approx(100 * row, abs=0.51)
    page.hover("h1")
    assert page.locator(".share").all_inner_texts() == chosen


def test_word_order_does_not_matter_without_positions(bundled):
    page = bundled.page
    go(page, page="whatif", swap="2-6")
    assert "%" in page.inner_text(".verdict")
    page.click("#switch-noPositions")
    page.wait_for_function(READY)
    assert page.inner_text(".verdict") == "Nothing changes."


def test_two_clicks_mask_and_two_words_are_swapped(bundled):
    page = bundled.page
    go(page, page="whatif")
    page.dblclick("#change-2")
    page.wait_for_function(READY)
    assert page.inner_text("#change-2") == "[MASK]"
    page.click("#change-2")
    page.click("#change-6")
    page.wait_for_function(READY)
    assert "swap=2-6" in page.url
    page.click("#all-as-trained")
    assert page.inner_text("#change-2") == "river"


def test_the_guesses_are_those_of_run(bundled):
    page = bundled.page
    text = "She was born in [MASK] in 1950."
    go(page, page="guesses", text=text)
    run = bundled.run(text)
    shown = page.locator(".guesses").last.locator(".token").all_inner_texts()
    at = run.tokens.index("[MASK]")
    assert shown == [guess["token"] for guess in run.mlm[at]]


def test_an_address_shows_the_same_again(bundled, browser, bundled_page):
    page = bundled.page
    go(page, page="whatif", text="He sat on the bank.", lang="zh", theme="dark")
    page.click("#switch-noSqrt")
    page.click("[id='off-1.2']")
    page.wait_for_function(READY)
    seen = page.inner_text("main")
    with opened(browser, bundled_page) as other:
        other.page.goto(page.url)
        other.page.reload()
        other.page.wait_for_function(READY)
        assert other.page.inner_text("main") == seen
        assert other.page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert other.page.input_value("#field-text") == "He sat on the bank."
        assert other.requests == []
        assert other.errors == []


def test_an_address_that_cannot_be_right(bundled):
    for hash in ("page=none&lang=fr", "row=99&column=-7&page=layer&layer=12&head=x&step=none"):
        bundled.page.evaluate("hash => { location.hash = hash; }", hash)
        bundled.page.wait_for_function(READY)
    for swap in ("0-1", "5-2", "1-99", "x", "3-3"):
        go(bundled.page, page="whatif", swap=swap, masked="77", off="9.9")
    assert bundled.errors == []


def test_inside_a_frame_as_in_a_notebook(browser, tmp_path):
    """There the page has no address of its own; it must not load the notebook's into itself."""
    model = tiny.ours(BertForPreTraining).float()
    content = html.escape(build(model, tiny.tokenizer(), text="abc d"))
    file = tmp_path / "notebook.html"
    file.write_text(f'<iframe srcdoc="{content}" width="100%" height="800"></iframe>', "utf-8")
    with opened(browser, file, inside=True) as found:
        frame = found.page.frames[1]
        for name in PAGES:
            frame.click(f"#page-{name}")
            frame.wait_for_selector(f"main.page-{name}")
        frame.click("#switch-noSqrt")
        frame.wait_for_selector(".verdict + figure")
        assert found.requests == []
        assert found.errors == []


HOSTILE = {
    "script": "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">",
    "end": "</textarea></script><b>bold</b> ${1} \\u003c &lt;",
    "nul": "a\0b\u202eright to left\u202c\u2028\ufeff",
    "right-to-left": "مرحبا بالعالم שלום",
    "long": "word " * 2000,
    "one-word": "x" * 10_000,
    "empty": "",
    "spaces": " \t\n ",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_is_text(bundled, name):
    page = bundled.page
    page.set_viewport_size({"width": 390, "height": 844})
    for number, target in enumerate(PAGES):
        go(page, page=target)
        page.fill("#field-text", HOSTILE[name])
        page.wait_for_timeout(200)
        page.wait_for_function(READY)
        assert page.locator("main script, main img, main b, main textarea").count() == 0
        assert "run" not in page.title()
        assert page.evaluate(MISFITS) == [], target
        status = page.inner_text(".status")
        assert ("10000" in status and "2000" in status) == (len(HOSTILE[name]) == 10_000)
        if number == 0 and name == "script":
            assert page.locator(".word").first.inner_text().startswith("<")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert bundled.errors == []


# For everyone.


@pytest.fixture(scope="module")
def axe():
    """axe-core, a checker of accessibility. `npm install axe-core` brings it; MINIBERT_AXE is its
    axe.min.js.
    """
    if "MINIBERT_AXE" not in os.environ:
        pytest.skip("needs axe-core: npm install axe-core, and MINIBERT_AXE=…/axe.min.js")
    return Path(os.environ["MINIBERT_AXE"]).read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing(bundled, axe, lang, theme):
    page = bundled.page
    page.evaluate(axe)
    for state in VIEWS:
        go(page, lang=lang, theme=theme, **state)
        found = page.evaluate("axe.run().then(found => found.violations)")
        told = [(rule["id"], [node["html"][:100] for node in rule["nodes"]]) for rule in found]
        assert told == [], state
    page.click("#help-button")
    assert page.evaluate("axe.run().then(found => found.violations)") == []
    page.keyboard.press("Escape")


def test_the_axe_test_would_see_a_fault(bundled, axe):
    page = bundled.page
    go(page, page="text")
    page.evaluate(axe)
    page.evaluate("document.querySelector('main h1').style.color = '#ddd'")
    found = page.evaluate("axe.run().then(found => found.violations)")
    assert [rule["id"] for rule in found] == ["color-contrast"]


def test_on_paper_and_without_motion(browser, bundled_page):
    with opened(browser, bundled_page, color_scheme="dark", reduced_motion="reduce") as found:
        page = found.page
        page.wait_for_function(READY)
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        transition = "getComputedStyle(document.querySelector('header')).transitionDuration"
        assert page.evaluate(transition) == "0s"
        assert page.pdf()[:5] == b"%PDF-"
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        assert not page.is_visible(".pages")
        assert page.is_visible("main h1")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert found.errors == []
