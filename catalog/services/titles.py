"""Readable titles from the shelf language of a grocery catalogue: "PEPPERS GREEN BELL", "16 OZ" is Green Bell Peppers, 16 oz.

Pure text rules over product type, category and size. The Complete Journey files name no brand beyond "Private" and
"National", drop vowels and cut a name after 30 characters; what they do not say stays unsaid.
"""

import re
from collections.abc import Mapping

CUT_AT = 30  # a name of this length was probably cut, so its last word may be half a word
LONGEST = 60  # a subject line shows about this much


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What rules alone would leave odd, most often bought first.
WHOLE: Mapping[str, str] = {
    "FLUID MILK WHITE ONLY": "White Milk",
    "FLUID MILK PRODUCTS": "Milk",
    "SOFT DRINKS 12/18&15PK CAN CAR": "Soft Drink Cans",
    "SOFT DRINKS 20PK&24PK CAN CARB": "Soft Drink Cans",
    "SFT DRNK 2 LITER BTL CARB INCL": "Soft Drink Bottle",
    "SFT DRNK SNGL SRV BTL CARB (EX": "Soft Drink, Single Serve",
    "SFT DRNK MLT-PK BTL CARB (EXCP": "Soft Drink Bottles",
    "YOGURT NOT MULTI-PACKS": "Yogurt",
    "YOGURT MULTI-PACKS": "Yogurt Multipack",
    "SS ECONOMY ENTREES/DINNERS ALL": "Frozen Dinner",
    "FRZN SS PREMIUM ENTREES/DNRS/N": "Premium Frozen Dinner",
    "FRZN SS PREMIUM ENTREES/DNRS/T": "Premium Frozen Dinner",
    "FRZN MULTI SERVE ENTREES ALL": "Frozen Family Meal",
    "FRZN MEAT/MEAT DINNERS": "Frozen Dinners",
    "BEERALEMALT LIQUORS": "Beer or Ale",
    "SNACK CAKE - MULTI PACK": "Snack Cakes",
    "DAIRY CASE 100% PURE JUICE - O": "Pure Juice",
    "DAIRY CASE JUICE DRNK UNDER 10": "Juice Drink",
    "DAIRY CASE FRUIT DRINKS (NO JU": "Fruit Drink",
    "DAIRY CASE TEA WITH SUGAR OR S": "Sweetened Iced Tea",
    "DAIRY CASE CITRUS PNCH/OJ SUBS": "Citrus Punch",
    "IWS SINGLE CHEESE": "Cheese Slices",
    "RTS SOUP: CHUNKY/HOMESTYLE ET": "Chunky Soup",
    "MEXICAN SAUCESSALSAPICANTEE": "Salsa",
    "MEXICAN SOFT TORTILLAS AND WRA": "Soft Tortillas",
    "MEXICAN TACO TOSTADO SHELLS": "Taco Shells",
    "HISPANIC": "Mexican Food",
    "NON-CRBNTD DRNKING/MNERAL WATE": "Drinking Water",
    "NON-CARB FLVRD DRNKNG/MNRL WAT": "Flavored Water",
    "NON-CARB WATER FLVR - DRNK/MNR": "Flavored Water",
    "SGL SV/VEND MACH SNACKS CHIP/P": "Single-Serve Snacks",
    "SWEET GOODS - FULL SIZE": "Sweet Pastries",
    "SW GDS:DONUTS": "Donuts",
    "SEMI-SOLID SALAD DRESSING MAY": "Mayonnaise",
    "GARBAGE KITCHEN COMPACTOR BA": "Kitchen Garbage Bags",
    "FACIAL TISSUE & PAPER HANDKE": "Facial Tissues",
    "PLSTC CTLRYTBLCLTHSTTHPKSST": "Plastic Cutlery",
    "PRESERVES JAM MARMALADE": "Jam and Marmalade",
    "BUTTER SPRAY CRACKER (RITZ/CLU": "Butter Crackers",
    "MALTED MLK/SYRUP/PWDRS (EGGNOG": "Malted Milk",
    "REFRIGERATED SPECILATY ROLLS": "Specialty Rolls",
    "TOMATOES: STEWED/DICED/CRMD": "Canned Tomatoes",
    "TOMATOES HOTHOUSE ON THE VINE": "Tomatoes on the Vine",
    "TRAY PACK/CHOC CHIP COOKIES": "Chocolate Chip Cookies",
    "VAC PAC NUTS(CANS)": "Canned Nuts",
    "FRZN BRD STICK/PORTON": "Frozen Fish Sticks",
    "STICKS/ENROBED": "Frozen Treat Sticks",
    "ICE - CRUSHED/CUBED": "Ice",
    "GASOLINE-REG UNLEADED": "Unleaded Gasoline",
    "GADGETS/TOOLS": "Kitchen Tools",
    "CARDS EVERYDAY": "Greeting Cards",
    "CARDS SEASONAL": "Seasonal Greeting Cards",
    "COUPONS/STORE & MFG": "Coupons",
    "LINKS - RAW": "Breakfast Sausage Links",
    "ROLLS - PORK": "Pork Sausage Roll",
    "SNACKS/APPETIZERS": "Frozen Snacks",
    "SMOKED/COOKED": "Smoked Sausage",
    "CATSUP": "Ketchup",
    "MAINSTREAM WHEAT/MULTIGRAIN BR": "Wheat Bread",
    "PIZZA/ECONOMY": "Pizza",
    "PIZZA/PREMIUM": "Premium Pizza",
    "CANDY BAGS-CHOCOCLATE": "Chocolate Candy",
    "CANDY BAGS-NON CHOCOLATE": "Candy Bag",
    "SEASONAL CANDY BAGS-CHOCOLATE": "Seasonal Chocolate Candy",
    "SEASONAL CANDY BAGS NON-CHOCOL": "Seasonal Candy Bag",
    "BEANS GREEN: FS/WHL/CUT": "Green Beans",
    "VARIETY BEANS - KIDNEY PINTO": "Kidney or Pinto Beans",
    "PREPARED BEANS - BAKED W/PORK": "Baked Beans with Pork",
    "CHICKEN BREAST BONELESS": "Boneless Chicken Breast",
    "CHICKEN BREAST BONE IN": "Bone-In Chicken Breast",
    "ORANGES NAVELS ALL": "Navel Oranges",
    "SOUR CREAMS": "Sour Cream",
    "MACARONI & CHEESE DNRS": "Macaroni and Cheese",
    "SAUCE MIXES GRAVY MIXES DRY": "Sauce or Gravy Mix",
    "NATURAL CHEESE EXACT WT CHUNKS": "Natural Cheese Chunk",
    "NATURAL CHEESE EXACT WT SLICES": "Natural Cheese Slices",
    "POPCORN - MICROWAVE": "Microwave Popcorn",
    "CAN CATFD GOURMET/SUP PREM (GR": "Gourmet Cat Food",
    "CAN DOGFD GOURMET/SUPER PREM (": "Gourmet Dog Food",
    "MEAT: SAUS DRY BULK": "Dry Sausage",
    "GRND/PATTY - FROZEN": "Frozen Ground Meat",
    "REFRIGERATED COOKIES-CHUB": "Chilled Cookie Dough",
    # categories, where they complete a type that names no thing
    "ICE CREAM/MILK/SHERBTS": "Ice Cream",
    "MAKEUP AND TREATMENT": "Makeup",
    "BREAKFAST SAUSAGE/SANDWICHES": "Breakfast Sausage",
    "GREETING CARDS/WRAP/PARTY SPLY": "Greeting Cards",
    "BAG SNACKS": "Snacks",
    "SALAD MIX": "Salad Mix",
    "BEERS/ALES": "Beer or Ale",
    "BAKED BREAD/BUNS/ROLLS": "Bread",
    "MEAT - MISC": "Meat",
    "MISC. DAIRY": "Dairy Products",
    "SEAFOOD - MISC": "Seafood",
    "CANDY - CHECKLANE": "Candy",
    "CANDY - PACKAGED": "Candy",
    "CONVENIENT BRKFST/WHLSM SNACKS": "Breakfast Snacks",
    "FACIAL TISS/DNR NAPKIN": "Tissues and Napkins",
    "HEAT/SERVE": "Heat-and-Serve",
}

WORDS: Mapping[str, str] = {
    "ACCESS": "Accessories", "ACCS": "Accessories", "APPLNCS": "Appliances", "BKD": "Baked", "BN": "Beans",
    "BRD": "Breaded", "BRKFST": "Breakfast", "BTL": "Bottle", "BTR": "Butter", "BVRG": "Beverage",
    "CATFD": "Cat Food", "CHICK": "Chicken", "CHIX": "Chicken", "CHOC": "Chocolate", "CHOCOCLATE": "Chocolate",
    "CHS": "Cheese", "CKYS": "Cookies", "CLEANG": "Cleaning", "CND": "Canned", "CNDLES": "Candles", "CNDY": "Candy",
    "CNTRL": "Control", "CONC": "Concentrate", "CRKR": "Crackers", "CRM": "Cream", "CRMD": "Creamed",
    "CRYSTL": "Crystal", "DAN": "Danish", "DEOD": "Deodorant", "DISHWASH": "Dishwashing", "DNR": "Dinner",
    "DNRS": "Dinners", "DOGFD": "Dog Food", "DPS": "Dips", "DRNK": "Drink", "DRNKING": "Drinking", "DRNKS": "Drinks",
    "DRSNG": "Dressing", "DSH": "Dishes", "ENG": "English", "FD": "Food", "FEM": "Feminine", "FLVR": "Flavored",
    "FLVRD": "Flavored", "FRE": "Fresh", "FRSH": "Fresh", "FRZ": "Frozen", "FRZN": "Frozen", "GDS": "Goods",
    "GRND": "Ground", "HYGN": "Hygiene", "ISOTONIC": "Sports", "JCE": "Juice", "LAWN": "Lawn", "LIQ": "Liquid",
    "MLK": "Milk", "MNRL": "Mineral", "MX": "Mix", "MXS": "Mixes", "OTC": "OTC", "PCKGD": "Packaged",
    "PKGD": "Packaged", "PKLD": "Pickled", "PNCH": "Punch", "PNT": "Peanut", "PREM": "Premium", "PREP": "Prepared",
    "PWDR": "Powder", "PWDRS": "Powders", "REFRGRATD": "Chilled", "REFRIG": "Chilled", "REFRIGERATED": "Chilled",
    "SAL": "Salad", "SALD": "Salad", "SAUS": "Sausage", "SEAFD": "Seafood", "SFT": "Soft", "SHERBTS": "Sherbet",
    "SNDWCH": "Sandwich", "SNKS": "Snacks", "SPLY": "Supplies", "SPRD": "Spread", "STK": "Stick",
    "SUPPPLIES": "Supplies", "SW": "Sweet", "SWEETNERS": "Sweeteners", "SYRP": "Syrup", "TISS": "Tissue",
    "TORT": "Tortilla", "TRSH": "Trash", "VEG": "Vegetable", "WHL": "Whole", "WHLSM": "Wholesome",
    "WORCHESTER": "Worcestershire", "WTR": "Water", "BBQ": "BBQ", "DVD": "DVD", "DVDS": "DVDs", "TV": "TV",
    "LOREAL": "L'Oréal", "COVERGIRL": "CoverGirl", "LEGGS": "L'eggs",
}  # fmt: skip

# Words of the shelf and the label printer that tell a shopper nothing.
NOISE = _set(
    "ALL BLENDS BULK BRANDS CAN CARB CASE CHUB ENHANCED ENROBED ETC EX EXACT EXCEPT EXCP EXTRUDED FOAM FS HBC INC INCL INCLUDING"
    " IQF IWS LITER MAINSTREAM MISC MISCELLANEOUS MLT NEC NON-CARB NOVELTIES ONLY OTHER PACK PK PKG PREPACK PREPORTND"
    " PRIMAL PROD PRPCK REG REGULAR RTS SGL SNGL SRV SS SV TRADITIONAL VALUE VEND WM WT"
)
# A type of these words alone names no thing, so its category does: "PREMIUM" in "ICE CREAM" is Premium Ice Cream.
QUALITIES = _set(
    "ANGUS BETTER BONELESS CHOICE CHUNKS COOKED CUPS DRY ECONOMY ENTREES EVERYDAY EXTRA FOR FRESH FROZEN GARDEN"
    " INDIVIDUAL LARGE LEAN LINKS LIQUID MEAT MEDIUM MICROWAVE MINI NATURAL ORGANIC PATTIES PINTS PLUS POULTRY PREMIUM"
    " PREPARED PROCESSED RAW RIBS ROLLS SEASONAL SELECT SMALL SMOKED SPECIAL SPECIALTY SUPER VARIETY WHOLE X-LARGE YOU"
    " REVLON COVERGIRL MAYBELLINE LOREAL ALMAY"
)
# ... and of these, the ones that follow it: "PATTIES" of "BEEF".
SHAPES = _set("CHUNKS CUPS ENTREES LINKS PATTIES PINTS RIBS ROLLS")
# Catalogues put these before their qualities.
HEADS = _set(
    "APPLES BEANS BREAST BROCCOLI CABBAGE CARROTS CUCUMBERS EGGS GRAPES LETTUCE MACARONI MARGARINE MELONS"
    " MUSHROOMS NOODLES ONIONS ORANGES PEACHES PEARS PEAS PEPPERS PLUMS POTATOES PUDDINGS SPAGHETTI SQUASH TEA TOMATOES"
)
# What stands before a colon and only repeats the counter: "MEAT:HAM BULK", "SW GDS:DONUTS".
COUNTERS = _set("MEAT PREP SW SEAFOOD SV COFF")
PREFIXES = _set("ANTI CO LOW MULTI NON PRE SELF SINGLE X")  # "non-dairy" keeps its hyphen, "SEAFOOD-FRZ" does not
JOINERS = frozenset({"AND", "OR", "WITH", "NOT", "IN", "ON", "THE", "OF", "FOR"})

_HYPHEN = re.compile(r"\b([A-Z]+)-(?=[A-Z])")
_PARENTHESIS = re.compile(r"\([^)]*\)?")
_NUMBER = re.compile(r"[\d.,/%<=$&+-]*\d[\d.,/%<=$&+A-Z-]*")
_SIZE = re.compile(r"(\d*\.?\d+|\d+ \d/\d) ?(OZ|LB|CT|ML|L|GAL?|QT|PT|PK|SQ FT|IN|FT)\*?")
_MANY = re.compile(r"(\d+) ?(?:PK)?[/-] ?(\d*\.?\d+) ?(OZ|ML|L|LB)")
_FOR_ONE = re.compile(r"(\d*\.?\d+ OZ|\d(\.\d+)? LB|1 PT)")
_MEASURES = {"GAL": "1 gal", "HALF GAL": "1/2 gal", "HLF GAL": "1/2 gal", "PT": "1 pt", "QT": "1 qt", "LB": "1 lb"}
_UNITS = {"CT": "count", "PK": "pack", "L": "L", "ML": "ml", "GA": "gal"}


def title(product_type: str | None, category: str | None, department: str | None, size: str | None = None) -> str:
    """A title for people, at most 60 characters before the size; empty when the catalogue says nothing at all."""
    name = _name(product_type, category) or _name(category, None) or _name(department, None)
    # Fruit comes in cases: "40 LB" of bananas is what the store gets, not what a shopper takes home.
    measure = "" if department == "PRODUCE" and not _FOR_ONE.fullmatch(size or "") else readable_size(size)
    return f"{name}, {measure}" if name and measure else name


def readable_size(size: str | None) -> str:
    """ "16 OZ" as "16 oz", "12/12 OZ" as "12 × 12 oz"; empty for what cannot be told apart from a shelf code."""
    text = " ".join((size or "").split())
    if text in _MEASURES:
        return _MEASURES[text]
    if found := _SIZE.fullmatch(text):
        return f"{_amount(found[1])} {_UNITS.get(found[2], found[2].lower())}"
    # A count below the amount would as well be a fraction: "3/4 OZ".
    if (found := _MANY.fullmatch(text)) and int(found[1]) > 1 and (int(found[1]) >= 6 or "PK" in text):
        return f"{found[1]} × {_amount(found[2])} {_UNITS.get(found[3], found[3].lower())}"
    return ""


def _amount(text: str) -> str:
    if "/" in text:
        return text
    whole, point, rest = text.partition(".")
    rest = rest.rstrip("0")
    return f"{whole or '0'}{point if rest else ''}{rest}"


def _name(text: str | None, category: str | None) -> str:
    text = " ".join((text or "").split())
    if text in WHOLE:
        return WHOLE[text]
    words = _words(text)
    if words and all(word in QUALITIES for word in words):
        thing = _name(category, None)
        kept = [word for word in words if not thing or word.lower() not in thing.lower()]
        before, after = ([w for w in kept if (w in SHAPES) == is_after] for is_after in (False, True))
        return _shortened(" ".join(filter(None, [_sentence(before), thing, _sentence(after)])))
    return _shortened(_sentence(words))


def _words(text: str) -> list[str]:
    """The words that mean something, in the order in which one says them."""
    bare = _PARENTHESIS.sub(" ", text)
    was_cut = len(text) >= CUT_AT and bare == text
    head, colon, tail = bare.partition(":")
    if colon and tail.strip():
        bare = tail if head.split()[0] in COUNTERS else f"{tail} {head}"
    bare = bare.replace(" W/", " WITH ").replace("MEN S ", "MEN'S ")
    bare = re.sub(r"[.,;:*\"]|\s-|-\s", " ", bare)
    bare = _HYPHEN.sub(lambda found: found[0] if found[1] in PREFIXES else f"{found[1]} ", bare)
    words = re.sub(r"(?<!\d)[/&](?!\d)", " AND ", bare).split()
    if was_cut and len(words) > 2 and words[-1] not in WORDS:
        words.pop()
    kept: list[str] = []
    for word in words:
        is_new = word == "AND" or word not in kept
        if is_new and len(word) > 1 and word not in NOISE and not _NUMBER.fullmatch(word) and [word] != kept[-1:]:
            kept.append(word)
    kept = _trimmed(kept)
    if len(kept) > 1 and kept[0] in HEADS and not JOINERS.intersection(kept):
        kept = [*kept[1:], kept[0]]
    return kept


def _trimmed(words: list[str]) -> list[str]:
    while words and words[-1] in JOINERS:
        words = words[:-1]
    while words and words[0] in JOINERS:
        words = words[1:]
    return words


def _sentence(words: list[str]) -> str:
    """Words in title case; "A AND B AND C" becomes "A, B and C"."""
    parts = [part.strip() for part in " ".join(_written(word) for word in words).split(" and ")]
    parts = [part for part in parts if part]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _written(word: str) -> str:
    if word in WORDS:
        return WORDS[word]
    if word in JOINERS:
        return word.lower()
    return "-".join(part.capitalize() for part in word.split("-"))


def _shortened(text: str) -> str:
    """At most LONGEST characters, ending with a whole word."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST + 1].rsplit(" ", 1)[0].rstrip(" ,").removesuffix(" and")
