"""Rules that a list of words decides, as data: name, severity, pattern, reason, remedy. English.

A pattern runs over text in which every slot is masked, so no fact can set a rule off and no rule can hide in a slot.
The Federal Trade Commission asks for substantiation before a claim, and has rules of its own for "free" and for
testimonials; China's Advertising Law, article 9, bars absolutes. A writer has no evidence, so it makes no claim.
"""

import re
from dataclasses import dataclass

from copywriting.contracts import ERROR, WARNING

VERSION = "5"


@dataclass(frozen=True, slots=True)
class WordRule:
    """`advice`: an error in a machine's text and a warning in a person's, who may know what is meant."""

    rule: str
    severity: str
    pattern: re.Pattern[str]
    message: str
    remedy: str
    advice: bool = False


def _rule(rule: str, severity: str, pattern: str, message: str, remedy: str, *, advice: bool = False) -> WordRule:
    return WordRule(rule, severity, re.compile(pattern, re.IGNORECASE), message, remedy, advice)


WORD_RULES = (
    _rule(
        "number",
        ERROR,
        r"\d+|\b((thir|four|fif|six|seven|eigh|nine)teen|(twen|thir|for|fif|six|seven|eigh|nine)ty|dozens?|hundreds?"
        r"|thousands?|millions?|half (price|off|as)|(a|one) (third|fifth|tenth) (more|less|off|as)"
        r"|twice|double|triple|buy one|one (day|week|time|hour) only"
        r"|(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve) (times|per ?cent|dollars|of our))\b",
        "A number that no fact backs.",
        "Use a slot: {offer}, {price}, {end} or {size}.",
    ),
    _rule(
        "number",
        ERROR,
        r"\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half|quarter)\b",
        "A number that no fact backs.",
        "Use a slot, or be sure that it counts nothing.",
        advice=True,
    ),
    _rule(
        "money",
        ERROR,
        r"[$€£¥₹%‰]|\b(dollars?|cents?|bucks|euros?|pounds?|percent|per cent|discount(s|ed)?|sales?|coupons?"
        r"|vouchers?|rebate|cash ?back|clearance|bargains?|cheap(er|est)?|lowest|prices?|money"
        r"|afford(able)?|inexpensive|budgets?|mark(ed|s)? down|costs? (you )?(less|nothing)|(pay|spend) (only|just|less"
        r"|nothing)"
        r"|pocket the difference|(grocery|shopping|food) bills?|bogo|(two|three) for (one|two)|a steal"
        r"|saves?(?= (\d|on|up|big|more|with|when|at|now|_))|savings|saving(?= (money|big|up|on|more))"
        r"|off (your|the|all|any))\b",
        "A price, percentage or saving that no fact backs.",
        "Say {offer} or {price} instead.",
    ),
    _rule(
        "date",
        ERROR,
        r"\b(((next|this|last|on|until|by|till|from|only|every) )(mon|tues|wednes|thurs|fri|satur|sun)days?( (morning"
        r"|only))?"
        r"|today|tomorrow|yesterday|weekends?|next (week|month|year)|this (month|year|season)"
        r"|christmas|easter|thanksgiving|halloween|holidays?|birthdays?|anniversary|(black|good) friday|cyber monday"
        r"|prime day"
        r"|(mother|father|valentine|veteran|president|st\.? patrick|new year)'?s'? (day|eve)|new year|labor day|memorial day"
        r"|independence day|super ?bowl|world cup|olympics|ramadan|eid|diwali|hanukkah|passover|kwanzaa|o'clock"
        r"|graduation)\b",
        "A date or an occasion that is not in the brief.",
        "Use {end}, or leave the time out.",
    ),
    _rule(
        "date",
        ERROR,
        r"\b((mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july|august|september|october"
        r"|november|december|tonight)\b",
        "A day or a month that is not in the brief.",
        "Use {end}, or be sure that it names no date.",
        advice=True,
    ),
    _rule(
        "deceptive",
        ERROR,
        r"\b(your|an?|the) (order|delivery|package|parcel|invoice|receipt|payment|account|refund) (has|is|was|will"
        r"|needs|could)\b"
        r"|\b(order|delivery|shipping|account|payment|invoice|parcel) (update|notice|alert|number|confirmation|status"
        r"|suspended)\b"
        r"|\b(action required|final notice|verify your|confirm your (order|address|account))\b",
        "It reads like a notice about an order: an advertisement must not look like one.",
        "Say what the message is about.",
    ),
    _rule(
        "free",
        ERROR,
        r"(?<!-)\bfree\b|\b(freebies?|gifts?|giveaways?|prizes?|win|bonus|complimentary|on us|on the house|rewards?|points"
        r"|gratis|(at|for|with) (no|zero) (extra )?(charge|cost)|without charge|for nothing|no charge)\b"
        r"|(?<!-)\bfree of charge\b",
        "Something is promised for free.",
        "Only {offer} says what the customer gets.",
    ),
    _rule(
        "claim",
        ERROR,
        r"\b\w+-free\b|\b(guarantee[sd]?|proven|clinically|certified|awards?|award-winning|organic|natural|naturally|health"
        r"|(grass|corn)-fed|free-range|wild-caught|fair-?trade|non-gmo|gmos?|gluten|vegan|kosher|halal|additives?"
        r"|preservatives"
        r"|pesticides?|hormones?|artificial|genuine|patented|imported|dermatolog\w+|vets?|veterinar\w+|dentists?|scientists?"
        r"|nutritionists?|scientific\w*|visibly|(removes?|kills?|destroys?|eliminates?) (all|any|every|tough|germs"
        r"|bacteria|stains?)"
        r"|(younger|firmer|whiter|smoother)( looking)? (skin|teeth|hair)|(lasts?|works?) (longer|faster|twice)"
        r"|lab[- ]tested|approved by"
        r"|baked this|(our|its) own (oven|bakery|kitchen)|old family recipe|secret recipe"
        r"|healthy|healthier|nutritious|vitamins?|protein|calories?|low[- ]fat|sugar[- ]free|home-?made"
        r"|hand-?(made|picked|crafted)|local|locally"
        r"|farm|farmers|(made|baked|cooked|picked|brewed|packed) (fresh|with|from|by|in|to)|freshly|ingredients?|chefs?"
        r"|authentic|sustainable|eco|experts?|doctors?|(loved|trusted|recommended) by|customers (say|love)|reviews?|rated"
        r"|recommends?|(high|top|premium)[- ]quality|luxurious|famous|trend(y|ing)|brand[- ]new|just (arrived|in))\b",
        "A claim about the product that needs evidence.",
        "Speak of the reader's day, not of what the product is or does.",
    ),
    _rule(
        "claim",
        ERROR,
        r"\b(quality|luxury|secret|popular|trends?|save)\b",
        "It reads like a claim about the product.",
        "Say it plainly, or be sure that it claims nothing.",
        advice=True,
    ),
    _rule(
        "absolute",
        ERROR,
        r"\b(best(?! (part|bit|way|time|served|eaten|left|kept|friends?|enjoyed|shared|seat|spot|moment|guess"
        r"|foot)\b)|perfect|perfectly|ultimate|unbeatable|number one|finest|greatest|unique|exclusive|exclusively"
        r"|incredible"
        r"|amazing|unmatched|world'?s|top (quality|rated|choice|brand|class|notch|selling|pick|marks|tier|product"
        r"|store|shop|name|spot)|at the top of"
        r"|must-have|most \w+|\w+est ever|(all|any|every)(thing|one|body) (you|we) (need|want|love|could|wish|dream|hope|deserve)"
        r"|can'?t go wrong|nothing (beats|like|compares)|unriva\w+|unequal\w+|unparallel\w+|peerless|flawless|legendary"
        r"|supreme"
        r"|world[- ]class|first[- ]class|second to none|like no other|(comes?|come even) close|nowhere else|(than"
        r"|from) any other"
        r"|in (the (whole )?(world|country)|town)|the only (\w+ ){1,2}(you|that|worth)|better than|\w+er than (any|all"
        r"|every)\w*)\b",
        "An absolute or a superlative.",
        "Say it plainly.",
    ),
    _rule("absolute", ERROR, r"\b(never|always|best|top)\b", "An absolute.", "Say it plainly.", advice=True),
    _rule(
        "urgency",
        ERROR,
        r"\b(hurry|last (chance|call|few|ones|minute)|(do not|don'?t) (miss|wait|delay)|limited|act (now|fast|quickly)"
        r"|be fast"
        r"|while (supplies|stocks?|they last|it lasts)|runn?ing (out|low|short)|going, going|(before|until|once) (it"
        r"|they)( is|'s| are) gone"
        r"|gone (for good|fast|soon)|(only|just) a few|(few|\w+) left in stock|few(er)? left|almost (over|gone)"
        r"|too late|ends? soon|now or never|(sold|sell|selling) out|in stock|going fast|final)\b",
        "Pressure that no stock figure or date backs.",
        "Give the end with {end}.",
    ),
    _rule(
        "service",
        ERROR,
        r"\b(deliver(y|ed|s|ing)?|ship(s|ped|ping)?|doorsteps?|to (the|your) doors?|at your doors?|click|links?|website"
        r"|web site"
        r"|scan|qr|tap (here|below|to)|money back|refund(s|ed)?|cancel|curbside|drive[- ]thr\w+|same[- ]day"
        r"|within the hour|hotline"
        r"|log ?in|register|around the clock|we (bring|carry) (\w+ ){1,3}(up |over )?to your (home|house|kitchen|car)"
        r"|online|apps?|subscrib\w+"
        r"|sign(ing)? up|call us|text us|reply|download|book(ing)? (a|your)|reserve|refunds?|returns"
        r"|catering|menu|restaurant|waiters?|bakers?|cafe)\b",
        "A service or a way to buy that is not in the brief.",
        "Leave the how to the button of the message.",
    ),
    _rule(
        "presumption",
        ERROR,
        r"(?<![a-z] )\byou(r family)?('ve| have| had)?( just| already| finally)? "
        r"(been|seen|received|bought|ordered|gave|given|got|gotten|tried|made"
        r"|won|chosen|chose|eaten|ate|moved|said|asked|told|visited|loved|passed|saved)\b"
        r"(?! (good|kind|great|so (good|kind)|with us|part of|our|us|this place|the place|room|here))|\byou (seem|look tired"
        r"|appear)\b|\bcongratulations\b"
        r"|\byour (orders?|purchases?|payments?|account|subscription|package|parcel|diet|weight|age|baby|job|boss"
        r"|wedding|divorce"
        r"|pregnancy|newborn|illness|disease|condition|symptoms?|allerg\w+|diabetes|debts?|income|salary|religion|faith"
        r"|church"
        r"|(dry|oily|bad|aging|sensitive) skin|wrinkles|(thin\w*|gray) hair)\b"
        r"|\b(has|have) arrived\b",
        "It tells readers what they did or who they are, and no fact backs it.",
        "Say what we have for them.",
    ),
    _rule(
        "mood",
        ERROR,
        r"\b(goodbye|bye|beware|sorry|worr(y|ies|ied)|problems?|trouble|bad|wrong|lies?|lost|lose|losing"
        r"|alone|lonely|stops?|fail\w*|fight\w*|sick|pain\w*|fear|afraid|scar(ed|y)|sad|angry|stress\w*|waste\w*"
        r"|god|bless\w*|heaven|unseen|too (much|many)|secrets?)\b",
        "A dark or careless word that has no place in an offer.",
        "Keep it light.",
    ),
    _rule(
        "toxicity",
        ERROR,
        r"\b(hate\w*|dies?|dead|death|war|kill\w*|fat|ugly|stupid|idiots?|dumb|crazy|naked|sexy|drunk|drugs?|hell|damn|crap"
        r"|losers?|trash|fatt(y|ies)|morons?|jerks?|bastards?|bitch\w*|shit\w*|screw you|sucks?|freaks?|dumm(y|ies)"
        r"|lazy (ass|bum))\b",
        "A word that insults or shocks.",
        "Delete it.",
    ),
    _rule(
        "negation",
        ERROR,
        r"\b(no|not|none|nobody|nothing|nowhere|neither|nor|cannot|without|lack|\w+n't|\w+n’t|dont|cant)\b",
        "It says what is not. A small model loses the thread there, and a reader skims past the not.",
        "Say what is.",
    ),
    _rule(
        "voice",
        ERROR,
        r"\b(I|me|my|mine|myself|he|she|him|his|her|hers|they|them|their|theirs|customers?|shoppers?|clients?|ladies"
        r"|gentlemen"
        r"|guys|kids|children|mom|dad|mother|father|husband|wife|son|daughter|grandma|grandpa|someone|somebody|man|woman|men"
        r"|women|(a|your|our|best|new) friends?)\b|\bI'",
        "It does not speak from the shop to the reader, or it guesses who is at home.",
        'Write "we" and "you".',
    ),
    _rule(
        "residue",
        ERROR,
        r"[*#<>\[\]|\\~^`\"“”„«»=@\u2022]+|https?:|www\.|\.com\b|(?-i:\b[A-Z]\w+:)|\b(sure|certainly|of course)[,!]"
        r"|\bhere('s| is| are) (a|an|the|your|my|some)\b|\bas an? (ai|assistant|language model)\b|\b(best|kind"
        r"|warm) regards\b|\bsincerely\b"
        r"|\b(subject line|slots?|audience|segment|template|placeholders?|rewrite|prompt)\b|\b(note that|remember,"
        r"|in conclusion|dear (customer|friend|sir))",
        "Left over from the briefing or from the model's way of talking.",
        "Delete it.",
    ),
    _rule(
        "residue",
        ERROR,
        r"\b(subject|body|topic|readers?|e-?mails?|newsletter|sentences?|paragraphs?|instructions?)\b",
        "A word of the briefing more often than of a shop.",
        "Delete it, or be sure that it is meant for the reader.",
        advice=True,
    ),
    _rule("shouting", WARNING, r"(?-i:\b[A-Z]{4,}\b)|!!+", "Capitals or exclamation marks shout.", "Write it plainly."),
    # What the fresh set missed, in general terms: synonyms and forms of words, not its sentences.
    _rule(
        "money",
        ERROR,
        r"\b(wallets?|purse|pocketbook|thrift\w*|(more|your|keep|in) cash|for less(?! \w+ing)"
        r"|(great|good|real|amazing|more) value|value for"
        r"|economical|low(er)?[- ]cost|costs? (about|as much|next to)|slash\w*|fivers?|tenners?|(pay|pays|spend|paying"
        r"|spending)"
        r" (less|under|below)|under a (buck|dollar|fiver))\b",
        "A price or a saving that no fact backs.",
        "Say {offer} or {price} instead.",
    ),
    _rule(
        "date",
        ERROR,
        r"\b(back[- ]to[- ]school|(first|second|third|fourth|fifth) of (may|july|[a-z]+ber|[a-z]+uary)|midnight"
        r"|trick[- ]or[- ]treat"
        r"|game day|payday|boxing day|mardi gras|cinco de mayo|oktoberfest|election day|april fools?|tax day|prom night)\b",
        "A date or an occasion that is not in the brief.",
        "Use {end}, or leave the time out.",
    ),
    _rule(
        "free",
        ERROR,
        r"\b(raffles?|sweepstakes?|lotter(y|ies)|tombola|jackpot|enter (to|and|our|the) \w+|(a|little|small"
        r"|welcome) presents?"
        r"|(costs?|costing) (you )?nothing|no strings|buy one|(free )?samples?(?= (for you|at|is|waits)))\b",
        "Something is promised for free.",
        "Only {offer} says what the customer gets.",
    ),
    _rule(
        "claim",
        ERROR,
        r"\b((humane|ethical|responsib|sustainab|organical|careful|fresh|loving)\w* (raised|sourced|grown|caught|made"
        r"|farmed|harvested"
        r"|picked)|(raised|sourced|grown|farmed|harvested|caught|reared) (on|in|from|without|with|by)|pasture\w*"
        r"|happy (cows|hens"
        r"|chickens|pigs)|hypoallergenic|antioxidants?|moisturi[sz]\w*|nourish\w*|whiten\w*|(low|high|rich) in \w+"
        r"|packed with"
        r"|real (fruit|cream|butter|cheese|meat|milk|sugar|chocolate|vanilla|juice)|(without|free (of|from)) (chemicals?"
        r"|colou?rs?"
        r"|flavou?rs?|sugar|salt)|tested (in|by|on)|lasts? (for )?(years|a lifetime|forever|ages)"
        r"|(baked|picked|caught|brewed|roasted|packed|made) (an? |this |just )(hour|minute|moment|morning|day|week)s?"
        r"|(softer|younger|firmer|clearer|brighter|stronger|shinier|smoother) (skin|hair|teeth|nails|smile)"
        r"|(skin|hair|teeth|nails|smile) (\w+ )?(softer|younger|firmer|clearer|brighter|stronger|shinier|smoother|whiter)"
        r"|(remove|kill|destroy|eliminate)s? (\w+ )?(germs|bacteria|viruses|odou?rs?|stains?)"
        r"|(vet|doctor|dentist|expert|lab)s?[- ](approved|tested|recommended))\b",
        "A claim about the product that needs evidence.",
        "Speak of the reader's day, not of what the product is or does.",
    ),
    _rule(
        "absolute",
        ERROR,
        r"\b(perfection|irresistibl\w+|beyond compare|one and only|no (other|one else) \w+|nobody \w+s like|like nobody"
        r"|un(match|rival|beat|surpass|parallel|equal)\w+|incomparabl\w+|matchless|superior|outstanding|extraordinary"
        r"|undisputed"
        r"|gold standard|game[- ]?changer|(league|class) of (its|our) own"
        r"|(?!(?:rest|guest|forest|harvest|interest|request|nearest|latest|honest)\b)\w{3,}est (\w+ )?(ever|around"
        r"|anywhere|you can"
        r"|on (earth|the market)|in (town|the (world|country|city|state|business))))\b",
        "An absolute or a superlative.",
        "Say it plainly.",
    ),
    _rule(
        "urgency",
        ERROR,
        r"\b(blink|before (some|any|every)(one|body)( else)?( takes?| gets?| grabs?| buys?)|(only|just) a (few|handful"
        r"|couple)"
        r"|regrets?|miss (out|it)|time is (up|running|almost)|clock is ticking|won'?t last|asap"
        r"|final hours|countdown|before (it|they)('s| is|'re| are)( all)? gone)\b",
        "Pressure that no stock figure or date backs.",
        "Give the end with {end}.",
    ),
    _rule(
        "service",
        ERROR,
        r"\b(self[- ]check-?out|pay (with|by) (your )?(phone|card)|(monthly|weekly) (plan|box|parcel)|by (post|mail)"
        r"|hotline|dial|call"
        r" ahead|(tap|press|push) the button|swipe|order (ahead|here|now|from home)"
        r"|our (own )?(kitchen|florist|barista|butcher|cooks?|baker|tailor|staff|team) (\w+ )?(cooks?|grills?|ties?"
        r"|bakes?|wraps?|makes?"
        r"|fries|packs?|prepares?)|cooked for you|gift[- ]?wrap\w*)\b",
        "A service or a way to buy that is not in the brief.",
        "Leave the how to the button of the message.",
    ),
    _rule(
        "presumption",
        ERROR,
        r"(?<![a-z] )\byou (stopped|started|quit|skipped|forgot|abandoned|(have not|haven'?t|did not|didn'?t) \w+ed)\b"
        r"|\bwe (saw|noticed|watched|heard about) you\b|\b(now that|since|because) you( are|'re)\b"
        r"|\b(pregnan\w+|divorc\w+|widow\w*|unemployed|laid off|diagnos\w+|overweight|obes\w+|expecting|dinner for one"
        r"|eat alone)\b"
        r"|\byour (\w+ )?(acne|pimples?|rash|eczema|belly|waist(line)?|breath|dandruff|bald\w*|snoring|hangover|bladder"
        r"|menopause"
        r"|depression|anxiety|asthma|arthritis|wrinkles|cholesterol|blood pressure|ex)\b"
        r"|\b(muslims?|jew(s|ish)|christians?|catholics?|hindus?|gays?|lesbians?|transgender|immigrants?|elderly"
        r"|seniors?)\b",
        "It tells readers what they did or who they are, and no fact backs it.",
        "Say what we have for them.",
    ),
    _rule(
        "deceptive",
        ERROR,
        r"\b(parcel|package|order|refund|payment|invoice|account|card|password|subscription|appointment) (\w+ )?(held"
        r"|suspended|locked"
        r"|expire[sd]?|overdue|failed|declined|pending|attached|on hold|blocked)\b|\b(re|fwd?|urgent):|\b(unread|new"
        r"|missed) (message|call)s?\b"
        r"|\bas discussed\b|\bsecurity alert\b",
        "It reads like a notice about something else: an advertisement must not look like one.",
        "Say what the message is about.",
    ),
    _rule(
        "toxicity",
        ERROR,
        r"\b(lazy (pigs?|bums?|slobs?)|shut up|wimps?|disgusting|gross|pathetic|ass(es|hole)?|imbeciles?|cretins?|sissy"
        r"|weaklings?"
        r"|retard\w*|slobs?|scum|filthy|puke|whores?|sluts?|nazis?|psychos?|maniacs?|pigs(?! in)|real men)\b",
        "A word that insults or shocks.",
        "Delete it.",
    ),
    _rule(
        "residue",
        ERROR,
        r"\b(insert (\w+ ){1,3}here|(brand|product|company) name|lorem ipsum|hope this (message|mail|note|email)?"
        r"|finds you well"
        r"|as requested|option [a-d]\b|your campaign|call to action|cta|headlines?|character (limit|count)"
        r"|under the limit|feel free to"
        r"|let me know|tbd|target audience)\b",
        "Left over from the briefing or from the model's way of talking.",
        "Delete it.",
    ),
    _rule(
        "health",
        ERROR,
        r"\b(prevents?|fights?|cures?|heals?|treats?|relieves?|lowers?|reduces?|eases?|sharpens?|boosts?|strengthens?"
        r"|improves?)"
        r" (your |the |dry |joint )?(cancer|osteoporosis|insomnia|diabetes|cholesterol|arthritis|flu|colds?|headaches?"
        r"|pain|inflammation"
        r"|anxiety|depression|bones?|joints?|immun\w+|memory|brain|heart|gut|digestion|metabolism|liver|skin|sleep|focus)\b"
        r"|\b(strong(er)?|healthy) (bones?|heart|joints)\b|\bslim(ming)?( down)?\b|\bweight[- ]loss\b|\bbrain food\b"
        r"|\bsleep deeper\b",
        "A health claim needs competent and reliable scientific evidence.",
        "Leave it out.",
    ),
    _rule(
        "testimonial",
        ERROR,
        r"\b(famil(y|ies)|parents|people|shoppers|buyers|neighbou?rs|fans|cooks|guests|users|members|readers) (say|said"
        r"|tell|told|swear|rave"
        r"|agree|report|love|give|gave)\b|\b(top marks|thumbs up|swears? by|rav(e|es|ing)|out of (five|ten))\b",
        "A testimonial has to be a real customer's.",
        "Quote nobody.",
    ),
)

# Phrases that are true for one kind of reader only. The kind is the segment's; other segments must not be told.
SEGMENT_PHRASES = {
    "lapsing": re.compile(
        r"\b(miss(ed|es)? you|been (a while|too long|a long time|away)|welcome back|come back|back again|not seen you"
        r"|have ?n[o']t seen|have not (seen|heard)|no see|in (ages|months|years)|see you again|return(?! the favor)|long time)\b",
        re.IGNORECASE,
    ),
    "new": re.compile(
        r"\b(welcome to|first(-ever)? (order|visit|time|shop|purchase)|new here|getting to know|glad you (joined|found))\b",
        re.IGNORECASE,
    ),
    "regular": re.compile(
        r"\b(as usual|your usual|(as|are|dear) (a |our )?regulars?|regular customers?|every week|week after week"
        r"|once again)\b",
        re.IGNORECASE,
    ),
    "high_value": re.compile(
        r"\b(loyal|loyalty|valued|vip|big basket|thank you for|deserves?|appreciat\w+|(our|special|with|small) thank(s"
        r"| you))\b",
        re.IGNORECASE,
    ),
    "explorer": re.compile(r"\b(adventur\w+|curious|explor\w+|like to try)\b", re.IGNORECASE),
}

# Talk of what others do, true only with a trend fact.
TREND = {
    "en": re.compile(
        r"\b(more (and more )?(baskets|people|lists|shopping lists)|every(body|one)('s| is| buys| loves| wants)|rising|viral"
        r"|best-?sell(er|ers|ing)|flying off|(others|people|neighbou?rs) (buy|choose|are buying)|talk of the town|(whole"
        r"|entire|half the) (town|street|world|city"
        r"|neighbou?rhood)|all the rage|in demand|hot right now|sensation|craze|talks? (about|of) (it|this|these"
        r"|them)|(everyone|everybody|all|the \w+) (is |are |that )?(everyone|everybody)? ?(talks?|talking|raves?"
        r"|raving) about"
        r"|(drink|snack|flavou?r|taste|dish|look|scent|product|treat|hit|star|pick|favou?rite|bite|dessert|meal|bloom|read) of"
        r" the (summer|winter|spring|fall|autumn|year|season|moment|month|week|day|hour)|(everyone"
        r"|everybody) (wants?|loves?|buys?|craves?"
        r"|is (\w+ing|after|into|in love))|everyone's (list|table|plate|lips|basket)|trend\w*|hyped?"
        r"|(big|huge|smash|runaway|monster|surprise|summer|instant) hit|(crowd|fan|house|staff|shopper|customer|family|cult)[- ]"
        r"(favou?rites?|pleasers?)|buzz(ing|worthy)?|most[- ](loved|wanted|bought|popular|talked)|hot (item|pick|new"
        r"|seller)|cult|taking"
        r" over|by storm|sweeping the|join (the (thousands|millions|crowd|club|others)|thousands|millions|hundreds)"
        r"|as seen (on|in)"
        r"|tik ?tok|instagram|influencers?|(thousands|millions|hundreds|so many|countless|lots|crowds"
        r"|half) of (people|homes|households"
        r"|families|shoppers|neighbou?rs|baskets|readers|customers|kitchens)|in (every|so many) (basket|kitchen|home"
        r"|cart|house)s?"
        r"|fashionable|in vogue|in fashion|favou?rite (in|of) (town|the))\b",
        re.IGNORECASE,
    ),
    "zh-Hans": re.compile(r"越来越多|多了起来|热度|大家都在|流行"),
}

# What makes a text this segment's own. Not exclusive, unlike the phrases above.
HOOKS = {
    "lapsing": r"\b(miss(ed)?|while|back|again|return|long time|saved|see you|drop by|visit|place for you|here with"
    r"|at home here"
    r"|place is|lights on|catch up"
    r"|put (this|something) aside|store feels)\b",
    "new": r"\b(welcome|first|new|meet|hello|joined|joining|glad|start|begin|have you with us|look around|getting to know"
    r"|found your way)\b",
    "regular": r"\b(weeks?|weekly|usual|again|routine|list|basket|favorites?|favourites?|regular|keep|today's shop|next shop"
    r"|know the way|the same walk|shelf you)\b",
    "high_value": r"\b(thank|thanks|appreciate|appreciation|loyal|loyalty|valued|treat|deserve|special|trust|pleasure"
    r"|give a little back|better place|keep us going)\b",
    "explorer": r"\b(new|different|try|discover\w*|discovery|curious|change|explore|adventure|another|good find|swap|idea"
    r"|a go)\b",
}

# A sentence has one of these; what has none is a heading that ran into the body.
VERB = re.compile(
    r"\b(is|are|was|were|be|been|has|have|had|do|does|did|will|can|could|may|might|would|should|let|get|got|make|makes|made"
    r"|take|takes|give|gives|bring|brings|come|comes|go|goes|keep|keeps|find|finds|try|tries|enjoy|pick|add|fill|fills|put"
    r"|treat|thank|thanks|welcome|see|say|says|love|loves|like|likes|need|needs|want|wants|start|starts|stay|know|knows"
    r"|think"
    r"|feel|feels|look|looks|taste|tastes|grab|stock|use|share|save|help|helps|deserve|deserves|call|calls|ask|asks|wait"
    r"|waits"
    r"|meet|meets|turn|turns|set|sets|open|opens|warm|warms|cook|bake|serve|eat|drink|sip|brew|munch|dig|relax|rest|discover"
    r"|explore|change|changes|miss|missed|shop|visit|join|joined|stop|settle|save|saved|kept|picked|appreciate|notice"
    r"|choose|claim|write|reach|earn|earns|slip|slips|run|runs|suggest|ends|raise|sings|read|leave|remember|plan|share"
    r"|swap|slice|snack|pour|mix|clean|wash|walk|drop)\b"
    r"|'(s|re|ll|ve|d)\b",
    re.IGNORECASE,
)

_STOP_WORDS = """
a about after again all an and any are as at be been before but by can come do enjoy for from get give go had has have
here hi how if in into is it its just let like little look made make more no not now of on once one or our out over
own so some something take than that the then there these this those to too try until up us very was way we well what
when where which while who why will with without you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
