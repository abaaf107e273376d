"""What every first-stage model promises, whatever it learns. A new family is one line in MODELS."""

import numpy as np
import pytest

from recommendations.ml.als import Als, AlsConfig
from recommendations.ml.blend import Blend, BlendConfig
from recommendations.ml.caser import Caser, CaserConfig
from recommendations.ml.ease import Ease, EaseConfig
from recommendations.ml.interactions import Interactions, TooFewData
from recommendations.ml.item_knn import ItemBm25, ItemCosine, ItemTfIdf
from recommendations.ml.lstm import Lstm, LstmConfig
from recommendations.ml.metrics import evaluate
from recommendations.ml.popularity import Popularity
from recommendations.ml.recency import Recency
from recommendations.ml.recommender import recommend
from recommendations.ml.repurchase import Repurchase
from recommendations.ml.sasrec import Sasrec, SasrecConfig
from recommendations.ml.tifu import Tifu, TifuConfig
from recommendations.ml.user_knn import UserBm25, UserCosine, UserKnnConfig, UserTfIdf
from tests.recommendations.ml.known_answers import checkerboard

SMALL = EaseConfig(regularisation=1.0)
TINY = {
    "length": 40, "dim": 16, "dropout": 0.0, "step_days": 7.0, "negatives": 20, "epochs": 1, "batch": 16,
    "learning_rate": 0.005, "weight_decay": 0.0,
}  # fmt: skip
NEAR = UserKnnConfig(neighbours=10)
FEW = UserKnnConfig(neighbours=10, max_people=40)
SAMPLED = EaseConfig(regularisation=1.0, max_side=30)
# name -> (model, people): 40 items, so EASE takes its item side with 61 people and its people side with 31.
MODELS = {
    "popularity": (Popularity, 61),
    "recency": (Recency, 61),
    "ease of items": (lambda: Ease(SMALL), 61),
    "ease of people": (lambda: Ease(SMALL), 31),
    "ease of sampled people": (lambda: Ease(SAMPLED), 61),
    "items by cosine": (ItemCosine, 61),
    "items by TF-IDF": (ItemTfIdf, 61),
    "items by BM25": (ItemBm25, 61),
    "people by cosine": (lambda: UserCosine(NEAR), 61),
    "people by TF-IDF": (lambda: UserTfIdf(NEAR), 61),
    "people by BM25": (lambda: UserBm25(NEAR), 61),
    "people by cosine, sampled": (lambda: UserCosine(FEW), 61),
    "TIFU-KNN": (lambda: Tifu(TifuConfig(neighbours=10)), 61),
    "repurchase": (Repurchase, 61),
    "ALS": (lambda: Als(AlsConfig(factors=8, regularisation=0.1, alpha=10.0)), 61),
    "Caser": (lambda: Caser(CaserConfig(**TINY)), 61),
    "LSTM": (lambda: Lstm(LstmConfig(**TINY)), 61),
    "SASRec": (lambda: Sasrec(SasrecConfig(**TINY, blocks=1)), 61),
    "SASRec by gBCE": (lambda: Sasrec(SasrecConfig(**TINY, blocks=1, gbce_negatives=True)), 61),
    "blend": (lambda: Blend(models={"recency": Recency(), "ease": Ease(SMALL), "popularity": Popularity()}), 61),
}

# The networks learn the pattern in a dozen passes; one is enough for what holds of an untrained one too.
LONGER = TINY | {"epochs": 12, "patience": 12}
TRAINED = {
    "Caser": lambda: Caser(CaserConfig(**LONGER)),
    "LSTM": lambda: Lstm(LstmConfig(**LONGER | {"learning_rate": 0.01})),
    "SASRec": lambda: Sasrec(SasrecConfig(**LONGER, blocks=1)),
    "SASRec by gBCE": lambda: Sasrec(SasrecConfig(**LONGER, blocks=1, gbce_negatives=True)),
}

# They rank what a person never bought by popularity alone.
OWN_PAST_ONLY = {"popularity", "recency", "repurchase"}


@pytest.fixture(params=MODELS)
def case(request):
    build, people = MODELS[request.param]
    return build, checkerboard(people)


def test_scores_the_whole_catalogue_as_finite_float32(case):
    build, split = case
    model = build().fit(split.history)
    scores = model.score(np.array([3, 0, 3]))
    assert scores.shape == (3, 40)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert np.array_equal(scores[0], scores[2])


def test_a_second_fit_gives_the_same_bits(case):
    build, split = case
    everyone = np.arange(split.history.n_users)
    first, second = build().fit(split.history), build().fit(split.history)
    assert np.array_equal(first.score(everyone), second.score(everyone))


def test_fitting_again_on_other_data_leaves_nothing_of_the_first(case):
    build, split = case
    other = checkerboard(25)
    refitted = build().fit(split.history).fit(other.history)
    fresh = build().fit(other.history)
    assert np.array_equal(refitted.score(np.arange(25)), fresh.score(np.arange(25)))
    assert {name: value.shape for name, value in refitted.state().items()} == {
        name: value.shape for name, value in fresh.state().items()
    }


def test_comes_back_from_its_arrays_bit_for_bit(case, tmp_path):
    build, split = case
    model = build().fit(split.history)
    np.savez(tmp_path / "model.npz", **model.state())
    with np.load(tmp_path / "model.npz", allow_pickle=False) as stored:
        state = {name: stored[name] for name in sorted(stored.files, reverse=True)}  # an archive keeps no order
    restored = type(model).from_state({**state, "customer_ids": np.arange(5)})  # what the caller keeps beside it
    everyone = np.arange(split.history.n_users)
    assert np.array_equal(restored.score(everyone), model.score(everyone))
    again = restored.state()
    assert sorted(again) == sorted(state)
    assert all(np.array_equal(again[name], state[name]) for name in state)
    assert all(again[name].dtype == state[name].dtype for name in state)


def test_the_state_holds_numbers_only(case):
    build, split = case
    state = build().fit(split.history).state()
    assert {value.dtype.kind for value in state.values()} <= {"i", "f", "b"}


def test_a_person_without_history_gets_the_most_popular(case):
    build, split = case
    newcomer = np.array([split.history.n_users - 1])
    ids, scores = recommend(build().fit(split.history), newcomer, k=5)
    expected, _ = recommend(Popularity().fit(split.history), newcomer, k=5)
    assert np.array_equal(ids, expected)
    assert np.isfinite(scores).all()


def test_an_unknown_person_is_refused(case):
    build, split = case
    model = build().fit(split.history)
    with pytest.raises(ValueError, match=f"users must be positions in 0..{split.history.n_users - 1}"):
        model.score(np.array([split.history.n_users]))
    with pytest.raises(ValueError, match="users must be positions"):
        model.score(np.array([-1]))


def test_an_empty_past_is_too_few_data(case):
    build, _ = case
    nothing = np.array([], dtype=np.int64)
    with pytest.raises(TooFewData):
        build().fit(Interactions(nothing, nothing, nothing.astype(float), nothing.astype(float), 5, 5))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "popularity" and name not in TRAINED])
def test_beats_popularity_where_the_own_past_decides(name):
    build, people = MODELS[name]
    split = checkerboard(people)
    ours = evaluate(build().fit(split.history), split, "all").mean("ndcg@10")
    popular = evaluate(Popularity().fit(split.history), split, "all").mean("ndcg@10")
    assert ours > popular + 0.3


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OWN_PAST_ONLY and name not in TRAINED])
def test_finds_the_one_new_item_that_people_alike_buy(name):
    build, people = MODELS[name]
    split = checkerboard(people)
    ours = evaluate(build().fit(split.history), split, "novel").mean("ndcg@10")
    popular = evaluate(Popularity().fit(split.history), split, "novel").mean("ndcg@10")
    assert ours == 1.0
    assert popular < 0.5


@pytest.mark.parametrize("name", TRAINED)
def test_a_network_learns_both_from_the_same_sequences(name):
    """A dozen passes over 60 people: far above popularity, short of what counting finds exactly."""
    split = checkerboard(61)
    model = TRAINED[name]().fit(split.history)
    popular = Popularity().fit(split.history)
    for view, margin in (("all", 0.1), ("novel", 0.4)):
        ours, theirs = (evaluate(each, split, view).mean("ndcg@10") for each in (model, popular))
        assert ours > theirs + margin


def test_a_damaged_configuration_is_refused():
    state = Recency().fit(checkerboard(11).history).state()
    del state["config.half_life_days"]
    with pytest.raises(ValueError, match="recency: configuration"):
        Recency.from_state(state)


def test_blend_refuses_weights_without_a_model():
    with pytest.raises(ValueError, match="weights are given for"):
        Blend(BlendConfig((("ease", 1.0),)), {"recency": Recency()})
