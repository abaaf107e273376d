"""Product classes: what one text can be true for. A class is wide (a shelf of the shop), so its words are few.

A text is written for a class and sent with many products of it, so it may only name what holds for the whole class:
"a slice" is right for bread, "milk" is wrong for dairy, whose reader may get cheese.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from copywriting.contracts import CopyBrief
from copywriting.llm.facts import readable_name

GENERAL = "general"


@dataclass(frozen=True, slots=True)
class ProductClass:
    """`phrase` is what a writer is told; `words` are true for every product of the class; `sign` finds its categories.

    `regulated` marks what a personal message must not push: health, tobacco, alcohol, intimate goods.
    """

    phrase: str
    words: frozenset[str]
    sign: str
    regulated: bool = False


def _class(phrase: str, words: str, sign: str, regulated: bool = False) -> ProductClass:
    return ProductClass(phrase, frozenset(words.split()) | frozenset(re.findall(r"[a-z]+", phrase)), sign, regulated)


EDIBLE = "meal plate table kitchen taste tasty delicious flavor flavors eat bite cook serve recipe family lunch dinner"

# The first class whose sign is found wins, so regulated goods and the narrow ones stand first.
CLASSES: Mapping[str, ProductClass] = {
    "alcohol": _class("beer and wine", "", r"\b(BEER|ALE|WINE|LIQUOR|SPIRITS|RUM|VODKA|COCKTAIL|COOLER)", True),
    "tobacco": _class("tobacco", "", r"\b(CIGAR|TOBACCO|SMOKING CESS)", True),
    "health": _class(
        "health products",
        "",
        r"\b(ANALGESIC|COLD AND FLU|ANTACID|SINUS|LAXATIVE|VITAMIN|DIETARY AID|FIRST AID|PHARMACY|EYE AND EAR|FOOT CARE"
        r"|HOME HEALTH|FITNESS.DIET|INCONTINENCE|FAMILY PLANNING|FEMININE HYGIENE|FEM HYGN|INFANT FORMULA)",
        True,
    ),
    "baby": _class("baby care", "little tiny nursery nap family home", r"\b(BABY|INFANT|DIAPER)"),
    "pets": _class("pet care", "cat dog pets paws tail home family", r"\b(CAT|DOG|PET|BIRD)\b"),
    "flowers": _class(
        "flowers",
        "bloom blooms bouquet petals vase garden water home table color",
        r"\b(FLORAL(?!.*(BALLOON|HARD|ACCESS))|ROSES|BOUQUET|GARDEN CENTER)",
    ),
    "reading": _class(
        "cards, paper and magazines",
        "pages page read reading paper pen card desk",
        r"\b(CARDS|MAGAZINE|NEWSPAPER|STATIONERY)",
    ),
    "cleaning": _class(
        "cleaning and laundry",
        "home kitchen clean cleaning chores floor floors cupboard house",
        r"\b(LAUNDRY|BLEACH|DISHWASH|CLEAN|BROOM|AIR CARE)",
    ),
    "household": _class(
        "household supplies",
        "home kitchen cupboard house",
        r"\b(TISSUE|TISS|PAPER|DISH|FOIL|WRAPS|TRSH|BATTER|ELECTRICAL|HOUSEWARE|CANDLE|KITCHEN|COOKWARE|CHARCOAL"
        r"|HARDWARE|INSECTICIDE|FILTER|PLASTIC|GLASSWARE)",
    ),
    "personal": _class(
        "personal care",
        "bathroom mirror morning routine shower home",
        r"\b(HAIR|ORAL HYGIENE|SOAP|DEODORANT|SHAVING|MAKEUP|COSMETIC|HAND/BODY|BATH\b|FRAGRANCE|PERSONAL CARE|HBC|SUNTAN)",
    ),
    "ice_cream": _class(
        "ice cream and frozen treats",
        f"dessert sweet cool scoop spoon spoons freezer {EDIBLE}",
        r"(ICE CREAM|NOVELTIES|FROZEN PIE)",
    ),
    "frozen": _class("frozen food", f"freezer oven {EDIBLE}", r"\b(FROZEN|FRZN(?! (JCE|ICE)))"),
    "coffee": _class(
        "coffee and tea", f"cup mug kettle morning breakfast brew sip drink {EDIBLE}", r"\b(COFFEE|TEAS?\b|COCOA)"
    ),
    "drinks": _class(
        "drinks",
        f"glass glasses sip thirst thirsty refreshing refresh drink fridge {EDIBLE}",
        r"(DRINK|DRNK|WATER|JUICE|JCE|BEVERAGE)",
    ),
    "dairy": _class(
        "dairy", f"fridge breakfast creamy {EDIBLE}", r"\b(MILK|CHEESE|YOGURT|BUTTER|MARGARINE|DAIRY|EGGS|CREAM)"
    ),
    "bread": _class(
        "bread and bakery",
        f"bread loaf slice breakfast baked baking oven crusty {EDIBLE}",
        r"\b(BREAD|BUNS|ROLLS|PASTRY|DOUGH|BAKERY)",
    ),
    "snacks": _class(
        "snacks",
        f"snack crunch crunchy munch bowl movie {EDIBLE}",
        r"\b(SNACK|RICE CAKES|CHIP|CRACKER|NUTS|POPCORN|CRKR)",
    ),
    "sweets": _class(
        "sweets and cookies", f"sweet treat treats {EDIBLE}", r"\b(CANDY|COOKIE|CAKE|PIE|SWEET(?!N)|DESSERT)"
    ),
    "cereal": _class(
        "breakfast food", f"breakfast morning {EDIBLE}", r"\b(CEREAL|BREAKFAST(?! SAUSAGE)|BRKFST|PANCAKE|SYRUP)"
    ),
    "seafood": _class("seafood", f"fish sea coast lemon pan {EDIBLE}", r"\b(SEAFOOD|SUSHI)"),
    "meat": _class(
        "meat and deli",
        f"grill oven pan hearty {EDIBLE}",
        r"\b(MEAT|BEEF|PORK|CHICKEN|TURKEY|BACON|SAUSAGE|HOT DOG|LAMB|DELI)",
    ),
    "pantry": _class(
        "pantry food",
        f"pantry cupboard shelf {EDIBLE}",
        r"\b(SOUP|SAUCE|PASTA|NOODLE|RICE|SHELF STABLE|CANNED|CONDIMENT|DINNER|HISPANIC|BAKING|FLOUR|SUGAR|SPICE|PICKLE"
        r"|OLIVE|OIL|JELLY|GRAVY|DRY MIX|DRY BN|GROCERY|NUTRITION)",
    ),
    "produce": _class(
        "fruit and vegetables",
        f"fresh crisp garden colorful bowl {EDIBLE}",
        r"\b(FRUIT|VEGETABLE|SALAD|POTATO|TOMATO|ONION|APPLE|BERRIES|GRAPES|CITRUS|PEPPERS|CARROT|MUSHROOM|BROCCOLI|MELON"
        r"|PRODUCE|SQUASH|CORN|HERBS|PEARS|BEANS)",
    ),
    GENERAL: _class("groceries", "", r""),
}

# Things that stand on one shelf only, so a text for a class must not name them unless they are the class.
_THINGS = """
apple apples bagel banana bananas beans beef beer berries berry beverage beverages biscuit biscuits book books bun buns
burger butter cake cakes candy cereal cheese cheesecake chicken chip chips chocolate chocolates cookie cookies corn
crackers cream diaper diapers donut donuts dress egg eggs fries grape grapes ham honey jacket jam juice juices lemon
lemonade meatballs milk muffin muffins noodles nuts oil onion onions orange oranges pancakes pasta pastries pastry peanut
pepper peppers pie pies pizza popcorn pork potato potatoes pretzels pudding rice salad salads salmon salsa sauce sauces
sausage shampoo shoes shrimp smoothie smoothies soap soda soup soups spice spices steak strawberries strawberry sugar
sundae syrup toast toothpaste toy toys tuna turkey vegetable waffles water wine yogurt
"""

# Words of the classes that name no shelf: any message may use them.
_FREE_WORDS = (
    "and care color family food home house little morning page paper products read reading routine shelf supplies table"
    " tiny treat treats"
)

# What belongs to one class, and would be odd in a text about another: not said of the whole class, so no class names it.
_OWN_THINGS: Mapping[str, str] = {
    "baby": "pacifier stroller crib bib bibs wipes",
    "pets": "kibble leash litter whiskers aquarium",
    "flowers": "stems tulips daisies vases",
    "reading": "magazine magazines novel crossword envelope envelopes bookmark",
    "cleaning": "bleach detergent mop sponge disinfectant scrub",
    "household": "batteries lightbulb lightbulbs foil candles",
    "personal": "razor lotion lipstick mascara perfume deodorant conditioner toothbrush",
    "ice_cream": "popsicle sorbet",
    "coffee": "espresso latte teapot teabag cappuccino",
    "drinks": "cola lemonades seltzer",
    "dairy": "cheddar",
    "bread": "croissant croissants sourdough baguette baguettes",
    "snacks": "nachos",
    "sweets": "lollipop caramel fudge gum",
    "cereal": "oatmeal granola porridge",
    "seafood": "lobster crab oysters prawns mussels",
    "meat": "brisket ribs meatball burgers",
    "pantry": "ketchup mustard mayo vinegar ravioli spaghetti",
    "produce": "carrots carrot lettuce spinach cucumber broccoli avocado pear pears peach peaches plums mango melon",
}

THINGS = (
    frozenset(_THINGS.split()).union(
        *(entry.words for entry in CLASSES.values()), *map(str.split, _OWN_THINGS.values())
    )
) - set(_FREE_WORDS.split())


def classify(category: str | None, department: str | None = None) -> str:
    """The class of a catalogue category: ("FLUID MILK PRODUCTS", "GROCERY") is "dairy"; "general" when nothing fits."""
    for text in (category, department):
        known = (text or "").upper()
        for key, entry in CLASSES.items():
            if entry.sign and re.search(entry.sign, known):
                return key
    return GENERAL


@cache
def find(product_class: str) -> str | None:
    """The key for what a brief says: a key itself, or a catalogue category or type; None for another trade's words."""
    if product_class in CLASSES:
        return product_class
    key = classify(product_class)
    return None if key == GENERAL else key


def spoken_of(brief: CopyBrief) -> str:
    """What a text for this brief may be about: its product's class, or no class where readers find goods of several."""
    several = len({find(one) for one in (brief.product_class, *brief.sent_with)}) > 1
    return GENERAL if several else brief.product_class


def shelf(brief: CopyBrief) -> str:
    """The same as a key of CLASSES: another trade's class, which we do not know, is none."""
    return find(spoken_of(brief)) or GENERAL


def phrase(product_class: str) -> str:
    """The class as a writer reads it."""
    key = find(product_class)
    return CLASSES[key].phrase if key else readable_name(product_class).lower()


def names(words: list[str], product_class: str) -> bool:
    """Whether one of the words belongs to the class, so the text is about something."""
    key = find(product_class)
    return key is not None and any(word in CLASSES[key].words and word in THINGS for word in words)


def misfits(words: list[str], product_class: str) -> list[str]:
    """The words that name a thing of another class. A class we do not know is not judged."""
    key = find(product_class)
    own = CLASSES[key].words.union(_OWN_THINGS.get(key, "").split()) if key else frozenset()
    return [word for word in words if word in THINGS and word not in own] if key else []
