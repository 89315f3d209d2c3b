"""Readers of data sets on small generated files, whole and broken."""

import builtins
import gzip
import pickle
import struct

import numpy as np
import pytest
from crossbarsim.netlists import CrossbarSimError

from crossbarsim.studies import DataError, load, load_digits

RNG = np.random.default_rng(5)


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, *, packed=False, mark="-"):
    folder.mkdir(exist_ok=True)
    arrays = {}
    for part, count in (("train", 20), ("t10k", 7)):
        images = RNG.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        arrays[part] = images, labels
        for kind, dims, array in (("images", 3, images), ("labels", 1, labels)):
            name = folder / f"{part}-{kind}{mark}idx{dims}-ubyte"
            content = idx_bytes(array)
            if packed:
                name.with_name(name.name + ".gz").write_bytes(gzip.compress(content))
            else:
                name.write_bytes(content)
    return arrays


def cifar_batch(count=4):
    return (
        RNG.integers(0, 256, (count, 3072), dtype=np.uint8),
        RNG.integers(0, 10, count, dtype=np.uint8),
    )


def write_cifar(folder, *, python=False):
    folder.mkdir(exist_ok=True)
    batches = {}
    for name in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        pixels, labels = batches[name] = cifar_batch()
        if python:
            content = {b"data": pixels, b"labels": labels.tolist(), b"batch_label": b"x"}
            (folder / name).write_bytes(pickle.dumps(content, protocol=2))
        else:
            records = np.concatenate([labels[:, None], pixels], axis=1)
            (folder / f"{name}.bin").write_bytes(records.tobytes())
    return batches


def test_digits_are_split_without_overlap():
    data = load_digits()
    assert data.image_shape == (1, 8, 8)
    assert data.classes == 10
    assert len(data.train) + len(data.test) == 1797
    assert data.test.images.max() == data.full_scale == 16
    from sklearn.datasets import load_digits as original

    both = np.concatenate([data.train.images, data.test.images])[:, 0].reshape(1797, 64)
    expected = original().data.astype(np.uint8)
    assert np.array_equal(both[np.lexsort(both.T)], expected[np.lexsort(expected.T)])
    assert load_digits().sha256 == data.sha256


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("mark", ["-", "."])
def test_idx(tmp_path, packed, mark):
    arrays = write_idx(tmp_path / "x", packed=packed, mark=mark)
    data = load(tmp_path / "x")
    assert data.name == "idx images"
    assert np.array_equal(data.train.images[:, 0], arrays["train"][0])
    assert np.array_equal(data.test.labels, arrays["t10k"][1])
    assert data.image_shape == (1, 28, 28)
    assert data.train.images.dtype == np.uint8


def test_names(tmp_path):
    write_idx(tmp_path / "fashion-mnist")
    assert load(tmp_path / "fashion-mnist").name == "Fashion-MNIST"
    assert load(tmp_path / "fashion-mnist", name="clothes").name == "clothes"


def test_identity_depends_on_every_pixel(tmp_path):
    write_idx(tmp_path / "x")
    first = load(tmp_path / "x").sha256
    path = tmp_path / "x" / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert load(tmp_path / "x").sha256 != first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c[:-1], "expected 15680 bytes of data"),
        (lambda c: c + b"\0", "expected 15680 bytes of data"),
        (lambda c: c[:0], "truncated: expected a header of 16 bytes"),
        (lambda c: c[:9], "truncated"),
        (lambda c: b"\0\0\x0d\x03" + c[4:], "expected idx magic 0x00000803"),
        (lambda c: b"\0\0\x08\x01" + c[4:], "got 0x00000801"),
        (lambda c: c[:4] + b"\xff" * 12 + c[16:], "got 15680"),
        (lambda c: c[:4] + b"\0" * 12, "expected 0 bytes"),
    ],
)
def test_broken_idx_names_the_file(tmp_path, change, message):
    write_idx(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, CrossbarSimError)


def test_broken_gzip_names_the_file(tmp_path):
    write_idx(tmp_path, packed=True)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    for broken in (path.read_bytes()[:-9], b"no gzip", b""):
        path.write_bytes(broken)
        with pytest.raises(DataError) as caught:
            load(tmp_path)
        assert str(path) in str(caught.value)


def test_idx_counts_and_labels(tmp_path):
    write_idx(tmp_path)
    labels = tmp_path / "t10k-labels-idx1-ubyte"
    labels.write_bytes(idx_bytes(np.zeros(6, np.uint8)))
    with pytest.raises(DataError, match="expected 7 labels, one per image; got 6"):
        load(tmp_path)
    labels.write_bytes(idx_bytes(np.full(7, 10, np.uint8)))
    with pytest.raises(DataError, match="labels 0 to 9; got 10"):
        load(tmp_path)
    labels.unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte: missing"):
        load(tmp_path)


@pytest.mark.parametrize("python", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_cifar(tmp_path, python, nested):
    folder = tmp_path / f"cifar-10-batches-{'py' if python else 'bin'}" if nested else tmp_path
    batches = write_cifar(folder, python=python)
    data = load(tmp_path)
    assert data.name == "CIFAR-10"
    assert data.image_shape == (3, 32, 32)
    assert len(data.train) == 20
    pixels, labels = batches["data_batch_2"]
    # Second batch, its image 1, green plane, row 3, column 5.
    assert data.train.images[5, 1, 3, 5] == pixels[1, 1024 + 3 * 32 + 5]
    assert np.array_equal(data.train.labels[4:8], labels)


def test_lossy_cifar_is_called_so(tmp_path):
    batches = write_cifar(tmp_path)
    pixels, labels = batches["test_batch"]
    records = np.concatenate([labels[:, None], pixels], axis=1)[:2]
    (tmp_path / "test_batch_lossless.bin").write_bytes(records.tobytes())
    same = load(tmp_path)
    assert same.name == "CIFAR-10"
    assert len(same.extra["lossless"]) == 2
    records[1, 40] ^= 1
    (tmp_path / "test_batch_lossless.bin").write_bytes(records.tobytes())
    assert load(tmp_path).name == "CIFAR-10 (lossy copy)"


def test_broken_cifar_binary(tmp_path):
    write_cifar(tmp_path)
    path = tmp_path / "data_batch_3.bin"
    whole = path.read_bytes()
    for broken, message in (
        (whole[:-5], "expected records of 3073 bytes"),
        (b"", "expected records of 3073 bytes"),
        (b"\x0a" + whole[1:], "expected labels 0 to 9"),
    ):
        path.write_bytes(broken)
        with pytest.raises(DataError, match=message) as caught:
            load(tmp_path)
        assert str(path) in str(caught.value)
    path.unlink()
    with pytest.raises(DataError, match=r"data_batch_3\.bin: missing"):
        load(tmp_path)


class Intruder:
    """A pickle of this calls print when it is read without care."""

    def __reduce__(self):
        return builtins.print, ("the pickle has called print",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(Intruder(), protocol=2), "print, refused"),
        (pickle.dumps({b"data": Intruder(), b"labels": []}, protocol=4), "refused"),
        (b"", "expected a CIFAR-10 python batch"),
        (b"cos\nsystem\n(S'true'\ntR.", "os.system, refused"),
        (pickle.dumps([1], protocol=2), "expected a dictionary; got list"),
        (pickle.dumps({b"data": 1, b"labels": [1]}, protocol=2), "expected the entries"),
        (pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}, protocol=2), "unsigned"),
        (pickle.dumps({b"data": np.zeros((2, 9), np.uint8), b"labels": [1, 2]}, protocol=2),
         "must have shape"),
        (pickle.dumps({b"data": np.zeros((1, 3072), np.uint8), b"labels": ["1"]}, protocol=2),
         "must be integers"),
        (pickle.dumps({b"data": np.zeros(3072, np.uint8), b"labels": [1]}, protocol=2),
         "two dimensions"),
        (pickle.dumps({b"data": np.array([[Intruder()]], object), b"labels": [1]}, protocol=2),
         "refused"),
    ],
)
def test_python_batches_are_read_without_trust(tmp_path, capsys, content, message):
    write_cifar(tmp_path, python=True)
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)
    assert not capsys.readouterr().out


def test_truncated_python_batches(tmp_path):
    write_cifar(tmp_path, python=True)
    path = tmp_path / "data_batch_1"
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            load(tmp_path)


def test_no_data(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path / "missing")
    with pytest.raises(DataError, match="no data set found"):
        load(tmp_path)
