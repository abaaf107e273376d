"""Arrays to bytes and back, never by pickle. What is loaded is first compared with the digest that was registered.

Two formats: npz, which NumPy reads anywhere, and safetensors, which torch maps without a copy. Both come out the same for
the same arrays on every day and machine, so a digest names a model and a training can be checked by repeating it.
"""

import hashlib
import hmac
import io
import zipfile
from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from numpy.lib.format import read_array, write_array
from numpy.typing import NDArray
from safetensors import SafetensorError

from registry.exceptions import DamagedArtifact, UnsafeArtifact

Arrays = Mapping[str, NDArray]


def digest(data: bytes) -> str:
    """SHA-256 in 64 hex digits: the name of an artifact."""
    return hashlib.sha256(data).hexdigest()


def check(data: bytes, expected: str) -> bytes:
    """The same bytes, once they are known to be the registered ones. Raises DamagedArtifact."""
    found = digest(data)
    if not hmac.compare_digest(found, expected):
        raise DamagedArtifact(f"The artifact has digest {found}, registered is {expected}.")
    return data


def dump_arrays(arrays: Arrays) -> bytes:
    """An npz file. Raises UnsafeArtifact for an array of Python objects.

    `np.savez` writes the time into it and keeps the caller's order; here names are sorted and the date is fixed. It is not
    compressed: float weights hardly shrink, and zlib's output differs between its versions. Each array is written at once,
    its size known: Python 3.11.4 changed the header that stands before a stream.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(_plain(arrays).items()):
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))  # the first day that zip knows
            entry.create_system = 3  # Unix, on Windows too
            file = io.BytesIO()
            write_array(file, array, allow_pickle=False)
            archive.writestr(entry, file.getbuffer())
    return buffer.getvalue()


def load_arrays(data: bytes, expected: str) -> dict[str, NDArray]:
    """The arrays of an npz file with this digest. Raises DamagedArtifact before anything is parsed."""
    # Not np.load: it hands back whatever else lies in the archive as bytes.
    try:
        with zipfile.ZipFile(io.BytesIO(check(data, expected))) as archive:
            return {name.removesuffix(".npy"): _read(archive, name) for name in archive.namelist()}
    except (ValueError, EOFError, OSError, RuntimeError, zipfile.BadZipFile) as error:
        raise DamagedArtifact(f"The artifact is no npz file of plain arrays: {error}") from error


def dump_tensors(arrays: Arrays) -> bytes:
    """A safetensors file. Raises UnsafeArtifact for an array of Python objects or a type that the format lacks.

    Without the format's own metadata: its keys are written in a random order. A model's parameters stand in its row.
    """
    try:
        return safetensors.numpy.save(_plain(arrays))
    except SafetensorError as error:
        raise UnsafeArtifact(f"Safetensors cannot hold this type: {error}") from error


def load_tensors(data: bytes, expected: str) -> dict[str, NDArray]:
    """The arrays of a safetensors file with this digest. Raises DamagedArtifact before anything is parsed.

    Half-width types that NumPy lacks (bfloat16) are refused too: give `check(data, expected)` to safetensors.torch.
    """
    try:
        return safetensors.numpy.load(check(data, expected))
    except (SafetensorError, KeyError) as error:
        raise DamagedArtifact(f"The artifact is no safetensors file of NumPy's types: {error}") from error


def _read(archive: zipfile.ZipFile, name: str) -> NDArray:
    with archive.open(name) as file:
        return read_array(file, allow_pickle=False)


def _plain(arrays: Arrays) -> dict[str, NDArray]:
    """Arrays in row order: the same numbers give the same bytes however they lie, and safetensors 0.8 would write a
    transposed view's memory as if it were in row order, which loads as other numbers."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise UnsafeArtifact(f"{name} holds Python objects; store numbers or fixed-width text.")
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}
