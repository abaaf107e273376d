"""Families of words behind the rules of `lexicon`: what a kind of defect is made of, in place of phrases that were seen. English.

A claim is a deed on something (cuts grease), a source (from the farm), a lack (no hormones) or an approval (backed by science);
a health claim is a deed on a part of the body; pressure is little time, little stock or an order to be quick. The families
are written out once and put together, so that a phrase nobody thought of is found by what it is made of. Words that are
harmless in another sense are advice: an error in a machine's text, a warning in a person's.
"""

import re

from copywriting.contracts import ERROR
from copywriting.llm.lexicon import WordRule

VERSION = "1"

_OWN = r"(?:your |the |our |a |an |any |all |every |its |their |those |these |that |this |some )*"
_COUNT = (
    r"(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty|seventy"
    r"|eighty|ninety|hundreds?|thousands?|millions?|dozens?|scores)"
)
_BODY = (
    r"(?:guts?|hearts?|bones?|joints?|skin|scalp|teeth|gums|eyes|eyesight|brains?|body|bodies|digestion|stomachs?|tumm(?:y"
    r"|ies)|bell(?:y|ies)|blood|livers?|kidneys?|lungs?|waist\w*|figure|muscles?|nerves|throats?|circulation|hormones?|joints"
    r"|knees?|backs?|veins?|arter(?:y|ies)|cells?|immun\w+|defen[cs]es|health)"
)
_AILMENT = (
    r"(?:colds?|flu|virus\w*|toxins?|infections?|fevers?|cough\w*|headaches?|migraines?|cramps?|aches?|pains?"
    r"|inflammation|bloat\w*"
    r"|allerg\w+|stress|anxiety|fatigue|tiredness|cholesterol|blood (?:sugar|pressure)|metabolism|appetite|cravings|ag(?:e?ing)"
    r"|hangovers?|insomnia|sleep|memory|focus|mood|energy|hydration|cancer|diabetes|arthritis|heartburn|constipation|nausea|acne"
    r"|eczema|dandruff|wrinkles|fine lines|cavit(?:y|ies)|plaque|cellulite|pimples?|blemish\w*|dark circles|hair loss)"
)
_DIRT = (
    r"(?:grease|grime|dirt|stains?|spots|germs?|bacteria|odou?rs?|smells?|mou?ld|mildew|limescale|rust|dust"
    r"|soap scum|fleas?|ticks?"
    r"|bugs|insects|mosquito\w*|ants|weeds|frizz|lint|crumbs|soot|tartar|mites|pet hair|static|sweat)"
)
_DEED = (
    r"(?:cut|lift|remove|fight|dissolve|banish|erase|beat|bust|blast|tackle|kill|eliminate|neutrali[sz]e|repel|trap"
    r"|destroy|wipe|melt"
    r"|conquer|zap|attack|smooth|shrink|hide|block|break|clear|chase|absorb|stop|prevent|reduce|get|wash)(?:s|es)?"
)
_HELP = (
    r"(?:keep|help|support|aid|boost|strengthen|improve|protect|restore|balance|calm|soothe|cleanse|purif|flush|detoxif|rid|lower"
    r"|reduce|prevent|fight|ease|relieve|cure|heal|regulate|stimulate|build|sharpen|fuel|recharge|repair|nourish"
    r"|ward|combat|treat"
    r"|stave|shield|beat|kick|soften|firm|tighten|tone|settle|stop|end|clear|lift|raise|promote|increase|enhance|hydrate)"
    r"(?:s|es|y|ies|ing)?"
)
_EXPERT = (
    r"(?:vets?|veterinarians?|doctors?|dentists?|dermatologists?|nutritionists?|dieti[ct]ians?|pediatricians?"
    r"|pharmacists?|nurses?|experts?"
    r"|scien(?:ce|tists?)|stud(?:y|ies)|research\w*|labs?|laborator(?:y|ies)|chefs?|baristas?|pros|professionals?|specialists?"
    r"|trainers?|athletes?|stylists?|plumbers?|breeders?|groomers?|critics|judges)"
)
_MAKER = (
    r"(?:farms?|farmers?|orchards?|growers?|fishermen|fishing boats?|butchers?|bakers?|(?:small|local|nearby"
    r"|family) (?:bakery|dairy)|mills?|roasters?|roaster(?:y|ies)"
    r"|ranch(?:es)?|vineyards?|beekeepers?|artisans?|craftsmen|cheesemakers?|brewers?|gardens? nearby|fields nearby"
    r"|village|valley)"
)
_PEOPLE = (
    r"(?:customers?|shoppers?|fans?|readers?|mothers?|moms?|mums?|dads?|fathers?|parents?|cooks?|neighbou?rs?"
    r"|reviewers?|buyers?|guests?"
    r"|members?|bakers?|teachers?|families|households?|homes|people|everyone|everybody|(?:grill|pit) ?masters?|foodies|regulars"
    r"|users|subscribers|dog owners|cat owners|owners|folks|thousands|millions|hundreds)"
)
_SEASON = r"(?:spring|summer|autumn|fall|winter)"
_NATION = (
    r"(?:italian|french|swiss|german|spanish|american|belgian|greek|japanese|chinese|mexican|scottish|irish|british"
    r"|dutch|danish|swedish"
    r"|turkish|colombian|brazilian|ethiopian|kenyan|californian|alaskan|norwegian|hawaiian|texan|canadian|australian"
    r"|austrian|tuscan"
    r"|sicilian|mediterranean|icelandic|indian|thai|korean|portuguese|polish|russian)"
)
_STAFF = (
    r"(?:butcher|baker|florist|barista|pharmacist|fishmonger|stylist|chef|cook|tailor|team|staff|crew|people"
    r"|counter|deli|nutritionist)"
)


def _rule(rule: str, message: str, remedy: str, *patterns: str, advice: bool = False) -> WordRule:
    pattern = re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE)
    return WordRule(rule, ERROR, pattern, message, remedy, advice)


RULES = (
    _rule(
        "number", "A number that no fact backs.", "Use a slot: {offer}, {price}, {end} or {size}.",
        rf"(?:serves?|feeds?|packs? of|sets? of|box(?:es)? of|over|under|up to|at least|more than|fewer than"
        rf"|less than|nearly|about) {_COUNT}",
        rf"{_COUNT} (?:in|out of) {_COUNT}", r"(?:three|four|five|six|ten|hundred)-?fold",
        r"a (?:third|quarter|fifth|tenth) (?:of|more|less|fewer|off)",
        r"twofold", rf"{_COUNT}[- ](?:pack|piece|day|week|hour|minute|step|year)s?",
        rf"(?:all|only|just|with) {_COUNT} (?:of|for)",
    ),
    _rule(
        "money", "A price or a saving that no fact backs.", "Say {offer} or {price} instead.",
        r"pay ?che(?:ck|que)s?", r"bank (?:account|balance)s?", r"piggy banks?", r"penn(?:y|ies)", r"dimes?", r"wallets?",
        r"purses?",
        r"budgets?", r"frugal\w*", r"economi[sz]\w*", r"rebates?", r"refunds?", r"markdowns?", r"price(?:d|s|tags?)?",
        r"half off",
        r"(?:dirt|dead) cheap", r"less expensive", r"spend(?:s|ing)? (?:less|little|smarter|wisely)",
        r"(?:pay|paying|pays) (?:less|half|little|for itself)",
        rf"(?:cut|cuts|drop|dropped|drops|slash\w*|lower|lowered|halve\w*|reduced?|shrink\w*"
        rf"|trim\w*) {_OWN}(?:\w+ )?(?:prices?|costs?|bills?)",
        rf"stretch\w* {_OWN}(?:\w+ )?(?:dollar|euro|pay|money|cash|penny|funds|pocket)\w*",
        rf"(?:easy|easier|kind|kinder|gentle|gentler|light|lighter|good|soft|hard|friendly) (?:on|to"
        rf"|for) {_OWN}(?:wallet|purse|pocket|pocketbook|budget|bank account)s?",
        r"(?:more|keep|leave\w*|extra) (?:\w+ )?(?:cash|change|money|coins?) (?:in|for|left)",
        r"pocket the (?:difference|rest|change)",
        r"worth (?:every|the|its) (?:\w+ )?(?:cent|penny|price|money|gold)", r"great deals?",
        r"(?:a|the|real|good) deal (?:of|for|on)",
        r"at (?:a )?(?:low|reduced|fair|friendly|great|good) (?:cost|rates?|figure)", r"next to nothing",
        r"(?:costs?|costing) \w+ than", r"half as much",
    ),
    _rule(
        "date", "A date or an occasion that is not in the brief.", "Use {end}, or leave the time out.",
        r"happy hour", r"(?:by|from|until|before) (?:noon|midday|midnight|dawn|dusk|sunrise|sunset)", r"long weekend",
        r"bank holiday",
        rf"(?:this|next|last|early|late|first|mid|first \w+ of|end of|start of|week of|days? of|days of|height of) {_SEASON}",
        rf"{_SEASON} (?:is (?:here|coming|around)|starts|begins|ends|has)",
        r"(?:mother|father|valentine|patrick|new year|veteran|president|women|children)s?['’]?s?['’]? (?:day|eve)",
        r"(?:lunar|chinese) new year", r"singles'? day", r"semesters?", r"(?:first|last) day of school", r"school starts",
        r"kick-?off",
        r"play-?offs?", r"(?:first|last|beginning|end|middle) of the (?:month|year|week)", r"this quarter",
        r"(?:one|a|this) week only",
        r"(?:in|by|within) (?:an?|two|three|a few) (?:hours?|days?)", r"harvest festival", r"advent", r"lent", r"wedding day",
        r"prom", r"reunion",
    ),
    _rule(
        "free", "Something is promised for free.", "Only {offer} says what the customer gets.",
        r"(?:our|my) treat",
        r"(?:treat|round|drink|coffee|dessert|one|this|next|first|second|loaf|slice|bag) (?:is |are "
        r"|is all )?on (?:us|me|the house)", r"on (?:us|the house)",
        r"no cost", r"(?:costs?|costing|pay|paying|spend) (?:you )?(?:nothing|zero|nada)",
        r"giv(?:e|es|en|ing) (?:it |them |these )?away", r"winn(?:er|ers|ing)",
        r"lucky (?:\w+ )?(?:draw|one|winner|reader|shopper)",
        r"(?:thrown?|throw(?:s|ing)?|comes?) (?:in |along )?(?:for|at) no", r"thrown in", r"goodie bags?", r"perks?",
        r"(?:stamp|punch) cards?",
        r"without paying", r"(?:surprise|toy|prize) inside",
        r"(?:earn|collect|gain|redeem) (?:\w+ )?(?:points?|stamps?|credits?|miles|stars|coins)",
        r"a (?:second|spare|little extra) (?:one )?for (?:nothing|free)",
        r"(?:get|take|have|grab) (?:a|another|the) (?:second|third|other) (?:one )?(?:for|at) (?:nothing|half|no)",
        r"freebies?", r"giveaways?", r"for zero", r"gratis", r"complimentary",
    ),
    _rule(
        "claim", "A claim about the product that needs evidence.",
        "Speak of the reader's day, not of what the product is or does.",
        rf"{_DEED} (?:away |off |out |up |through |rid of |down |down on )?{_OWN}(?:\w+ ){{0,2}}?{_DIRT}",
        rf"(?:tough|hard|strong) on {_OWN}\w+",
        r"(?:visibl[ey]|noticeabl[ey]|measurabl[ey]|instantly|dramatically) \w+",
        r"in (?:one (?:wipe|wash|go|swipe)|no time at all|seconds|just (?:days|weeks|minutes))", r"fine lines",
        r"long(?:er)?[- ]lasting", rf"lasts? (?:all|up|for|twice|longer|\w+ times|{_COUNT})",
        r"works? (?:wonders|instantly|fast|faster|better|overnight|every time|like magic|miracles)",
        r"(?:extra|super|ultra|maximum|industrial|double)[- ](?:strength|strong|absorbent|power|soft|fresh|thick)",
        r"(?:leak|spill|stain|child|water|break|rust|tear)[- ]?(?:proof|resistant)", r"unbreakable", r"streak-?free",
        r"spotless",
        r"formulas?", r"formulated", r"technolog(?:y|ies)", r"advanced", r"improved", r"upgraded", r"innovati\w+",
        r"revolutionary", r"breakthrough", r"engineered", r"state[- ]of[- ]the[- ]art", r"high[- ](?:performance|grade|end)",
        rf"(?:safe|gentle|mild|kind) (?:for|on|to|with) {_OWN}(?:\w+ )?(?:skin|hair|kids|child\w*|bab(?:y|ies)|pets?"
        rf"|colou?rs?|eyes|teeth|hands|fabrics?|surfaces?|stomachs?|pools?|tanks?|septic\w*)",
        rf"{_EXPERT}[- ](?:approved|recommended|tested|trusted|backed|formulated|endorsed|chosen|grade|led|loved)",
        rf"(?:approved|recommended|tested|trusted|backed|endorsed|chosen|preferred|used|developed|designed|picked"
        rf"|proven|loved|praised|selected|verified|crafted|formulated) by {_OWN}\w+",
        rf"{_EXPERT} (?:\w+ )?(?:agree|say|recommend|trust|show|prove|confirm|approve|choose|swear|love|suggest|found|find)s?",
        r"(?:tests?|trials?) (?:show|prove|confirm)s?", r"scientific\w*", r"clinical\w*", r"proven", r"certif\w+",
        rf"(?:from|by|on) {_OWN}(?:nearby |local |small |family |trusted |own |old |working )*{_MAKER}",
        r"farm[- ]?(?:fresh|to|house|raised|grown)", r"family[- ](?:farm|owned|run|recipe)",
        r"(?:single|estate)[- ]?(?:origin|grown)?[- ]origin",
        r"single[- ](?:origin|estate|source)", r"hand[- ]?(?:\w+ed|made|cut|ground|spun|sewn|woven)",
        r"(?:\w+ed|made|cut|ground|sewn|woven|spun) by hand", r"small[- ]batch(?:es)?", r"artisan\w*", r"gourmet", r"heirloom",
        r"handmade",
        r"(?:stone|slow|wood|fire|sun|air|kettle|barrel|cold|oak|oven|vine|tree|dry|double|triple)[- ]?(?:ground"
        r"|roasted|fired|baked|dried|cooked|aged|pressed|smoked|churned|brewed|grown|ripened|milled|filtered"
        r"|distilled|cured)",
        r"(?:grass|grain|corn|milk|wild|line|pole|free|cage|pasture|pen|field|home|sustainably|ethically|humanely"
        r"|responsibly|organically|locally|carefully)[- ]?(?:fed|raised|caught|fished|range|free|grown|farmed"
        r"|roaming|sourced|harvested|reared)",
        r"(?:old|family|grandm\w+|original|secret|traditional|ancient|age-old|heritage|centur\w+[- ]old"
        r"|time-honou?red) (?:\w+ )?(?:recipe|method|tradition|craft|technique)s?",
        r"since (?:the )?\d*\w* ?(?:century|generations)", r"for generations", r"generations of",
        r"(?:no|zero|without|free (?:of|from)|never any|minus|not a drop of|hold the) (?:added |artificial |extra "
        r"|nasty |harsh |hidden )*(?:sugars?|salt|fat|preservatives|chemicals|additives|colou?rs|colou?rings?|dyes?"
        r"|flavou?rs|flavou?rings?|hormones?|antibiotics|msg|parabens|sulfates|phosphates|guilt|calories|carbs"
        r"|lactose|gluten|cholesterol|fillers|by-?products|nasties|junk|pesticides|gmos?|alcohol|aluminum|residue"
        r"|mess|streaks|fragrance|perfume|palm oil|trans fats?|sweeteners?|caffeine)",
        r"(?:low|lower|reduced|less|fewer|light|half)[- ](?:in )?(?:fat|sugar|salt|sodium|calories?|carbs?"
        r"|cholesterol|lactose)",
        r"(?:high|rich|packed|loaded|bursting|brimming|full|source) (?:in|with|of) (?:fib(?:er|re)|protein|vitamins?"
        r"|calcium|iron|omega|nutrients|antioxidants|goodness|energy|minerals|potassium|magnesium|nutrition)",
        r"whole[- ]?grains?", r"multi[- ]?grain", r"(?:plant|oat|soy)[- ]based", r"nutri\w+", r"wholesome", r"purest",
        r"purity", r"premium", r"deluxe", r"authentic\w*", r"award\w*", r"medals?", r"voted", r"ranked", r"best[- ]rated",
        r"(?:softer|smoother|shinier|thicker|stronger|whiter|brighter|younger|fuller|healthier|cleaner|fresher"
        r"|firmer|silkier|glossier) (?:\w+ )?(?:skin|hair|coats?|fur|teeth|laundry|whites|colou?rs?|lashes|nails"
        r"|smiles?|floors|towels|clothes|breath|lips|hands|face|curls)",
        r"(?:juicier|tastier|crispier|crunchier|creamier|richer|fresher|softer|stronger|cleaner|healthier|safer"
        r"|greener|tougher) than",
        r"(?:fresh|straight|direct|right) (?:from|off|out of) the (?:oven|farm|field|tree|vine|boat|sea|orchard"
        r"|garden|coast|source|ranch|press)",
        r"(?:baked|roasted|brewed|made|picked|caught|cut|ground|cooked|churned|pressed|smoked|squeezed) (?:fresh"
        r"|daily|each|every|in-house|on site|overnight|right here)",
        r"(?:baked|roasted|picked|caught|made|squeezed) (?:\w+ )?(?:morning|today|daily|hour)",
    ),
    _rule(
        "absolute", "An absolute or a superlative.", "Say it plainly.",
        r"no (?:better|finer|equal|match|rival|contest|comparison|competition|substitute|one does it)",
        r"(?:can|could|do|does|will|would)(?: not|not|n['’]t) (?:\w+ )?(?:get|be|do|taste|find|ask for|come) (?:any "
        r"|it )?(?:better|beaten|beat|finer|topped|more)", r"as good as it gets",
        r"nothing (?:else )?(?:\w+ )?(?:close|closer|better|compares?|like|beats?|tops|matches|rivals)",
        r"never (?:\w+ )?(?:better|beaten|tasted|so good|been so|fails?|disappoints?)",
        r"(?:the |our |a |market |industry |world )?leaders?", r"market[- ]leading",
        r"leading (?:brand|store|name|choice|supplier|grocer)", r"number[- ]one",
        r"champions?", r"(?:king|queen|master|emperor|crown|pinnacle|peak|height|epitome|definition|holy grail) of",
        r"holy grail",
        r"(?:out of this world|heavenly|divine|sublime|mind-?blowing|life-?changing|breathtaking|spectacular"
        r"|phenomenal|sensational|magnificent|unforgettable|unbelievable|remarkable|exceptional|astonishing|iconic"
        r"|jaw-?dropping|to die for|unreal|invincible|infallible|foolproof|miraculous|dreamiest|faultless|immaculate"
        r"|impeccable)",
        r"(?:pure|absolute|total|sheer|complete|true) (?:heaven|bliss|joy|perfection|magic|delight|indulgence|genius"
        r"|luxury|happiness|pleasure|paradise)",
        r"(?:once in a lifetime|one of a kind|unlike any\w*|beyond (?:compare|words|belief)|all you (?:will "
        r"|'ll )?ever (?:need|want))",
        r"(?:the )?only (?:store|shop|place|one|brand|way|\w+ you)",
        r"better than (?:ever|the rest|others|any\w*|all|every\w*|the others|homemade)",
        r"beats? (?:every|all|any|the (?:rest|competition|others|lot))", r"out(?:shine|perform|class|do|last)s?",
        r"surpass\w*", r"unsurpass\w*",
        r"(?!(?:rest|guest|forest|harvest|interest|request|nearest|latest|honest|modest|quest|chest|west|test|nest"
        r"|fest|vest|priest|invest|suggest|arrest|digest|contest|protest"
        r"|earnest)\b)\w{3,}est (?:\w+ ){0,2}?(?:in (?:the |this |our )?(?:town|state|city|county|country|world"
        r"|region|area|land|business|market|neighbou?rhood|universe)|on (?:the )?(?:market|earth|planet|block)"
        r"|of (?:them )?all|of its kind|ever|around|for miles|there is|we have ever|you(?: have|'ve| will"
        r"|'ll)? (?:ever )?\w+|possible|imaginable|yet)",
        r"(?:everyone|everybody)['’]?s? favou?rite", r"favou?rite of all",
        r"always (?:fresh|good|soft|the|in|ready|perfect|right|there|works?|open|low)",
        r"(?:forever|guarantee\w*|without (?:equal|fail|rival|question|doubt)|hands down|bar none|by far|simply the)",
        r"(?:a|the) class (?:of its own|apart|act)", r"(?:on )?another level", r"in a league", r"perfection",
    ),
    _rule(
        "urgency", "Pressure that no stock figure or date backs.", "Give the end with {end}.",
        r"while (?:you|we|they) (?:still )?(?:can|have|last)",
        r"(?:nearly|almost|already|practically|soon|all but) (?:gone|sold|over|empty|out|finished)", r"sold out",
        r"sell(?:s|ing)? (?:out|fast|quick\w*)",
        r"(?<!will )(?:be|act|move|run|shop|buy|decide|rush) (?:quick\w*|fast|now|immediately|swift\w*)",
        r"(?:buy|order|shop|get|grab|claim|act) (?:it |yours |them |one )?(?:now|immediately|right away|at once|today)",
        r"first come", r"gone (?:in|by|before|tomorrow|forever|for good|too soon)",
        r"(?:will|would|might|may|do|does|can)(?: not|n['’]t|not)? (?:\w+ )?(?:be (?:here|there|around|gone|back"
        r"|available)|last|stay|wait|return)(?: \w+){0,2} (?:long|forever|again|soon|much|for you)",
        r"(?:wo|do|does|ca)n['’]t (?:last|wait|stay|hold)", r"not (?:be )?(?:here|around) (?:for )?(?:long|forever)",
        r"(?:gone|over) soon", r"a few (?:left|remain\w*|more (?:hours|days))",
        r"(?:few|handful|couple|last|hardly any|not many|only so many) (?:\w+ )?(?:left|remain\w*|of these|to go around)",
        r"stocks? (?:\w+ )?(?:is|are|will|low|lasts?|limited|dwindl\w+|running)",
        r"supplies (?:last|run|are (?:limited|low|running))", r"shelves (?:are )?(?:empty\w*|clear\w*) (?:fast|out|quick\w*)",
        r"last[- ](?:minute|ditch|call|days?|hours?|ones?|bags?|pieces?|boxes?|bottles?|packs?|time|chance"
        r"|opportunity|round|few)",
        r"final (?:\w+ )?(?:hours?|days?|chance|call|opportunity|week|round|moments?|stretch|countdown|notice|reminder)",
        r"one[- ]time[- ]only", r"now[- ]or[- ]never", r"only (?:now|for now|a few|while|hours)",
        r"(?:do not|don['’]t|never) (?:wait|delay|sleep|hesitate|miss|dawdle|let (?:it|this|them)|put it off|be late"
        r"|blink|think twice)", r"without delay", r"deadlines?", r"expir\w+", r"ticking",
        r"(?:race|rush|run|dash|sprint) (?:to|for|over|down)", r"beat the (?:crowds?|rush|queue|others|clock|line)",
        r"(?:you )?snooze",
        r"(?:going|disappear\w*|vanish\w*|flying|moving) (?:fast|quick\w*|soon|off|before)",
        r"time is (?:short|precious|running|of the essence|nearly|almost)", r"(?:too|running) late", r"regret\w*",
        r"(?:once|when) (?:it|they)(?: is|['’]s| are|['’]re) (?:gone|over|out)", r"never (?:again|to return|to be repeated)",
        r"limited",
        r"before (?:it|they|someone|somebody|others|the others|everyone)(?: \w+)? (?:else )?(?:is|are|does|do|has"
        r"|have|gets?|takes?|sell|sells|goes|go|disappears?|vanish\w*)",
    ),
    _rule(
        "service", "A service or a way to buy that is not in the brief.", "Leave the how to the button of the message.",
        r"order(?:s|ing)? (?:\w+ )?(?:by|online|via|through|ahead|from home|at the)",
        r"by (?:phone|text|courier|mail|post|van|drone|app|e-?mail)", r"couriers?",
        r"pickup (?:point|service|window|is|lane|at|area)?", r"curb-?side", r"valet", r"(?:free |reserved |ample )?parking",
        r"park(?:s|ed)? (?:for|at|your|free)",
        r"install(?:s|ed|ation|ments?)", r"assembl\w+", r"repairs?", r"warrant(?:y|ies)", r"exchange (?:it|them|policy)",
        r"trade[- ]?ins?", r"gift ?cards?", r"layaway", r"pay later", r"financing", r"loyalty (?:card|scheme|program\w*|club)",
        r"member(?:s|ship)(?: (?:card|club|price|only))?",
        rf"(?:our|the|a) {_STAFF} (?:\w+ )?(?:will|can|trims?|slices?|cuts?|fillets?|cleans?|wraps?|arranges?"
        rf"|grinds?|makes?|carr(?:y|ies)|prepares?|packs?|loads?|cooks?|bakes?|debones?|marinates?|seasons?"
        rf"|sharpens?|advises?)(?: \w+){{0,3}} (?:for you|you|to order)",
        r"(?:trim|slice|cut|fillet|ground|grind|wrap|arrange|cook|prepare|carry|pack|clean|marinate|debone|season"
        r"|load)(?:s|es|ies|ed|d)? (?:it|them|everything|your \w+)? ?(?:for you|to order)",
        r"(?:sliced|ground|wrapped|trimmed|filleted|cooked|prepared|arranged|packed|made|cut) (?:for you|to order"
        r"|while you wait|fresh for)", r"while you wait", r"opening (?:hours|times)", r"day and night", r"wi-?fi",
        r"play area", r"(?:cooking|baking) class\w*", r"(?:chat|talk|speak) (?:with|to) (?:an?|our)",
        r"(?:visit|follow|like|find|tag|message|dm|text|call|e-?mail|ring|phone) us(?= (?:on|at|for|now|today|and)|[.!])",
        r"our (?:\w+ )?(?:site|page|channel|website|app|hotline|newsletter|helpline|call cent(?:er|re))", r"nationwide",
        r"next[- ]day (?:delivery|service|shipping)", r"express (?:shipping|lane|delivery)?", r"home service", r"shuttle",
        r"satisfaction", r"no questions asked", r"return (?:it|them) (?:any|with|for|if)", r"swipe",
        r"(?:press|hit|tap|push) the (?:\w+ )?button",
    ),
    _rule(
        "service", "Opening times that are not in the brief.", "Leave them out, or be sure that they hold.",
        r"open (?:all|late|until|around|every|twenty|longer|on|seven|day)", advice=True,
    ),
    _rule(
        "presumption", "It tells readers what they did or who they are, and no fact backs it.", "Say what we have for them.",
        r"your (?:due date|newborn|toddler|teen\w*|kids?|child(?:ren)?|sons?|daughters?|husband|wife|spouse"
        r"|boyfriend|girlfriend|mother|mom|mum|dad|father|parents|twins|boss|career|retirement|rent|mortgage|loan|ex"
        r"|doctor|therapist|hearing|eyesight|knees|back pain|medication|pills|prescription|blood|cholesterol|body"
        r"|figure|waist\w*|belly|wrinkles|gr[ae]y \w+|hangover|addiction|habit of)",
        r"your (?:old|ag(?:e?ing)|sick|poor|late|dying|ailing|tired|sore|bad|weak|thin\w*|dry|oily|bald\w*|messy"
        r"|dirty) (?:dog|cat|pet|mother|father|parents|body|bones|knees|back|eyes|skin|hair|teeth|legs|feet|hands"
        r"|house|heart|car)s?",
        r"(?:dog|cat|knees?|back|eyes?|hair|skin|memory|hearing|heart|body|joints?|bones?|metabolism) (?:is|are"
        r"|['’]s) (?:\w+ )?(?:slowing|getting|going|failing|older|old|sick|weak|weaker|thinning|gr[ae]ying)",
        r"(?:is|are) slowing down",
        r"getting (?:older|old|on in)", r"at your age", r"(?:over|past) (?:forty|fifty|sixty|seventy)", r"middle[- ]age\w*",
        r"retire(?:d|ment|es)", r"pension\w*", r"new[- ]?borns?",
        r"(?:we|i)(?:['’]ve| have)? (?:know|see|saw|noticed|notice|noted|heard|can tell|understand|bet|guess"
        r"|remember|watched|tracked|spotted) (?:that |when |how |what |where |why )?(?:you|your|was in your"
        r"|is in your|you['’]re)(?! (?:are welcome|each|every|at|soon|in|again|there|back|around|on|all)\b)",
        r"what (?:was|is|you left|you put) in your (?:cart|trolley|fridge|order)",
        r"you (?:must|probably|surely|clearly|obviously|apparently) (?:be|have|are|feel|like|love|need|miss)",
        r"you(?: are|['’]re) (?:\w+ )?(?:single|alone|lonely|sick|ill|broke|old|overweight|pregnant|retired|married"
        r"|divorced|unemployed|diabetic|expecting|poor|rich|vegan|aging|moving|leaving)",
        r"you (?:live|eat|drink|smoke|struggle|suffer|sleep) (?:\w+ )?(?:alone|with|from|badly|too|poorly|little)",
        r"(?<![a-z] )you (?:left|lost|skipped|quit|dropped|abandoned|ran out|have run out|switched|went to|cheated"
        r"|haven['’]t|have not|did not|didn['’]t)(?= (?:us|your|a|the|something|of|from|another|to|on|it|bought"
        r"|ordered|shopped|visited|finished|paid|come|been)\b)", r"(?:left|waiting|still|items?) in your (?:cart|trolley)",
        r"(?:last|latest|recent|previous|past) (?:order|purchase|search|transaction|basket|receipt)s?", r"last time you",
        r"based on (?:your|what)", r"people like you", r"single (?:mom|mother|dad|father|parent|life|household)s?",
        r"new (?:mom|mother|dad|father|parent)s?", r"bab(?:y|ies) (?:on the way|bump|shower)", r"bundle of joy",
        r"(?:hair loss|thinning hair|bad breath|body odou?r|hot flash\w*|menopaus\w*|hemorrhoid\w*|incontinen\w*"
        r"|erectil\w*|depress\w*|obes\w*|overweight)", r"now that (?:you|your)",
    ),
    _rule(
        "presumption", "It may tell readers what they did.",
        "Say what we have for them, or be sure that it holds for all of them.",
        r"you (?:have |had |just |already |once )*(?:been|seen|received|bought|ordered|gave|given|got|gotten|tried"
        r"|made|won|chosen|chose|eaten|ate|moved|said|asked|told|visited|loved|passed|saved|left|lost|skipped|quit"
        r"|dropped|stopped|started|forgot|abandoned)",
        r"since you (?:\w+)", advice=True,
    ),
    _rule(
        "absolute", "It reads like a superlative.", "Say it plainly, or be sure that it compares nothing that is sold.",
        r"\w+iest",
        r"(?:fresh|soft|rich|sweet|smooth|clean|bright|strong|low|bigg|larg|fast|saf|pur|warm|nic|kind|tough|cool"
        r"|simpl|smart|cheap|bold|deep|light)est", advice=True,
    ),
    _rule(
        "deceptive", "It reads like a notice about something else: an advertisement must not look like one.",
        "Say what the message is about.",
        r"your (?:\w+ )?(?:statement|balance|bill|profile|membership|application|request|ticket|reservation"
        r"|appointment|booking|transaction|delivery|parcel|package|shipment|claim|tax|password|voicemail|order"
        r"|refund|loan|card) (?:is|has|was|needs|requires|will|could|expire[sd]?|may|cannot)",
        r"(?:action|response|attention|verification|reply|signature|confirmation) (?:is )?(?:needed|required)",
        r"important (?:notice|update|information|message)",
        r"(?:final|last|second|first|payment|friendly) (?:notice|reminder|warning)",
        r"(?:waiting|held|stuck) (?:for you )?at (?:customs|the (?:post office|depot|border))", r"verify",
        r"(?:confirm|update) your (?:\w+ )?(?:details|payment|address|account|password|information|profile|identity)",
        r"(?:log|sign) in(?:to)?", r"unusual activity", r"as (?:you )?(?:requested|discussed|agreed|promised)",
        r"per your request", r"following up", r"our (?:conversation|call|talk|last chat)",
        r"you have (?:a|one|an|\d+)(?: new| unread| missed)? (?:message|voicemail|notification|package|parcel|refund"
        r"|credit|call)", r"unclaimed", r"tracking", r"overdue", r"billing", r"unread", r"suspen(?:ded|sion)",
        r"(?:has been |was )?(?:declined|deactivated|compromised|approved for)",
    ),
    _rule(
        "toxicity", "A word that insults or shocks.", "Delete it.",
        r"(?:you|those|these|such a|only) (?:\w+ )?(?:greedy|lazy|foolish|silly|stingy|cheap|fat|old|little"
        r"|filthy) (?:\w+ )?(?:pig|pigs|cow|bum|hag|thing|fool|people|folk|slob|miser|goat)s?", r"fools?", r"foolish",
        r"stuff your (?:face|mouth)", r"shame on", r"nasty", r"vile", r"stink(?:s|y|ing)?", r"clowns?", r"cheapskates?",
        r"slackers?", r"couch potato(?:es)?", r"gluttons?", r"brats?", r"cowards?", r"dorks?", r"dimwits?",
        r"nitwits?", r"numbskulls?", r"airheads?", r"bimbos?", r"thugs?", r"rednecks?", r"peasants?", r"beggars?",
        r"cripples?", r"lame", r"piss\w*", r"poop", r"butts?", r"bloody", r"wtf", r"what(?: is|['’]s) wrong with you",
        r"shut your", r"you people", r"simpletons?", r"nutcases?", r"lunatics?", r"trashy", r"pigs?(?! in)",
        r"good for nothing", r"worthless", r"deplorable", r"brainless", r"mindless", r"witch(?:es)?", r"ignoramus", r"dunce",
    ),
    _rule(
        "mood", "A dark or careless word that has no place in an offer.", "Keep it light.",
        r"miser(?:y|able)", r"gloom\w*", r"dread\w*", r"grie(?:f|ve)\w*", r"mourn\w*", r"disasters?", r"nightmares?",
        r"curse[ds]?", r"suffer\w*", r"despair\w*", r"depress\w*", r"ruin(?:s|ed)?", r"boring", r"awful", r"terrible",
        r"horri\w+", r"tragic", r"doom\w*", r"panic", r"hopeless", r"worst", r"guilty?", r"ashamed", r"chaos", r"hassle",
        r"struggl\w+", r"fed up", r"tired of", r"sick of", r"agony", r"hate\w*", r"unhappy", r"crying", r"tears",
        advice=True,
    ),
    _rule(
        "residue", "Left over from the briefing or from the model's way of talking.", "Delete it.",
        r"as (?:an? )?(?:\w+ )?(?:assistant|ai|copywriter|language model|chatbot|marketer|bot)",
        r"i hope (?:this|that|it|you)", r"hope (?:this|that|it) (?:helps|works|finds)",
        r"(?:option|version|variant|draft|alternative|example|choice|attempt) (?:one|two|three|four|[a-d]|#?\d)",
        r"insert \w+", r"xx+", r"tb[cd]", r"todo", r"fixme", r"null", r"undefined", r"nan", r"placeholder",
        r"(?:title|headline|heading|copy|text|message|caption|tagline|slogan|hashtags?|preheader|preview|greeting"
        r"|intro|cta|button|output|answer|response|result|note|tone|channel|style|length|hook|offer|product|body"
        r"|subject|draft|version) ?:(?!\w)",
        r"here(?: is|['’]s| are) (?:\w+ ){0,2}(?:texts?|copy|messages?|drafts?|versions?|rewrite|subject|options?"
        r"|ideas? for|suggestions?)", r"word count", r"characters? (?:limit|count|long|left)",
        r"happy to (?:help|adjust|revise)", r"would you like me",
        r"(?:marketing|ad|advertising|promotional|sales|sms|push|e-?mail) (?:copy|text|message|assistant|campaign"
        r"|purposes|slogan)", r"brand voice", r"tone of voice", r"target (?:audience|group|market|customer)s?",
        r"product description", r"lorem|ipsum", r"end of (?:message|text|copy|draft)", r"(?:your|the|this) (?:brief|briefing)",
        r"amp", r"nbsp", r"(?:product|brand|store|shop|customer|first|company|your)[ _-]name(?! on| is| in)",
        r"let(?: me|['’]s) rephrase", r"rewritten",
    ),
    _rule(
        "testimonial", "A testimonial has to be a real customer's.", "Quote nobody.",
        rf"(?:says?|said|writes|wrote|raves?|according to|words of|praise from|quotes?|tells us|told us) (?:a |one "
        rf"|our |many |happy |another |the |most |all |some )*{_PEOPLE}",
        rf"(?:our|most|many|happy|all|some|so many|other|satisfied|delighted|countless"
        rf"|fellow) (?:\w+ )?{_PEOPLE} (?:\w+ )?(?:say|said|love|swear|rave|agree|recommend|trust|choose|prefer"
        rf"|report|tell|call|adore|buy|switched|approve)s?",
        rf"(?:loved|adored|trusted|approved|praised|tried|chosen|recommended|favou?red|tasted|rated"
        rf"|reviewed) by {_OWN}(?:\w+ )?(?:{_PEOPLE}|{_COUNT}|us|all)",
        rf"{_PEOPLE} (?:can['’]?t stop|cannot stop|keep|swear|rave|recommend|agree|told us|wrote)(?: \w+)?",
        r"(?:happy|satisfied|delighted|thrilled) (?:customers|shoppers|buyers|families|people|cooks)", r"recommend\w*",
        r"endors\w+", r"testimon\w+", r"(?:five|four)[- ]stars?", r"star[- ]rat\w+", r"thumbs up", r"rave reviews?",
        r"reviews?", r"critics?",
    ),
    _rule(
        "health", "A health claim needs competent and reliable scientific evidence.", "Leave it out.",
        rf"{_HELP} (?:away |off |out |up |against |with |your way to )?{_OWN}(?:\w+ )?(?:{_BODY}"
        rf"|{_AILMENT})(?! (?:warm|cup|corner|home|table|on|in|of))",
        rf"(?:good|great|gentle|kind|better|ideal|healthy|wonderful|friendly|best) (?:for|on"
        rf"|to) {_OWN}(?:\w+ )?(?:{_BODY}|{_AILMENT})",
        rf"(?:keeps?|wards?|chases?|drives?|sends?|holds?) {_OWN}(?:\w+ )?(?:{_AILMENT}|doctors?|germs) (?:away|off"
        rf"|at bay|out|packing)",
        r"(?:sleep|rest) (?:\w+ )?(?:better|longer|deeper|sounder)",
        r"(?:feel|look|live|age|grow) (?:\w+ )?(?:younger|healthier|slimmer|stronger|fitter|leaner|slower)", r"live longer",
        r"(?:lose|drop|shed) (?:weight|inches|pounds|kilos|fat)", r"weight", r"slim\w*", r"skinny", r"fitness", r"calorie\w*",
        r"dieting", r"burns? (?:fat|calories)", r"super-?foods?", r"medicin\w*", r"remed(?:y|ies)", r"therap\w+",
        r"heal(?:s|ing)?", r"cure[sd]?", r"wellness", r"immun\w+", r"detox\w*", r"toxins?", r"pro-?biotics?",
        r"vitamins?", r"electrolytes", r"hydrat\w+", r"energi[sz]\w+", r"(?:more|extra|natural|all-day|boost of) energy",
        r"stamina", r"anti-?(?:ag(?:e?ing)|inflammatory|oxidants?|bacterial|viral)", r"keto", r"symptoms?",
        r"doctor['’]?s? (?:orders|visit|approved)", r"stay(?:s|ing)? (?:healthy|fit|well|young|strong)",
        r"(?:joint|muscle|back|knee) (?:pain|relief|health)", r"pain relief", r"relief from",
        r"good night['’]s (?:sleep|rest)", r"beauty sleep",
    ),
    _rule(
        "green", "A general environmental claim needs its grounds.", "Leave it out.",
        rf"(?:good|kind|kinder|better|gentle|gentler|friendly|safe|easy|easier|light|lighter|great) (?:to|for|on"
        rf"|with) {_OWN}(?:mother )?(?:planet|earth|nature|environment|climate|oceans?|bees|future|world|forests?"
        rf"|rivers?|seas?)",
        r"(?:planet|earth|climate|eco|environment\w*|ocean|nature|bee|dolphin|wildlife|forest)[- ](?:friendly|safe"
        r"|positive|neutral|conscious|smart|wise|approved)",
        r"carbon", r"emissions?", r"(?:smaller|lower|lighter|tiny) footprint", r"sustainab\w+", r"recycl\w+", r"renewable",
        r"compostable", r"biodegrad\w+", r"plastic[- ]free", r"zero[- ]waste", r"greener",
        r"green (?:choice|pick|option|product|alternative|promise|cleaning|living)", r"net[- ]zero",
        r"(?:save|saves|saving|protects?|helps?) (?:the |our )(?:planet|earth|oceans?|bees|world|forests?"
        r"|environment|climate)", r"ethical\w*", r"low[- ]impact", r"less plastic", r"upcycled", r"eco\w*",
    ),
    _rule(
        "made_in", "An origin claim needs proof.", "Leave it out.",
        r"(?:made|grown|produced|roasted|brewed|baked|crafted|designed|born|raised|bottled|packed|caught|milked"
        r"|harvested) (?:right |proudly |lovingly |only )?(?:in|on|at|across|near) (?:the )?(?-i:[A-Z])\w+",
        r"(?:imported|straight|flown|shipped|direct|directly|fresh|all the way|sourced|comes?|brought"
        r"|hails?) (?:in )?from (?:the )?(?:\w+ of )?(?-i:[A-Z])\w+", r"(?-i:[A-Z][a-z]+)-(?:made|grown|born|raised|bred)",
        rf"{_NATION} (?:\w+ )?(?:made|recipes?|origin|traditions?|quality|craft\w*|farms?|soil|sun|hills|mountains"
        rf"|sea|waters|kitchens?|makers?|villages?|grown)", r"product of (?-i:[A-Z])\w+", r"home[- ]?grown", r"imported",
    ),
)  # fmt: skip

# What one sentence of English never has two of: the small words of neighbouring languages that are no English words.
FOREIGN = re.compile(
    r"\b(?:der|das|und|ist|nicht|mit|für|fur|ihr|ihre[mnrs]?|sie|wir|heute|kommen|bringen|unsere?n?|gibt|ein"
    r"|eine[nmrs]?|auch|noch|zum|zur|bei|von|el|los|las|una|unos|para|con|por|su|sus|nuestra|nuestro|todos|venga\w*"
    r"|esta|este|hoy|muy|más|y|que"
    r"|le|les|des|une|avec|pour|vous|votre|vos|nous|notre|dans|chez|est|sont|et|il|lo|gli|della|dello|di|per|vostra"
    r"|vostro|nostri|venite|sono|nel|een|het|voor|uw|onze|wij|niet|och|för|din|vår|är|com|seu|sua|uma|nosso|você|não"
    r"|em|na|jest|nie|dla|się|i)\b",
    re.IGNORECASE,
)
