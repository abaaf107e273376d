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
from numpy.lib.format import write_array
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
    compressed: float weights hardly shrink, and zlib's output differs between its versions.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in sorted(_plain(arrays).items()):
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))  # the first day that zip knows
            entry.create_system = 3  # Unix, on Windows too
            # The size is unknown before writing, so room for more than 2 GB is always kept.
            with archive.open(entry, "w", force_zip64=True) as file:
                write_array(file, array, allow_pickle=False)
    return buffer.getvalue()


def load_arrays(data: bytes, expected: str) -> dict[str, NDArray]:
    """The arrays of an npz file with this digest. Raises DamagedArtifact before anything is parsed."""
    try:
        with np.load(io.BytesIO(check(data, expected)), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, OSError, AttributeError, zipfile.BadZipFile) as error:
        raise DamagedArtifact(f"The artifact is no npz file of plain arrays: {error}") from error


def dump_tensors(arrays: Arrays, metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file. Raises UnsafeArtifact for an array of Python objects or a type that the format lacks."""
    try:
        return safetensors.numpy.save(_plain(arrays), metadata=dict(metadata) if metadata else None)
    except (KeyError, SafetensorError) as error:
        raise UnsafeArtifact(f"Safetensors cannot hold this type: {error}") from error


def load_tensors(data: bytes, expected: str) -> dict[str, NDArray]:
    """The arrays of a safetensors file with this digest. Raises DamagedArtifact before anything is parsed."""
    try:
        return safetensors.numpy.load(check(data, expected))
    except SafetensorError as error:
        raise DamagedArtifact(f"The artifact is no safetensors file: {error}") from error


def _plain(arrays: Arrays) -> dict[str, NDArray]:
    """Arrays in row order, so that a transposed view of the same numbers gives the same bytes."""
    for name, array in arrays.items():
        if np.asarray(array).dtype.hasobject:
            raise UnsafeArtifact(f"{name} holds Python objects; store numbers or fixed-width text.")
    return {name: np.asarray(array, order="C") for name, array in arrays.items()}
