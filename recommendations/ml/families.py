"""Every first-stage family by its name: what can be trained, compared and promoted on its own."""

from recommendations.ml.als import Als
from recommendations.ml.caser import Caser
from recommendations.ml.ease import Ease
from recommendations.ml.item_knn import ItemBm25, ItemCosine, ItemTfIdf
from recommendations.ml.lstm import Lstm
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import Recommender
from recommendations.ml.repurchase import Repurchase
from recommendations.ml.sasrec import Sasrec
from recommendations.ml.tifu import Tifu
from recommendations.ml.user_knn import UserBm25, UserCosine, UserTfIdf

COUNTED: dict[str, type[Recommender]] = {
    family.kind: family
    for family in (
        Popularity, Recency, Repurchase, Tifu, Ease, Als, UserCosine, UserTfIdf, UserBm25, ItemCosine, ItemTfIdf, ItemBm25,
    )
}  # fmt: skip
# Networks take minutes where counting takes seconds.
NETWORKS: dict[str, type[Recommender]] = {family.kind: family for family in (Caser, Lstm, Sasrec)}
FAMILIES = COUNTED | NETWORKS
