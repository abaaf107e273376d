"""The gate for Simplified Chinese: what stands in the place of the English rules on words, form and language.

Words follow the Advertising Law of the People's Republic of China: article 9 (3) bars the absolutes, 16 to 18 the medical
promises, 28 what misleads on price or effect. A number is refused in Chinese signs too: code states facts.
"""

import re
from collections import Counter
from collections.abc import Iterator

from copywriting.contracts import ERROR, WARNING, CopyBrief, DraftCopy, Finding
from copywriting.llm import slots

VERSION = "1"

# (rule, severity, pattern, reason, remedy)
WORDS = tuple(
    (rule, severity, re.compile(pattern), message, remedy)
    for rule, severity, pattern, message, remedy in (
        ("number", ERROR, r"\d+|[〇零二两三四五六七八九十百千万亿]+(?=[元块折个件天小时分钟人次倍年月日号斤克])|半价|双倍|翻倍",
         "事实以外的数字。", "用 {offer}、{price} 或 {end}。"),
        ("money", ERROR, r"[¥￥$%％]|[元块]钱|打折|折扣|降价|低价|特价|便宜|省钱|立减|满减|优惠(?!码)|券|返现|清仓|促销",
         "没有事实支持的价格或优惠。", "用 {offer} 或 {price}。"),
        ("date", ERROR, r"今天|明天|后天|昨天|今晚|今日|明日|周[一二三四五六日末]|星期|月底|本月|下周|春节|中秋|国庆|元旦|双十一",
         "任务里没有的日期或节日。", "用 {end}，节日由程序写入。"),
        ("free", ERROR, r"免费|赠送|白送|送礼|大奖|抽奖|中奖|红包|积分", "没有事实支持的赠送。", "只由 {offer} 来说。"),
        ("absolute", ERROR,
         r"国家级|世界级|最高级|顶级|极品|极致|最(?!近)|第一|唯一|首选|首个|绝对|独家|顶尖|王牌|冠军|史上|永久|万能|无敌|全网|完美|百分之?百",
         "广告法第九条第三项禁止的绝对化用语。", "换成平实的说法。"),
        ("health", ERROR, r"治疗|疗效|治愈|药效|医生|专家|保健|养生|抗癌|减肥|瘦身|降血[压糖脂]|增强免疫|排毒|美白|祛斑",
         "医疗或功效断言（广告法第十六至十八条）。", "不谈功效。"),
        ("claim", ERROR, r"保证|承诺|有机|纯天然|无添加|零添加|正宗|进口|手工|秘方|名牌"
         r"|专利|认证|权威|销量|热销|爆款|好评|口碑|推荐(?=信)",
         "需要证据的断言。", "不说没有证据的话。"),
        ("urgency", ERROR, r"最后[一两几]?[天次]?机会|仅剩|限时|限量|抢购|秒杀|手慢|即将|售罄|错过|不容错过|赶快|快来抢|马上",
         "没有库存或日期支持的催促。", "用 {end} 写明截止。"),
        ("testimonial", ERROR, r"顾客说|用户评价|买过的人|大家都说|网友", "编写的评价。", "不写别人的话。"),
        ("presumption", ERROR, r"你(已经|刚刚?|上次)?(买过|下单|购买了|收到|浏览)|你的(订单|包裹|账户|体重|年龄|病)",
         "断言了读者做过的事。", "说我们准备了什么。"),
        ("toxicity", ERROR, r"死|杀|傻|蠢|丑|穷|滚|垃圾|恶心|丧", "不该出现在推广里的字眼。", "换一种说法。"),
        ("residue", ERROR, r"[*#<>\[\]|\\~^`=@_]+|主题[:：]|正文[:：]|标题[:：]|作为(一个)?(AI|人工智能|语言模型)"
         r"|以下是|好的[，,]|提示词",
         "任务或模型留下的痕迹。", "删去。"),
        ("shouting", WARNING, r"[!！]{2,}", "感叹号太多。", "平实地写。"),
    )
)  # fmt: skip

# True for one kind of reader only.
SEGMENTS = {
    "lapsing": re.compile(r"好久不见|有段日子|回来|惦记|想念"),
    "new": re.compile(r"初次|新朋友|欢迎你|认识你"),
    "regular": re.compile(r"常来|常逛|老地方|熟悉的货架"),
    "high_value": re.compile(r"一路相伴|你的信任|有你支持|谢意"),
    "explorer": re.compile(r"好奇|没尝过"),
}
# "常来" is said in thanks as well; what two kinds of reader may both hear is a fault for the others alone.
_SHARED = {"high_value": re.compile(r"常来"), "lapsing": re.compile(r"熟悉的"), "explorer": re.compile(r"新鲜")}

_SIGN = re.compile(r"[\u4e00-\u9fff]")
_PLAIN = re.compile(r"[^\u4e00-\u9fff，。！？、；：“”‘’（）…—\s]+")


def form(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    """A subject of four signs or more where the channel has one, and one to four whole sentences."""
    if brief.limits.subject and len(_SIGN.findall(draft.subject)) < 4:
        yield _error("form", "subject", draft.subject, "标题缺失或太短。", "写四个字以上。")
    if not brief.limits.subject and draft.subject:
        yield _error("form", "subject", draft.subject, "此渠道没有标题。", "留空。")
    if len(_SIGN.findall(draft.body)) < 4:
        yield _error("form", "body", draft.body, "正文缺失或太短。", "写一两句话。")
    elif not re.search(r"[。！？]$", draft.body):
        yield _error("form", "body", draft.body, "最后一句没有结束。", "补上句号。")
    elif len(re.findall(r"[。！？]", draft.body)) > 4:
        yield _error("form", "body", draft.body, "句子太多。", "留下要点。")
    for found in re.finditer(r"[，。！？；]{2,}|^[，。！？；]", draft.body):
        yield _error("form", "body", found, "标点有误。", "改正。")


def words(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    for part, text in (("subject", draft.subject), ("body", draft.body)):
        for rule, severity, pattern, message, remedy in WORDS:
            for found in pattern.finditer(_masked(text)):
                yield Finding(rule, severity, part, found.span(), message, remedy)


def language(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """Chinese signs and punctuation between the slots: no other alphabet."""
    for part, text in (("subject", draft.subject), ("body", draft.body)):
        for found in _PLAIN.finditer(_masked(text, " ")):
            yield _error("language", part, found, "不是中文的字符。", "用中文书写。")


def repetition(draft: DraftCopy, _: CopyBrief) -> Iterator[Finding]:
    """No run of four signs said twice, and no subject said again."""
    signs = "".join(_SIGN.findall(_masked(f"{draft.subject}。{draft.body}", "。")))
    for gram, count in Counter(signs[at : at + 4] for at in range(len(signs) - 3)).items():
        if count > 1:
            yield _error("repetition", "body", draft.body, f"“{gram}”说了两次。", "只说一次。")
            return


def segment(draft: DraftCopy, brief: CopyBrief) -> Iterator[Finding]:
    for kind, pattern in SEGMENTS.items():
        if kind == brief.segment:
            continue
        for part, text in (("subject", draft.subject), ("body", draft.body)):
            for found in pattern.finditer(text):
                shared = _SHARED.get(brief.segment)
                if not (shared and shared.search(found[0])):
                    yield _error("segment", part, found, f"只适合 {kind} 的读者。", "换成这一群人的开头。")


def _masked(text: str, by: str = "") -> str:
    """The text with its slots taken out of sight, each by signs of the same number so that spans still fit."""
    return slots.SLOT.sub(lambda match: (by or "\u3000") * len(match[0]), text)


def _error(rule: str, part: str, at: re.Match[str] | str, message: str, remedy: str) -> Finding:
    span = (0, len(at)) if isinstance(at, str) else at.span()
    return Finding(rule, ERROR, part, span, message, remedy)
