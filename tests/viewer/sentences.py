"""200 texts for the page: English, Chinese, emoji and other scripts, long ones, pairs."""

ENGLISH = """
The cat sat on the mat.
The bank of the river was steep.
The bank paid interest on the savings.
Paris is the [MASK] of France.
He was born in [MASK] and died in [MASK].
[MASK]
A
I can't believe it's not butter!
The U.S. economy grew by 2.5% in 1998, didn't it?
Unwantéd naïve café résumé Ångström façade
WHO, NATO and the EU met in GENEVA.
"Quoted," she said; 'single', too -- and dashes – like — these…
e-mail: someone@example.com, https://example.com/a?b=c&d=e#f
C++ is not C#; 3 * 4 = 12, 2^10 = 1024 and a < b > c.
1234567890 0.001 1,000,000 $5.99 £3 €7 ¥9
Mr. Smith's well-known mother-in-law isn't over-the-top.
antidisestablishmentarianism and floccinaucinihilipilification
colourless green ideas sleep furiously
to be, or not to be: that is the question
The quick brown fox jumps over the lazy dog
time flies like an arrow; fruit flies like a banana
The old man the boat.
Buffalo buffalo Buffalo buffalo buffalo buffalo Buffalo buffalo.
She poured water from the pitcher to the cup until it was full.
In 1905 Albert Einstein published four papers.
[CLS] within a text [SEP] and [PAD] [UNK] there
[mask] [Mask] [MASK][MASK] x[MASK]y
the    many     spaces	and	tabs
word_with_underscores CamelCaseWord snake_case
½ of ² and ³ makes ⅚; the temperature is 20 °C ± 2
what's up? y'all'd've known
A very short one .
UPPER lower MiXeD
one-two-three four/five six\\seven
(brackets) [square] {curly} <angle>
<script>alert("no")</script>
</textarea></script><!-- <b>bold</b> &amp; &lt; -->
'; DROP TABLE students; --
${7 * 7} {{7 * 7}} `whoami` $(whoami)
%s %d %n %00 \\0 \\x00 \\u0000
""".strip().split("\n")

CHINESE = """
我爱北京天安门。
今天天气很好，我们去公园散步吧！
巴黎是[MASK]国的首都。
BERT是一种预训练语言模型。
注意力机制让每个词看到所有的词。
他在银行工作，每天都很忙。
河岸上长满了青草。
“你好，”她说，“最近怎么样？”
北京、上海、广州和深圳是中国的大城市。
2008年8月8日，奥运会在北京开幕。
这本书的价格是￥59.80元。
自注意力的计算公式是 softmax(QKᵀ/√H)·V。
繁體中文與簡體中文不同。
龍馬精神，萬事如意。
㐀㐁是扩展A区的汉字
𠀀𠀁𠮷野家
豈更車賈
〇一二三四五六七八九十百千万亿
日本語のテキストも試します。
カタカナとひらがなと漢字
한국어 문장도 있습니다.
我我我我我我我我
中文English混合123文字
全角ＡＢＣ１２３！？（）
第一句。第二句；第三句：第四句？
的
一 个 一 个 字 隔 开
深度学习需要大量数据和计算资源。
前馈神经网络对每个位置分别进行变换
残差连接和层归一化使训练更稳定。
机器翻译是自然语言处理的重要任务之一。
小猫坐在垫子上
他说：《红楼梦》是一部伟大的小说。
请把[MASK]递给我。
词向量、位置向量和段向量相加
这家餐厅的服务态度太差了，再也不会来了
︰﹏﹐﹑﹒ 竖排标点
々〆〤〥〦
ㄅㄆㄇㄈ 注音符号
你好\u3000世界
""".strip().split("\n")

OTHERS = """
😀 😃 😄 grinning
I ❤️ you 👍🏽 and 👨‍👩‍👧‍👦
🇨🇳 🇫🇷 flags 🏴󠁧󠁢󠁥󠁮󠁧󠁿
no space😀between😀emoji
☀️☁️☂️ weather ©®™
Привет, мир! Как дела?
Γειά σου Κόσμε ΑΣ Σ ὈΔΥΣΣΕΎΣ
مرحبا بالعالم، كيف الحال؟
שלום עולם, מה שלומך?
right-to-left \u202eoverride\u202c and \u200fmarks\u200e
नमस्ते दुनिया
สวัสดีชาวโลก
Xin chào thế giới, tiếng Việt có dấu
İstanbul ıI Iı ĞğŞş
Straße STRASSE ẞ ß ﬁ ﬂ ﬃ
Ǆ ǅ ǆ Ǉ Ǌ ligatures
e\u0301 é a\u0308\u0323 combining
\u0301 a mark alone
zero\u200bwidth\u200cjoin\u200ders\ufeffhere
soft\u00adhyphen non\u00a0breaking\u202fspaces\u2009thin
control\u0001\u0007\u001b[31m characters\u007f
line\u2028separator\u2029paragraph\u0085next
NUL\u0000inside
private\ue000use\uf8ff and \ufffd replacement
math 𝐁𝐄𝐑𝐓 𝒶𝒷𝒸 𝟘𝟙𝟚 ∑∏∫√∞≠≤≥
①②③ ⅣⅨ ⑴⑵
Å Å K Ω compatibility
ǰ ΐ և ﬃ ŉ
Ꭰ Ꭱ cherokee ꭰ ᏸ
Ა Ბ mtavruli ა ბ
𐐀𐐁 deseret 𐐨
𞤀𞤁 adlam
\u166d \u1734 \U000111c9 \U0001171e changed classes
\u1ac0 \u2e4f \u061d later letters
`~!@#$%^&*()-_=+[{]}\\|;:'",<.>/?
¡¿«»‹›„“”‘’‚
١٢٣ ۴۵۶ १२३ digits
ﷺ ﷻ ligature
\u2060word\u2061joiner\u2064
ᄒ\u1161\u11ab 한 conjoining
""".strip().split("\n")

RAIN = "the old bank of a river was [MASK] when it rained and nobody knew why"
LONG = [
    " ".join([RAIN] * 3),
    " ".join([RAIN] * 7),
    " ".join([RAIN] * 9),
    " ".join([RAIN] * 30),
    "注意力机制" * 20,
    "注意力机制" * 60,
    "a" * 100 + " " + "a" * 101 + " end",
    "x" * 10_000,
    "y " * 5_000,
    "😀" * 400,
    ", ".join(ENGLISH[:20]),
    "。".join(CHINESE[:20]),
    " ".join(OTHERS[:20]),
    "supercalifragilisticexpialidocious " * 12,
    "1 2 3 4 5 6 7 8 9 " * 13,
]
PAIRS = [
    *zip(ENGLISH[:20], ENGLISH[20:40], strict=True),
    *zip(CHINESE[:15], CHINESE[15:30], strict=True),
    *zip(OTHERS[:15], ENGLISH[5:20], strict=True),
    *zip(LONG[:10], LONG[5:15], strict=True),
    ("", ""),
    ("", "an empty first text"),
    ("an empty second text", ""),
    ("short", LONG[3]),
    (LONG[3], "short"),
]
SENTENCES: list[tuple[str, str | None]] = [
    *((text, None) for text in [*ENGLISH, *CHINESE, *OTHERS, *LONG]),
    *PAIRS,
]
