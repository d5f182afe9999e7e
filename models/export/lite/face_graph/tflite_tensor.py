"""Values of TensorFlow Lite weight tensors, dense and sparse."""

import numpy as np
import tflite

TYPES = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.INT32: np.int32}
VECTORS = {
    tflite.SparseIndexVector.Int32Vector: tflite.Int32Vector,
    tflite.SparseIndexVector.Uint16Vector: tflite.Uint16Vector,
    tflite.SparseIndexVector.Uint8Vector: tflite.Uint8Vector,
}
DENSE = tflite.DimensionType.DENSE


def tensor_value(model, tensor):
    """The tensor's numbers in its own type and axis order; a sparse tensor comes back dense."""
    data = model.Buffers(tensor.Buffer()).DataAsNumpy()
    if isinstance(data, int):
        raise ValueError(f'tensor {tensor.Name()} holds no data')
    numbers = np.frombuffer(data.tobytes(), TYPES[tensor.Type()])
    shape = [int(n) for n in np.atleast_1d(tensor.ShapeAsNumpy())]
    return densify(numbers, shape, tensor.Sparsity()) if tensor.Sparsity() else numbers.reshape(shape)


def indices(kind, table):
    read = VECTORS[kind]()
    read.Init(table.Bytes, table.Pos)
    return read.ValuesAsNumpy()


def densify(numbers, shape, sparsity):
    """TensorFlow Lite's nested sparse format: every level is dense or CSR; the last levels are the blocks' insides."""
    order = [int(n) for n in sparsity.TraversalOrderAsNumpy()]
    blocks = [int(n) for n in sparsity.BlockMapAsNumpy()] if sparsity.BlockMapLength() else []
    levels = [sparsity.DimMetadata(k) for k in range(sparsity.DimMetadataLength())]
    rank, dense, taken = len(shape), np.zeros(shape, numbers.dtype), 0
    sizes = [level.DenseSize() if level.Format() == DENSE else None for level in levels]
    block_size = {axis: sizes[order.index(rank + k)] for k, axis in enumerate(blocks)}
    lists = [
        None if level.Format() == DENSE else
        (indices(level.ArraySegmentsType(), level.ArraySegments()), indices(level.ArrayIndicesType(), level.ArrayIndices()))
        for level in levels
    ]

    def place(depth, parent, where):
        """Walks one level; `parent` numbers the cell of the level above, as the segment lists count it."""
        nonlocal taken
        if depth == len(levels):
            at = [where[axis] * block_size.get(axis, 1) for axis in range(rank)]
            for k, axis in enumerate(blocks):
                at[axis] += where[rank + k]
            dense[tuple(at)] = numbers[taken]
            taken += 1
        elif lists[depth] is None:
            for i in range(sizes[depth]):
                place(depth + 1, parent * sizes[depth] + i, {**where, order[depth]: i})
        else:
            segments, members = lists[depth]
            for cell in range(int(segments[parent]), int(segments[parent + 1])):
                place(depth + 1, cell, {**where, order[depth]: int(members[cell])})

    place(0, 0, {})
    if taken != len(numbers):
        raise ValueError(f'sparse tensor: {taken} of {len(numbers)} values placed')
    return dense
