import numpy as np
import pytest
from scipy import sparse

from recommendations.ml.interactions import TooFewData
from recommendations.ml.social import SocialGroups, alike

TARGETS = ["bakery", "meat", "on instagram"]


def deeds(people: int = 40) -> sparse.csr_array:
    """Even people do things about bakery, odd ones about meat; every tenth is on instagram too."""
    table = np.zeros((people, 3))
    table[np.arange(0, people, 2), 0] = 4.0
    table[np.arange(1, people, 2), 1] = 4.0
    table[::10, 2] = 1.0
    return sparse.csr_array(table)


def test_it_finds_who_does_the_like_and_names_them():
    model = SocialGroups().fit(deeds())
    group = model.predict(deeds())
    assert len(set(group[::2]) & set(group[1::2])) == 0
    names = model.names(TARGETS)
    assert len(set(names)) == len(names)
    assert all("bakery" in names[number] for number in set(group[2::20].tolist()))
    assert model.explained(deeds(), group).mean() > 0.2
    assert abs(model.explained(deeds(), np.zeros(40, dtype=np.int64)).mean()) < 1e-9
    again = SocialGroups.from_state(model.state())
    assert np.array_equal(again.predict(deeds()), group)


def test_the_likest_are_of_the_own_group_and_not_oneself():
    model = SocialGroups().fit(deeds())
    group = model.predict(deeds())
    near, cosine = alike(model.place(deeds()), group, k=3)
    for person in range(40):
        found = near[person][near[person] >= 0]
        assert person not in found and (group[found] == group[person]).all()
    assert cosine.max() == pytest.approx(1.0)


def test_too_few_people_are_refused_with_the_number():
    with pytest.raises(TooFewData, match="19 people with 3 or more follows, likes, shares and comments, 20 needed"):
        SocialGroups().fit(deeds(19))
