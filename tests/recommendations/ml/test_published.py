"""Arrays in a folder named by their content: switched whole, refused when damaged, old ones forgotten."""

import numpy as np
import pytest

from recommendations.ml.published import Damaged, current, open_set, publish


def test_what_is_published_comes_back_and_the_same_arrays_have_the_same_name(tmp_path):
    digest = publish(tmp_path, {"x": np.arange(5)}, {"rows": 3}, {"graph": b"abc"})

    found = open_set(tmp_path, current(tmp_path))
    assert found.digest == digest == publish(tmp_path, {"x": np.arange(5)}, {"rows": 3}, {"graph": b"abc"})
    assert found.arrays["x"].tolist() == [0, 1, 2, 3, 4]
    assert found.about == {"rows": 3}
    assert found.files["graph"].read_bytes() == b"abc"


def test_a_large_array_is_mapped_and_read_only(tmp_path):
    publish(tmp_path, {"x": np.zeros(500_000)}, {})
    x = open_set(tmp_path, current(tmp_path)).arrays["x"]

    assert isinstance(x, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1


@pytest.mark.parametrize("name", ["x.npy", "graph", "manifest.json"])
def test_a_changed_byte_is_refused_by_name(tmp_path, name):
    digest = publish(tmp_path, {"x": np.arange(5)}, {}, {"graph": b"abc"})
    path = tmp_path / digest / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(Damaged, match=name):
        open_set(tmp_path, digest)


def test_a_missing_file_is_refused(tmp_path):
    digest = publish(tmp_path, {"x": np.arange(5)}, {})
    (tmp_path / digest / "x.npy").unlink()

    with pytest.raises(Damaged, match="No such file"):
        open_set(tmp_path, digest)


def test_who_mapped_the_old_set_keeps_it_while_the_folder_holds_two(tmp_path):
    publish(tmp_path, {"x": np.full(500_000, 0.0)}, {})
    old = open_set(tmp_path, current(tmp_path)).arrays["x"]
    for number in range(1, 4):
        publish(tmp_path, {"x": np.full(500_000, float(number))}, {})

    assert old[499_999] == 0.0
    assert open_set(tmp_path, current(tmp_path)).arrays["x"][0] == 3.0
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


def test_nothing_published_is_none(tmp_path):
    assert current(tmp_path / "nowhere") is None
