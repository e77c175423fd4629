"""A .caffemodel gives what Caffe's own messages hold; google.protobuf writes the files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from weight_files import read_weights

from alexnet_cli.errors import WeightsError
from alexnet_cli.model.alexnet import ARCHITECTURES
from alexnet_cli.model.pretrained.layouts import read_pretrained

FIELDS = {
    # Name, number, label (1 optional, 3 repeated), type (of FieldDescriptorProto).
    "BlobShape": [("dim", 1, 3, 3)],
    "BlobProto": [
        ("num", 1, 1, 5), ("channels", 2, 1, 5), ("height", 3, 1, 5), ("width", 4, 1, 5), ("data", 5, 3, 2),
        ("diff", 6, 3, 2), ("shape", 7, 1, "BlobShape"), ("double_data", 8, 3, 1),
    ],
    "LayerParameter": [("name", 1, 1, 9), ("type", 2, 1, 9), ("bottom", 3, 3, 9), ("blobs", 7, 3, "BlobProto")],
    "V1LayerParameter": [("bottom", 2, 3, 9), ("name", 4, 1, 9), ("type", 5, 1, 5), ("blobs", 6, 3, "BlobProto")],
    "NetParameter": [("name", 1, 1, 9), ("layers", 2, 3, "V1LayerParameter"), ("layer", 100, 3, "LayerParameter")],
}  # fmt: skip
"""Source: caffe/proto/caffe.proto, the parts that files of weights use."""


@pytest.fixture(scope="module")
def messages():
    """The classes of Caffe's messages by name."""
    protobuf = pytest.importorskip("google.protobuf")
    del protobuf
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package="caffe")
    for message, fields in FIELDS.items():
        entry = file.message_type.add(name=message)
        for name, number, label, kind in fields:
            field = entry.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = 11, f".caffe.{kind}"
            else:
                field.type = kind
            field.options.packed = label == 3 and kind in (1, 2, 3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    get = message_factory.GetMessageClass
    return {x: get(pool.FindMessageTypeByName(f"caffe.{x}")) for x in FIELDS}


SHAPES = {
    "conv1": (96, 3, 11, 11), "conv2": (8, 48, 5, 5), "conv3": (10, 8, 3, 3), "conv4": (8, 10, 3, 3),
    "conv5": (4, 8, 3, 3), "fc6": (20, 144), "fc7": (12, 20), "fc8": (5, 12),
}  # fmt: skip


def caffemodel(messages, old, double=False, before=("norm1", "pool1")):
    """A network with random blobs, and the blobs by layer; `old`: as Caffe wrote in 2014."""
    rng, blobs = np.random.default_rng(0), {}
    net = messages["NetParameter"](name="AlexNet")
    layers = net.layers if old else net.layer
    layers.add(name="data")
    for name, shape in SHAPES.items():
        layer = layers.add(name=name)
        blobs[name] = (rng.normal(size=shape), rng.normal(size=shape[0]))
        for array in blobs[name]:
            blob = layer.blobs.add()
            (blob.double_data if double else blob.data).extend(array.ravel())
            if old:
                sizes = (1, 1, 1, *array.shape)[-4:]
                blob.num, blob.channels, blob.height, blob.width = sizes
            else:
                blob.shape.dim.extend(array.shape)
        if name == "conv1":
            for x in before:
                layers.add(name=x)
    return net.SerializeToString(), blobs


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("double", [True, False])
def test_a_caffemodel_gives_its_blobs_with_our_axes(tmp_path, messages, old, double):
    data, blobs = caffemodel(messages, old, double)
    path = tmp_path / ("w.bin" if old else "bvlc_alexnet.caffemodel")
    path.write_bytes(data)
    weights = read_pretrained(path, ARCHITECTURES["alexnet-bvlc"])
    assert (weights.layout, weights.mean, weights.std) == ("Caffe's", "124,117,104", "1")
    layers = dict(zip(blobs, weights.layers.values(), strict=True))
    for name, (kernel, bias) in blobs.items():
        ours = kernel.T if kernel.ndim == 2 else kernel.transpose(2, 3, 1, 0)
        if name == "conv1":
            ours = ours[:, :, ::-1]
        if name == "fc6":
            # Its input is flattened channels first: 4 maps of 6 x 6.
            ours = kernel.reshape(20, 4, 6, 6).transpose(2, 3, 1, 0).reshape(144, 20)
        np.testing.assert_allclose(layers[name][0], ours, rtol=1e-6)
        np.testing.assert_allclose(layers[name][1], bias, rtol=1e-6)
    assert weights.changes["conv1"] == ("axes transposed", "channels from BGR to RGB")
    assert weights.changes["dense1"][1] == "rows from channels-first to channels-last"


def test_caffenet_is_told_from_alexnet_by_its_order(tmp_path, messages):
    """Its shapes are the same, but it pools before it normalizes."""
    path = tmp_path / "w.caffemodel"
    path.write_bytes(caffemodel(messages, False, before=("pool1", "norm1"))[0])
    weights = read_pretrained(path, ARCHITECTURES["alexnet-bvlc"])
    assert (weights.layout, weights.arch, len(weights.layers)) == ("CaffeNet's", "", 8)


def test_a_blob_of_another_size_is_refused(tmp_path, messages):
    net, path = messages["NetParameter"](name="AlexNet"), tmp_path / "w"
    blob = net.layer.add(name="conv1").blobs.add()
    blob.data.extend([1, 2, 3])
    for shape in ((4,), (2**62, 2**62), (-1,), ()):
        blob.shape.Clear()
        blob.shape.dim.extend(shape)
        path.write_bytes(net.SerializeToString())
        with pytest.raises(WeightsError) as error:
            read_weights(path)
        assert str(error.value).startswith(
            (f"{path} holds a blob of shape", f"{path} is damaged")
        )


def test_a_blob_has_few_axes(tmp_path, messages):
    net, path = messages["NetParameter"](name="AlexNet"), tmp_path / "w"
    blob = net.layer.add(name="conv1").blobs.add()
    blob.data.extend([1, 2, 3])
    for count in (32, 33, 2_000_000):
        blob.shape.Clear()
        blob.shape.dim.extend([1] * (count - 1) + [3])
        path.write_bytes(net.SerializeToString())
        if count == 32:
            assert read_weights(path)["conv1/0"].shape == (3,)
            continue
        with pytest.raises(WeightsError, match="a blob has more than 32 axes"):
            read_weights(path)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=5),
    st.integers(0, 90),
)
def test_any_damage_is_one_line(tmp_path_factory, messages, changes, cut):
    net = messages["NetParameter"](name="AlexNet")
    blob = net.layer.add(name="conv1").blobs.add()
    blob.shape.dim.extend((2, 3, 3, 3))
    blob.data.extend(range(54))
    data = bytearray(net.SerializeToString())
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.mktemp("caffe") / "w.caffemodel"
    path.write_bytes(data[: len(data) - cut])
    try:
        assert all(isinstance(x, np.ndarray) for x in read_weights(path).values())
    except WeightsError as error:
        assert str(error).startswith(str(path)) and str(error).isprintable()


@pytest.mark.parametrize("data", [
    b"\x0a\x07AlexNet\xa2\x06\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x0a\x07AlexNet" + b"\xff" * 20,
    b"\x0a\x07AlexNet\xa2\x06\x05ab", b"\x0a\x07AlexNet\x03", b"\x0a\x07AlexNet\x06", b"\x0a\x07AlexNet" + b"\x08\x01" * 100_001,
])  # fmt: skip
def test_what_is_no_message_is_damaged(tmp_path, data):
    (tmp_path / "w").write_bytes(data)
    with pytest.raises(WeightsError, match="is damaged, or is not a .caffemodel file"):
        read_weights(tmp_path / "w")
