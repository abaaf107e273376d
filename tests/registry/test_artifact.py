"""Arrays come back as they were, the same arrays give the same bytes, and nothing else is ever loaded."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from registry import artifact
from registry.exceptions import DamagedArtifact, UnsafeArtifact

FORMATS = [(artifact.dump_arrays, artifact.load_arrays), (artifact.dump_tensors, artifact.load_tensors)]
both_formats = pytest.mark.parametrize(("dump", "load"), FORMATS, ids=["npz", "safetensors"])
MODEL = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "items": np.array([7, 11, 13], dtype=np.int64),
    "decay": np.array(0.5),
    "none": np.zeros((0, 4)),
}


def load_again(dump, load, model):
    data = dump(model)
    return load(data, artifact.digest(data))


@both_formats
def test_arrays_come_back_as_they_were(dump, load):
    loaded = load_again(dump, load, MODEL)
    assert loaded.keys() == MODEL.keys()
    for name, array in MODEL.items():
        assert loaded[name].dtype == array.dtype
        assert loaded[name].shape == array.shape
        assert np.array_equal(loaded[name], array)


@given(arrays(dtype=scalar_dtypes(), shape=array_shapes(min_dims=0, max_dims=3, max_side=4)))
def test_npz_keeps_every_plain_type_and_shape(array):
    loaded = load_again(artifact.dump_arrays, artifact.load_arrays, {"x": array})["x"]
    assert loaded.dtype == array.dtype
    assert loaded.tobytes() == np.asarray(array, order="C").tobytes()


@both_formats
def test_a_transposed_or_sliced_view_comes_back_as_its_numbers(dump, load):
    grid = np.arange(12.0).reshape(3, 4)
    loaded = load_again(dump, load, {"turned": grid.T, "slice": grid[:, ::2]})
    assert np.array_equal(loaded["turned"], grid.T)
    assert np.array_equal(loaded["slice"], grid[:, ::2])


@both_formats
def test_the_same_arrays_give_the_same_bytes(dump, load):
    turned = {name: np.asfortranarray(array) if array.ndim == 2 else array for name, array in MODEL.items()}
    assert dump(MODEL) == dump(MODEL) == dump(dict(reversed(MODEL.items()))) == dump(turned)


def test_the_bytes_of_an_npz_are_frozen():
    """No clock, no machine, no zlib in them: registered digests can be checked by repeating a training."""
    assert (
        artifact.digest(artifact.dump_arrays(MODEL))
        == "3a0f42b5b7ce604993ef161db0e86f7721ad58c37201cdb670e65576938d3197"
    )


@both_formats
def test_one_changed_number_changes_the_digest(dump, load):
    changed = MODEL | {"decay": np.array(np.nextafter(0.5, 1))}
    assert artifact.digest(dump(changed)) != artifact.digest(dump(MODEL))


@both_formats
@given(position=st.floats(0, 1, exclude_max=True))
def test_no_changed_byte_is_loaded(dump, load, position):
    data = dump(MODEL)
    changed = bytearray(data)
    changed[int(position * len(data))] ^= 1
    with pytest.raises(DamagedArtifact, match="has digest"):
        load(bytes(changed), artifact.digest(data))


@both_formats
@pytest.mark.parametrize("data", [b"", b"no archive", b"PK\x03\x04", b"\xff" * 8, pickle.dumps({"x": 1})])
def test_bytes_of_another_kind_are_refused_even_with_their_digest(dump, load, data):
    with pytest.raises(DamagedArtifact, match="The artifact is no"):
        load(data, artifact.digest(data))


@both_formats
@pytest.mark.parametrize("array", [np.array([{}, 1], dtype=object), np.zeros(2, dtype=[("a", "O")])])
def test_python_objects_are_refused_by_name(dump, load, array):
    with pytest.raises(UnsafeArtifact, match="users holds Python objects"):
        dump({"users": array})


def test_an_npz_with_a_pickle_inside_is_not_loaded():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.array([{}], dtype=object))
    data = buffer.getvalue()
    with pytest.raises(DamagedArtifact, match="allow_pickle=False"):
        artifact.load_arrays(data, artifact.digest(data))


def test_an_archive_of_other_files_is_not_loaded():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("weights.npy", b"no array")
    data = buffer.getvalue()
    with pytest.raises(DamagedArtifact, match="no npz file of plain arrays"):
        artifact.load_arrays(data, artifact.digest(data))


def test_what_numpy_itself_saves_and_loads_is_the_same_format():
    buffer = io.BytesIO()
    np.savez(buffer, **MODEL)
    data = buffer.getvalue()
    assert artifact.load_arrays(data, artifact.digest(data)).keys() == MODEL.keys()
    with np.load(io.BytesIO(artifact.dump_arrays(MODEL)), allow_pickle=False) as archive:
        assert {name: archive[name].tolist() for name in archive.files} == {
            name: array.tolist() for name, array in MODEL.items()
        }


def test_a_type_that_safetensors_lacks_is_refused():
    with pytest.raises(UnsafeArtifact, match="cannot hold this type"):
        artifact.dump_tensors({"names": np.array(["a", "b"])})


def test_a_type_that_numpy_lacks_is_refused():
    header = b'{"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}} '
    data = len(header).to_bytes(8, "little") + header + b"\0\0"
    with pytest.raises(DamagedArtifact, match="BF16"):
        artifact.load_tensors(data, artifact.digest(data))


def test_check_hands_back_the_registered_bytes_alone():
    text = b"tree\nversion=v4\n"
    assert artifact.check(text, artifact.digest(text)) is text
    with pytest.raises(DamagedArtifact, match="registered is"):
        artifact.check(text + b" ", artifact.digest(text))
