"""The words of grocery catalogues: abbreviations, codes that say nothing to a shopper, and whole names no rule gets right.

Collected by reading the 2,379 product types and 304 categories of the Complete Journey data; the files there cut a name
after 30 characters and drop vowels to fit.
"""

from collections.abc import Mapping


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Whole names first: each of these is bought thousands of times, and rules alone would leave them odd.
WHOLE: Mapping[str, str] = {
    "FLUID MILK WHITE ONLY": "White Milk",
    "FLUID MILK PRODUCTS": "Milk",
    "FRZN ICE": "Ice",
    "ICE - CRUSHED/CUBED": "Ice",
    "BEERALEMALT LIQUORS": "Beer and Ale",
    "BEERS/ALES": "Beer and Ale",
    "BAKED BREAD/BUNS/ROLLS": "Bread, Buns and Rolls",
    "BAG SNACKS": "Snacks",
    "BUTTER SPRAY CRACKER (RITZ/CLU": "Butter Crackers",
    "CANDY - CHECKLANE": "Candy",
    "CARDS EVERYDAY": "Greeting Cards",
    "CATSUP": "Ketchup",
    "CONVENIENT BRKFST/WHLSM SNACKS": "Breakfast Snacks",
    "CORN YELLOW": "Yellow Corn",
    "DAIRY CASE 100% PURE JUICE - O": "Pure Juice",
    "DAIRY CASE CITRUS PNCH/OJ SUBS": "Citrus Punch",
    "DAIRY CASE JUICE DRNK UNDER 10": "Juice Drink",
    "DAIRY CASE TEA WITH SUGAR OR S": "Sweetened Iced Tea",
    "DINNER MXS:DRY": "Dinner Mix",
    "DRY BN/VEG/POTATO/RICE": "Dry Beans and Rice",
    "FD WRAPS/BAGS/TRSH BG": "Food Wraps and Bags",
    "FRZN MEAT/MEAT DINNERS": "Frozen Dinner",
    "FRZN SS PREMIUM ENTREES/DNRS/N": "Premium Frozen Dinner",
    "FRZN SS PREMIUM ENTREES/DNRS/T": "Premium Frozen Dinner",
    "SS ECONOMY ENTREES/DINNERS ALL": "Frozen Dinner",
    "FRZN MULTI SERVE ENTREES ALL": "Frozen Family Meal",
    "FRZN GARLIC BREAD/TOAST/STICKS": "Frozen Garlic Bread",
    "FRZN BRD STICK/PORTON": "Frozen Fish Sticks",
    "FRZN NOVELTIES/WTR ICE": "Frozen Treats",
    "GADGETS/TOOLS": "Kitchen Tools",
    "GARBAGE KITCHEN COMPACTOR BA": "Kitchen Garbage Bags",
    "GASOLINE-REG UNLEADED": "Unleaded Gasoline",
    "HISPANIC": "Mexican Food",
    "ICE CREAM/MILK/SHERBTS": "Ice Cream",
    "IWS SINGLE CHEESE": "Cheese Slices",
    "LIQUID SOAP": "Liquid Soap",
    "MACARONI & CHEESE DNRS": "Macaroni and Cheese",
    "MALTED MLK/SYRUP/PWDRS (EGGNOG": "Malted Milk",
    "MEXICAN SAUCESSALSAPICANTEE": "Salsa",
    "MEXICAN SOFT TORTILLAS AND WRA": "Soft Tortillas",
    "MEXICAN TACO TOSTADO SHELLS": "Taco Shells",
    "MAINSTREAM WHEAT/MULTIGRAIN BR": "Wheat Bread",
    "MILK BY-PRODUCTS": "Dairy Products",
    "NON-CRBNTD DRNKING/MNERAL WATE": "Drinking Water",
    "NON-CARB FLVRD DRNKNG/MNRL WAT": "Flavored Water",
    "NON-CARB WATER FLVR - DRNK/MNR": "Flavored Water",
    "PLSTC CTLRYTBLCLTHSTTHPKSST": "Plastic Cutlery",
    "PRESERVES JAM MARMALADE": "Jam and Marmalade",
    "PROCESSED": "Dressings and Dips",
    "PWDR/CRYSTL DRNK MX": "Drink Mix",
    "REFRIGERATED SPECILATY ROLLS": "Chilled Specialty Rolls",
    "SALD DRSNG/SNDWCH SPRD": "Salad Dressing",
    "SEMI-SOLID SALAD DRESSING MAY": "Mayonnaise",
    "SOFT DRINKS 12/18&15PK CAN CAR": "Soft Drinks",
    "SNACK CAKE - MULTI PACK": "Snack Cakes",
    "SWEET GOODS - FULL SIZE": "Sweet Pastries",
    "RTS SOUP: CHUNKY/HOMESTYLE ET": "Chunky Soup",
    "FACIAL TISSUE & PAPER HANDKE": "Facial Tissues",
    "SFT DRNK 2 LITER BTL CARB INCL": "Soft Drinks",
    "SGL SV/VEND MACH SNACKS CHIP/P": "Single-Serve Snacks",
    "TOMATOES HOTHOUSE ON THE VINE": "Vine Tomatoes",
    "TRAY PACK/CHOC CHIP COOKIES": "Chocolate Chip Cookies",
    "VAC PAC NUTS(CANS)": "Canned Nuts",
    "YOGURT NOT MULTI-PACKS": "Yogurt",
    "YOGURT MULTI-PACKS": "Yogurt Multipack",
}

ABBREVIATIONS: Mapping[str, str] = {
    "ACC": "Accessories", "ACCSS": "Accessories", "APPLNCS": "Appliances", "APRL": "Apparel", "ASST": "Assorted", "BBQ": "BBQ",
    "BF": "Beef",
    "BKD": "Baked", "BKFST": "Breakfast", "BLK": "Black", "BN": "Beans", "BNLS": "Boneless", "BRD": "Bread",
    "BRKFST": "Breakfast", "BEV": "Beverage", "BTL": "Bottle", "BTLS": "Bottles", "BTR": "Butter", "BTTR": "Butter",
    "BVRG": "Beverage",
    "CAND": "Candy", "CATFD": "Cat Food", "CHED": "Cheddar", "CHICK": "Chicken", "CHIX": "Chicken", "CHKN": "Chicken",
    "CHNKY": "Chunky", "CHOC": "Chocolate", "CHOCOCLATE": "Chocolate", "CHS": "Cheese", "CKYS": "Cookies",
    "CLEANG": "Cleaning", "CND": "Canned", "CNDLES": "Candles", "CNDY": "Candy", "CNTRL": "Central", "CONC": "Concentrate",
    "CRKR": "Crackers", "CRM": "Cream", "CRMD": "Creamed", "CRMR": "Creamer", "CRSHD": "Crushed", "CRYSTL": "Crystal",
    "DAN": "Danish", "DISPOSIBLE": "Disposable", "DNR": "Dinner", "DNRS": "Dinners", "DOGFD": "Dog Food",
    "DPS": "Dips", "DRNG": "Dressing", "DRNK": "Drink", "DRNKNG": "Drinking", "DRNKS": "Drinks", "DRSNG": "Dressing",
    "DSH": "Dish", "ELEC": "Electric", "FACL": "Facial", "FD": "Food", "FEM": "Feminine", "FLR": "Flour",
    "FLVR": "Flavor", "FLVRD": "Flavored", "FRD": "Fried", "FRSH": "Fresh", "FRT": "Fruit", "FRZ": "Frozen",
    "FRZN": "Frozen", "FZN": "Frozen", "GDS": "Goods", "GRLC": "Garlic", "GRN": "Green", "GRND": "Ground",
    "HNDKE": "Handkerchiefs", "HYGN": "Hygiene", "ISOTONIC": "Sports", "JCE": "Juice", "LNCH": "Lunch",
    "LQD": "Liquid", "LT": "Light", "MARG": "Margarine", "MED": "Medium", "MLK": "Milk", "MNRL": "Mineral",
    "MSHRM": "Mushroom", "MUSH": "Mushrooms", "MUSTAR": "Mustard", "MX": "Mix", "MXS": "Mixes", "NAT": "Natural",
    "ORG": "Organic", "PCKGD": "Packaged", "PICKLD": "Pickled", "PKGD": "Packaged", "PKLD": "Pickled",
    "PNCH": "Punch", "PNT": "Peanut", "PORTON": "Portions", "PREM": "Premium", "PREP": "Prepared", "PRESLCD": "Presliced",
    "PTTY": "Patty",
    "PWDR": "Powder", "PWDRS": "Powders", "REFRGERATD": "Chilled", "REFRGRATD": "Chilled", "REFRIG": "Chilled",
    "REFRIGERATED": "Chilled", "RW": "Raw", "SAL": "Salad", "SALD": "Salad", "SAND": "Sandwich", "SAUS": "Sausage",
    "SEAS": "Seasonal", "SFT": "Soft", "SHLFSH": "Shellfish", "SHERBTS": "Sherbets", "SKNLS": "Skinless", "SLCD": "Sliced",
    "SMKD": "Smoked",
    "SNDWCH": "Sandwich", "SNKS": "Snacks", "SPCLTY": "Specialty", "SPECILATY": "Specialty", "SPLY": "Supplies",
    "SPRD": "Spread", "STK": "Stick", "STRWBRY": "Strawberry", "SUPPPLIES": "Supplies", "SW": "Sweet", "SWT": "Sweet",
    "SYRP": "Syrup", "TISS": "Tissue", "TOM": "Tomato", "TORT": "Tortilla", "TRKY": "Turkey", "TRSH": "Trash",
    "VAN": "Vanilla", "VEG": "Vegetable", "VGTBL": "Vegetable", "WHL": "Whole", "WHLSM": "Wholesome", "WHT": "White",
    "WORCHESTER": "Worcestershire", "WTR": "Water", "YLW": "Yellow", "YOG": "Yogurt",
}  # fmt: skip

# Codes of the shelf, the case and the label printer. None tells a shopper what the thing is.
NOISE = _set(
    "ALL BULK BRANDS CAR CARB CASE CHUB CONSUMER ENROBED ETC EX EXACT EXCEPT EXCP EXCL EXTRUDED FRE FS GD HBC HH INC INCL"
    " INCLUDING IQF IWS LBS LITER MISC MISCELLANEOUS MLT NEC NKA NOVELTIES ONLY OTHER OTYHER OVER PACK PK PPK PKG PREPACK"
    " PREPORTND PRPCK PROD REG RETL RTS SGL SIZE SNGL SRV SS SUP SV TRANS UNDER VEND WM WT"
)

# Words that name a quality without a thing: "PREMIUM" alone needs its category, "Premium Ice Cream".
QUALITIES = _set(
    "ANGUS BLENDS CHOICE COOKED FRESH GARDEN LEAN NATURAL ORGANIC PLUS PREMIUM RAW SEASONAL SELECT SMOKED"
    " SPECIALTY SUPER VARIETY WHOLE"
)

# ... and those that mean nothing to a shopper, or would be a claim: they go even when the thing is known.
TRADE_QUALITIES = _set("BASIC BETTER BLENDS ECONOMY ENHANCED FOR MAINSTREAM PLUS PRIMAL REGULAR TRADITIONAL VALUE YOU")

# Shapes follow the thing they are a shape of: "PATTIES" of "BEEF" are beef patties.
SHAPES = _set("CHUNKS CONES CUPS ENTREES LINKS PATTIES PINTS RIBS ROLLS SLICES STICKS WINGS")

# Things that a catalogue puts before their qualities: "PEPPERS GREEN BELL".
HEADS = _set(
    "APPLES BEANS BREAST BROCCOLI CABBAGE CANTALOUPE CARDS CARROTS CAULIFLOWER CELERY CUCUMBERS EGGS"
    " CEREAL GARLIC GRAPES LETTUCE MACARONI MARGARINE MUSHROOMS NOODLES ONIONS ORANGES PEACHES PEARS PEAS PEPPERS"
    " PLUMS POPCORN POTATOES PUDDINGS SPAGHETTI SPINACH SQUASH TEA TOMATOES VINEGAR WATERMELON"
)

# What stands before a hyphen that belongs to the word: "non-dairy", "pre-cooked".
PREFIXES = _set("ANTI CO LOW MULTI NON PRE SELF SINGLE SUGAR X")
