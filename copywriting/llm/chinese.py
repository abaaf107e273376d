"""The gate for Simplified Chinese: what stands in the place of the English rules on words, form and language.

Words follow the Advertising Law of the People's Republic of China: article 9 (3) bars the absolutes, 16 to 18 the medical
promises, 28 what misleads on price or effect. A number is refused in Chinese signs too: code states facts.
"""

import re
from collections import Counter
from collections.abc import Iterator

from copywriting.contracts import ERROR, WARNING, CopyBrief, DraftCopy, Finding
from copywriting.llm import slots

VERSION = "2"

_MEASURE = (
    "元块折个件天小时分钟秒人次倍年月日号斤克两升瓶盒包袋箱罐支只条份种款家层位名成周星期点岁公里杯片颗根束对双套组"
)
_WHO = (
    r"(?:顾客|客户|用户|买家|网友|粉丝|街坊|邻居|宝妈|妈妈|老人|孩子|吃过|用过|买过|喝过|大家|人人|家家|谁|所有人"
    r"|老师|师傅|专业人士|业内)"
)
_PART = (
    r"(?:肠|胃|肝|肾|心|脾|肺|脑|骨|眼|目|喉|嗓|血|气|脉|肤|颜|筋|关节|皮肤|头发|牙齿|牙龈|视力|记忆|体质|身体"
    r"|睡眠|肌肉|子宫)"
)

# (rule, severity, pattern, reason, remedy)
WORDS = tuple(
    (rule, severity, re.compile(pattern), message, remedy)
    for rule, severity, pattern, message, remedy in (
        ("number", ERROR,
         rf"\d+|[〇零二两三四五六七八九十百千万亿]+(?=[{_MEASURE}])|[几数][十百千万亿]+|(?:上|成|近|过)[百千万]|半价"
         rf"|双倍|翻[倍番]|加倍|减半|一半"
         r"|[第头][二三四五六七八九十]|百分|成以上|[三四五六七八九十]口之家",
         "事实以外的数字。", "用 {offer}、{price} 或 {end}。"),
        ("money", ERROR,
         r"[¥￥$%％]|[元块毛]钱|打折|折扣|折后|骨折|[对几]折|降价|[低特平廉底半原超团秒][价惠]|价格|价钱|便宜|实惠"
         r"|划算|不贵|省(?:钱|下|了|一笔|元|块)|[立直满减][减免](?!少)|满减|满额|减免|优惠(?!码)"
         r"|券|返(?:现|利|还|钱)|补贴|清仓|甩卖|促销|大促|特卖|白菜价|跳楼|亏本|抄底|羊毛|工资|荷包|钱包|预算|花费"
         r"|开销|一分钱|零花|赚(?:到|了)|超值|物美价廉|性价比|买一[送赠]一|第二[件份]|多买多|降[至到]|低至|退差|拼团"
         r"|团购",
         "没有事实支持的价格或优惠。", "用 {offer} 或 {price}。"),
        ("date", ERROR,
         r"[今明后昨][天日]|前天|今年|明年|去年|周[一二三四五六日末]|星期|礼拜[一二三四五六日天]|[上下本]个?[周月季]"
         r"|月[初底末]|年[初底末货]|春节|元宵|清明|端午|七夕|中秋|重阳|国庆|元旦|圣诞|情人节|母亲节|父亲节|儿童节"
         r"|劳动节|五一|妇女节|女神节|教师节|感恩节|万圣|双十[一二]"
         r"|双旦|六一八|除夕|过年|新年|新春|春运|腊八|冬至|小年|立[春夏秋冬]|长假|假期|寒假|暑假|开学|毕业|生日"
         r"|纪念日|周年|凌晨|零点|整点|点钟|[一二三四五六七八九十两]点(?:钟|半|整|前|开)"
         r"|[早中晚上下]午?[一二三四五六七八九十两]点|(?:春|夏|秋|冬)(?:天|季|日)(?:到|来|限|专|特|新)|入[夏秋冬]"
         r"|三伏|盛夏|高考",
         "任务里没有的日期或节日。", "用 {end}，节日由程序写入。"),
        ("free", ERROR,
         r"免费|[赠白]送|送(?:礼|您|完|一|券|货|福利|好礼|豪礼|出)|赠品|附赠|买[^，。]{0,4}[送赠]|[0零〇]元|免单"
         r"|白[拿得领吃喝]|领[取券奖走]|待领|抽奖|大奖|中奖|奖[品励]|开奖|红包|积分|福利|礼[品包盒券]|好礼|豪礼"
         r"|试[吃用喝]|我们请|请客|不要钱|不花钱|不用(?:付|花)钱|不收(?:钱|费)|分文不",
         "没有事实支持的赠送。", "只由 {offer} 来说。"),
        ("absolute", ERROR,
         r"[国世宇神星顶特史]家?际?宙?级"
         r"|最[好佳优高低大小多新强美便香甜鲜爱受棒快久贵先赚实划值正纯浓嫩脆酥软顶流畅火热权专健安营天原环时舒满喜具适完终后初低底]"
         r"|第一(?!口|次|步|眼|页|杯|勺|件|样|样事|道|时间|句|站|缕|天)|唯一|独一|独家|独有|首[选个创发家款屈]|绝对"
         r"|绝(?:佳|美|无|世|味|版|妙)|一绝|顶[级尖配流]|至[尊上臻]|之[王最冠巅]|王牌|冠军|金牌|霸主|天花板|史上"
         r"|史无前例|前所未有|空前|前无古人|绝无仅有|永[久不远恒]|万能|无[敌双]|无与伦比|无可[比匹挑替]"
         r"|无人能|无出其右|举世|全网|全[国球世](?:首|第|最|唯|通|热|销|领|都)|世上|天下|完美|百分之?百|十全十美"
         r"|[遥领]遥?领先|领[先跑军袖导]|引领|极[致品佳端]|巅峰|终极|一流|头[号等牌]|没有之一|不二|再好不过|好到"
         r"|比[^，。]{0,6}都[好强香]|胜过(?:所有|一切|任何)|秒杀|碾压|吊打|完胜|超越(?:所有|一切|同)|逆天|神器|传奇"
         r"|殿堂|独步|无懈可击|零(?:差评|缺点|瑕疵|风险)|万无一失|(?:绝|从|决)不(?:会|失|让)|彻底|包治|人间(?:美味"
         r"|极)|王者|称霸|天花|封神|同类[^，。]{0,4}(?:强|好|高)",
         "广告法第九条第三项禁止的绝对化用语。", "换成平实的说法。"),
        ("health", ERROR,
         rf"[治医诊疗]疗?[疗愈好病效]|疗效|药|处方|医[生院师疗学用]|病(?:人|痛|毒|症|魔)|[不少]生病|保健|养生"
         rf"|养{_PART}|护{_PART}|健{_PART}|补{_PART}|补[钙铁锌硒水脑虚碘充维]|润[肺肠喉燥]|清[热肠火肺毒脂]"
         rf"|祛[湿痘斑皱寒风]|[去降败]火|消[炎肿食化脂]|止[咳痛痒汗泻血]|[杀抑抗除灭][菌癌螨毒敏炎]|抗(?:病毒|氧化"
         rf"|衰老|疲劳|过敏|糖)|防(?:癌|脱|病|感冒|龋|蛀)"
         r"|减[肥重脂压]|瘦(?:身|脸|腿|下|了|得|成)|[变显]瘦|燃脂|塑[形身]|[排解]毒|通便|便秘|助眠|安神|失眠"
         r"|睡得[更好香]|免疫|抵抗力|延年|长寿|强[身健]|壮阳|滋[补阴养]|调理|血[压糖脂管]|胆固醇|糖尿|癌|肿瘤|感冒"
         r"|咳嗽|益智|[增长]高|骨骼|肠道|代谢|美[白容颜]|淡斑|去[皱斑痘]|紧致|生发|[更变]年轻|冻龄|逆龄|提神|醒脑"
         r"|抗老|养颜|疲劳|体[重脂质]|卡路里|热量|[低零无][糖脂卡盐油]|营养|维生素|蛋白|膳食纤维|益生|更健康|有益"
         r"|强壮|不长胖|不发胖|不上火",
         "医疗或功效断言（广告法第十六至十八条）。", "不谈功效。"),
        ("claim", ERROR,
         r"保[证障真鲜质]|承诺|担保|放心(?:吃|喝|用|买|选)|更放心|安全(?:无|放)|有机|[纯全]天然|天然|纯(?:手工|正|粮"
         r"|净|粹)|原生态|绿色(?:食|无|健|种|有)|[无零不][添含加]加?[有防]?|无(?:公害|农药|激素|抗生素|防腐|污染|毒"
         r"|刺激|副作用)|不含|正[宗品]|地道|原(?:产|装|浆|切)|产地|直[供采邮]|农[家场户]|自家(?:种|养|做)"
         r"|现[做烤磨挤摘杀捞榨炒]|当[天日](?:现|采|到|做|鲜)|刚(?:出炉|摘|采)|进口|手[工作打]|匠[心人]|古法|祖传"
         r"|家传|秘[方制]|配方|老字号|百年|传承|独门|非遗|名[牌优]|大牌|驰名|[著知闻]名|网红|同款|明星|代言|专利"
         r"|认证|检[测验]|质检|国标|达标|合格|获[奖得]|金奖|权威|专[家业]|营养师"
         r"|科[学研技]|研[究发]|实验|数据显|证[明实]|升级|改良|[去除][污渍油味臭垢尘]|除菌|持久|耐[用磨]|不(?:掉色"
         r"|褪色|伤手|伤肤|刺激|粘锅|漏水|易坏|起球)|一[擦抹喷洗]就|秒(?:变|干|净)|瞬间|立竿见影|见效"
         r"|(?<!前)(?<!日)有效(?!期)|[高速强特奇神]效|强力|品质|优质|[高上]端|高[档级品]|奢[华侈]|尊享|热[销卖]|畅销"
         r"|爆[款卖]|销量|好评|口碑|回头客|复购|信[赖得]|推荐(?=信)|(?<!信)推荐|包(?:退|换|赔|甜|熟|好)"
         r"|不[甜好]不?要|假一赔|无理由|正规|环保|零污染|可降解|低碳|碳中和|可持续|散养|放养|野生|土鸡|笨鸡|粮食酿",
         "需要证据的断言。", "不说没有证据的话。"),
        ("urgency", ERROR,
         r"最后|[仅只][剩限此有]|限[时量购定]|抢(?!眼|镜|先一步)|秒杀|手[慢快]|即将|售罄|错过|赶[快紧早]|快来"
         r"|[速火]来|速[抢购]|尽[快早]|马上|立[刻即]|倒计时|截止|过[时期]不候|不等人|机不可失|时不再|先到先|库存"
         r"|存货|告急|紧[张缺俏]|见底|卖[完光没]|断[货码]|[没缺]货|脱销|一去不|下架|再不|[来去]晚|晚[了一]|趁现在"
         r"|别(?:犹豫|等|错)|不(?:要|再)(?:犹豫|等)|还等什么|欲购|所剩|不多了|数量有限|最终|就此一次|仅此"
         r"|过了这(?:村|个村)|良机|截单|爆仓",
         "没有库存或日期支持的催促。", "用 {end} 写明截止。"),
        ("testimonial", ERROR,
         rf"{_WHO}[们的]?[^，。]{{0,4}}(?:说|夸|爱|赞|推荐|点赞|称赞|好评|回购|认可|喜欢|选择|信)|评[价分]|打分|五星"
         rf"|满分|亲测|真香|回购|安利|种草|晒单|点赞|有口皆碑|赞不绝口|反馈",
         "编写的评价。", "不写别人的话。"),
        ("trend", ERROR, r"爆[款红火]|火(?:了|爆|遍|出圈)|走红|刷屏|热[搜门议]|上榜|榜[单首]|排行|人手一|全民|风靡"
        r"|潮流|趋势|圈粉|出圈|跟风|疯抢|大热|人人都|家家都", "没有事实支持的热度。", "换成我们准备了什么。"),
        ("service", ERROR,
         r"包邮|免邮|邮[寄费]|配送|送货|送[到达]|上门|快递|外卖|[下网]单|网[购店]|扫码|二维码|扫一扫|点击|链接"
         r"|小程序|公众号|关注(?:我|公|店)|会员|客服|热线|电话|短信回复|回复|预约|预订|退[货换款]|换货|售后|保修"
         r"|安装|停车|营业|小时|自提|代[客煮切加收]|加工|堂食|刷卡|分期|支付|付款|微信|直播|(?:店员|师傅|我们)(?:帮"
         r"|替|会|给)[你您]|[帮替为][你您](?:切|送|装|拎|包|搬|留)|加急|注册|登录|下载|订阅|课程|免排队",
         "任务里没有的服务。", "不说怎么买。"),
        ("presumption", ERROR,
         r"[你您](?:已经|刚刚?|上次|最近|曾经?|又|昨|是不是|一定|肯定|看起来|还在?)?(?:买过|下单|购买|收到|浏览|收藏"
         r"|搜索|加购|看过|老了|胖了?|瘦了?|病|怀孕|失业|离婚|单身|独居|秃|脱发|发福|缺|穷|欠|孤)|[你您]最近"
         r"|[你您]一个人(?:住|过)|[你您]的(?:订单|包裹|快递|账户|账号|账单|体重|年龄|年纪|病|血|皮肤|头发|皱纹|肚子"
         r"|腰|收入|工资|老板|前任|宝宝|孩子|老公|老婆|父母|丈夫|妻子|生日|购物车|浏览|搜索|记录|身材|肤质|宗教"
         r"|信仰)|根据[你您]|我们(?:知道|看到|注意到|发现|记得)[你您]|[怀备]孕|孕[妇妈期]|产后|更年期|白发|肥胖"
         r"|到了[这你您].{0,2}年纪|上了年纪|退休|失业|离[婚异]",
         "断言了读者做过的事。", "说我们准备了什么。"),
        ("deceptive", ERROR, r"包裹|取件|订单|账[单户号]|验证码|退款|到账|系统(?:通知|提示|消息)|冻结|异常|逾期|欠费"
        r"|领奖|待(?:领取|处理|确认|支付)|请(?:确认|验证|查收)|通知单|未读|紧急通知|来电", "看上去像别的通知。",
        "写明这是什么消息。"),
        ("toxicity", ERROR,
         r"死|杀(?!青|菌)|傻|蠢|丑|穷|滚(?!烫|水|开|筒|圆|动|一|过|边|刀)|垃圾|恶心|丧|笨|白痴|废物|神经病|变态|贱"
         r"|妈的|他妈|[猪狗](?:一样|头|脑|东西)|懒[虫鬼猪汉]|胖子|肥[婆猪仔]|老不|土鳖|土包子|屌|婊|脑残|智障|弱智"
         r"|混蛋|王八|人渣|败类|畜生|小气鬼|抠门|没出息|没用的|活该|闭嘴|低端人",
         "不该出现在推广里的字眼。", "换一种说法。"),
        ("residue", ERROR,
         r"[*#<>\[\]|\\~^`=@_【】]+|(?:副?标题|主题|正文|文案|备注|渠道|语气|输出|回答|版本|口号)(?:[一二三])?[:：]"
         r"|作为(?:一[个名位])?[^，。]{0,6}(?:AI|人工智能|模型|助[手理]|机器人|文案)|以下[是为]|下面是|如下"
         r"|好的[，,]|当然[，,！]|没问题[，,]|提示词|字数|文案|版本[一二三]|方案[一二三]|选项[一二三]|示例|占位"
         r"|插入[^，。]{0,4}(?:名|处)|(?:产品|商品|品牌|店铺)名(?:称)?|希望(?:这|对[你您]有)|如有需要|如需(?:修改"
         r"|调整)|请(?:根据|注意|告诉我|提供)|某某|待定|草稿|润色|改写|目标(?:人群|受众|用户)|受众|营销|推广(?:语"
         r"|文)|投放|广告语|我(?:可以|能)为你|任务要求|根据(?:要求|提示)",
         "任务或模型留下的痕迹。", "删去。"),
        ("absolute", WARNING, r"最(?!近)", "广告法第九条第三项所指的用语。", "换成平实的说法，或确认与商品无关。"),
        ("date", WARNING, r"[今明后昨][晚早]", "任务里没有的时间。", "用 {end}，或确认不是日期。"),
        ("shouting", WARNING, r"[!！]{2,}", "感叹号太多。", "平实地写。"),
    )
)  # fmt: skip

# True for one kind of reader only.
SEGMENTS = {
    "lapsing": re.compile(r"好久不见|有段日子|回来(?!的)|惦记|想念"),
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
