"""A leaner landmark network, cut at run time from the one in the model bundle.

The Tasks API runs the landmark network only on a region of its own choice and computes a silhouette every time. This
module rewires the graph, weights untouched: the silhouette branch becomes a network of its own, for the part of the
picture where legs are and run only where it is wanted, on what the first one leaves behind; and of the joint heatmaps
those of the trunk, legs and feet are made and become an output. The result is an ordinary network of vectors that any
runtime of the same format can evaluate on a region we choose.
"""

import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np

HEATMAP_JOINTS = (11, 12, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32)
"""Shoulders, hips, knees, ankles, heels, foot tips: the joints that numbers come from."""
HEATMAP_SIZE = 64
INPUT_SIZE = 256
N_OUTPUT_LANDMARKS = 39
"""33 joints, 2 points that span the next region, 4 that are not used."""
_LAYER_SIZE = 64
"""Cells a side of the smaller of the two layers that silhouettes are made of; the other has twice as many."""
LEGS_ROWS, LEGS_COLUMNS = (18, 64), (12, 52)
"""The cells round hips and legs, with a margin: a whole silhouette is more than twice the work."""
LEGS_CORNER_PX = (LEGS_COLUMNS[0] * INPUT_SIZE // _LAYER_SIZE, LEGS_ROWS[0] * INPUT_SIZE // _LAYER_SIZE)
"""Input pixels left of and above them."""
_NETWORK_BYTES_LIMIT = 64 * 1024 * 1024
_LANDMARK_NETWORK, _DETECTOR_NETWORK = "pose_landmarks_detector.tflite", "pose_detector.tflite"


class ModelBundleError(Exception):
    """The model file is not a pose landmarker bundle of the kind that is known here."""


def landmark_network(bundle: Path, schema: Any, *, with_layers: bool = False) -> bytes:
    """Return the rewired landmark network of a ``.task`` bundle.

    Parameters
    ----------
    bundle
        A zip with `pose_landmarks_detector.tflite` in it.
    schema
        The flatbuffer classes of the network format.
    with_layers
        Whether the two layers that a silhouette can be made of are outputs as well; not every runtime allows it.

    Returns
    -------
    bytes
        A network from a (256, 256, 3) picture to four vectors: landmarks (39 x 5), presence (1), world
        landmarks (39 x 3), heatmaps (64 x 64 x 12, as logits); and the layers, (128, 128, 16) and (64, 64, 48).
    """
    network = _member(bundle, _LANDMARK_NETWORK)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    graph = model.subgraphs[0]
    by_shape = {tuple(int(n) for n in graph.tensors[index].shape): int(index) for index in graph.outputs}
    try:
        landmarks, presence = by_shape[1, N_OUTPUT_LANDMARKS * 5], by_shape[1, 1]
        world, heatmaps = by_shape[1, N_OUTPUT_LANDMARKS * 3], by_shape[1, HEATMAP_SIZE, HEATMAP_SIZE, 39]
    except KeyError as error:
        msg = f"the landmark network in {bundle.name} has no output of shape {error}"
        raise ModelBundleError(msg) from error
    flat = _joint_heatmaps(model, graph, schema, heatmaps=heatmaps)
    layers = _silhouette_branch(graph)[1] if with_layers else []
    graph.outputs = [landmarks, presence, world, flat, *layers]
    graph.operators = _needed(graph.operators, outputs=graph.outputs)
    model.signatureDefs = None
    builder = flatbuffers.Builder(len(network))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def silhouette_network(bundle: Path, schema: Any) -> bytes:
    """Return the network that makes a silhouette of the legs.

    Returns
    -------
    bytes
        From the cells of both layers of `landmark_network` at `LEGS_ROWS` and `LEGS_COLUMNS`, twice as many each way
        of the larger one, which comes first, to logits of being somebody, four times as many as of the smaller one:
        (1, 92, 80, 16) and (1, 46, 40, 48) to (1, 184, 160, 1).
    """
    network = _member(bundle, _LANDMARK_NETWORK)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(network, 0))
    graph = model.subgraphs[0]
    graph.operators, graph.inputs, graph.outputs = _silhouette_branch(graph)
    used = {int(index) for operator in graph.operators for index in (*operator.inputs, *operator.outputs)}
    for index in used:
        graph.tensors[index].shape = _round_legs(graph.tensors[index].shape)
    for operator in graph.operators:
        if isinstance(operator.builtinOptions, schema.ResizeBilinearOptionsT):
            size = _round_legs([1, *_values(model, graph.tensors[int(operator.inputs[1])]), 1])[1:3]
            wanted = _add_constant(model, graph, schema, name="plumbline/legs", values=(size[0], size[1]))
            operator.inputs = [int(operator.inputs[0]), wanted]
            used.add(wanted)
    kept = {graph.tensors[index].buffer for index in used}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    model.signatureDefs = None
    builder = flatbuffers.Builder(64 * 1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def detector_network(bundle: Path) -> bytes:
    """Return the person detector of a ``.task`` bundle, as it is."""
    return _member(bundle, _DETECTOR_NETWORK)


def _member(bundle: Path, name: str) -> bytes:
    """Return one network of a bundle; raise `ModelBundleError` when there is none."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            if archive.getinfo(name).file_size > _NETWORK_BYTES_LIMIT:
                msg = f"a network in {bundle.name} is larger than any we know"
                raise ModelBundleError(msg)
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        msg = f"{bundle} is not a pose landmarker bundle: {error}"
        raise ModelBundleError(msg) from error


def _joint_heatmaps(model: Any, graph: Any, schema: Any, *, heatmaps: int) -> int:
    """Let the last layer make the maps of the joints we use and no others, and flatten them. Return the flat tensor's index."""
    layer = next(operator for operator in graph.operators if heatmaps in [int(n) for n in operator.outputs])
    for values in layer.inputs[1:3]:  # weights and bias, one row each for every map
        _keep_rows(model, graph, schema, tensor=int(values), rows=HEATMAP_JOINTS)
    n = len(HEATMAP_JOINTS)
    graph.tensors[heatmaps].shape = [1, HEATMAP_SIZE, HEATMAP_SIZE, n]
    length = HEATMAP_SIZE * HEATMAP_SIZE * n
    shape = _add_constant(model, graph, schema, name="plumbline/flat_shape", values=(1, length))
    flat = _add_tensor(graph, schema, name="plumbline/flat", shape=[1, length])
    _add_operator(
        model, graph, schema, code=schema.BuiltinOperator.RESHAPE, inputs=[heatmaps, shape], output=flat
    )
    return flat


def _keep_rows(model: Any, graph: Any, schema: Any, *, tensor: int, rows: tuple[int, ...]) -> None:
    """Leave only some rows of a constant, which is stored as half floats and made whole ones when loaded, or whole already."""
    makers = [operator for operator in graph.operators if tensor in [int(n) for n in operator.outputs]]
    stored = graph.tensors[int(makers[0].inputs[0]) if makers else tensor]
    half = stored.type == schema.TensorType.FLOAT16
    values = np.frombuffer(
        bytes(bytearray(model.buffers[stored.buffer].data)), dtype="<f2" if half else "<f4"
    )
    kept = values.reshape([int(n) for n in stored.shape])[list(rows)]
    buffer = schema.BufferT()  # a new one: constants that are alike may share theirs
    buffer.data = list(kept.tobytes())
    model.buffers.append(buffer)
    stored.buffer, stored.shape = len(model.buffers) - 1, list(kept.shape)
    graph.tensors[tensor].shape = list(kept.shape)


def _add_constant(model: Any, graph: Any, schema: Any, *, name: str, values: tuple[int, ...]) -> int:
    buffer = schema.BufferT()
    buffer.data = list(np.asarray(values, dtype="<i4").tobytes())
    model.buffers.append(buffer)
    index = _add_tensor(graph, schema, name=name, shape=[len(values)])
    graph.tensors[index].type = schema.TensorType.INT32
    graph.tensors[index].buffer = len(model.buffers) - 1
    return index


def _add_tensor(graph: Any, schema: Any, *, name: str, shape: list[int]) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, shape, schema.TensorType.FLOAT32, 0
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_operator(model: Any, graph: Any, schema: Any, *, code: int, inputs: list[int], output: int) -> None:
    kind = schema.OperatorCodeT()
    kind.builtinCode = kind.deprecatedBuiltinCode = code
    kind.version = 1
    model.operatorCodes.append(kind)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = inputs, [output]
    graph.operators = [*graph.operators, operator]


def _silhouette_branch(graph: Any) -> tuple[list[Any], list[int], list[int]]:
    """Return the operators that only the silhouette needs, the two layers they start from, larger first, and the output.

    Raises
    ------
    ModelBundleError
        The network has no such branch.
    """
    size = {int(index): int(np.prod(graph.tensors[index].shape)) for index in graph.outputs}
    silhouettes = [
        index for index in size if tuple(graph.tensors[index].shape) == (1, INPUT_SIZE, INPUT_SIZE, 1)
    ]
    others = [index for index in size if index not in silhouettes]
    made = {int(index) for operator in _needed(graph.operators, outputs=others) for index in operator.outputs}
    branch = [
        operator
        for operator in _needed(graph.operators, outputs=silhouettes)
        if not made & {int(index) for index in operator.outputs}
    ]
    layers = sorted(
        {int(index) for operator in branch for index in operator.inputs if int(index) in made},
        key=lambda index: -int(np.prod(graph.tensors[index].shape)),
    )
    if [int(graph.tensors[layer].shape[1]) for layer in layers] != [2 * _LAYER_SIZE, _LAYER_SIZE]:
        msg = "the landmark network makes no silhouette from two layers"
        raise ModelBundleError(msg)
    return branch, layers, silhouettes


def _round_legs(shape: Any) -> list[int]:
    """Return the shape of a layer that is left with its part round the legs; another shape as it is."""
    whole = [int(n) for n in shape]
    if len(whole) != 4 or whole[1] != whole[2] or whole[1] % _LAYER_SIZE:
        return whole
    times = whole[1] // _LAYER_SIZE
    rows, columns = (times * (stop - start) for start, stop in (LEGS_ROWS, LEGS_COLUMNS))
    return [whole[0], rows, columns, whole[3]]


def _values(model: Any, tensor: Any) -> list[int]:
    """Return the whole numbers of a constant."""
    return [int(n) for n in np.frombuffer(bytes(bytearray(model.buffers[tensor.buffer].data)), dtype="<i4")]


def _needed(operators: list[Any], *, outputs: list[int]) -> list[Any]:
    """Return the operators that the outputs depend on, in order."""
    wanted, kept = set(outputs), []
    for operator in reversed(operators):
        if any(int(index) in wanted for index in operator.outputs):
            kept.append(operator)
            wanted |= {int(index) for index in operator.inputs if index >= 0}
    return kept[::-1]
