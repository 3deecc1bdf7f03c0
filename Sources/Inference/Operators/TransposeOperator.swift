import CKernels
import ModelBundle
import Tensors

/// `Transpose`: axes in another order.
struct TransposeOperator: Operator {
    static let names = ["Transpose"]

    static func permutation(_ node: NodeContext) throws(InferenceError) -> [Int] {
        let rank = try node.type(0).rank
        let permutation = try node.ints("perm") ?? Array((0..<rank).reversed())
        guard permutation.sorted() == Array(0..<rank) else { throw node.malformed("perm \(permutation) of \(rank) axes") }
        return permutation
    }

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0)
        return [TensorType(rearranged: try Self.permutation(node).map { type.shape[$0] }, type.elementType)]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let type = try node.type(0)
        let permutation = try Self.permutation(node)
        // Only axes of size 1 move: the same bytes.
        if permutation.filter({ type.shape[$0] != 1 }).isSorted || type.count == 0 { return Kernel(.view(ofInput: 0)) }
        let strides = type.shape.rowMajorStrides
        let copy = StridedCopy(sizes: node.outputs[0].shape, sourceStrides: permutation.map { strides[$0] }, elementSize: type.elementType.size)
        if type.elementType == .float32, let matrix = copy.matrixTransposition {
            let variant = node.options.variant
            let size = matrix.rows * matrix.columns
            return Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: Float.self)
                let y = unsafe arguments.outputPointer(0, as: Float.self)
                for index in 0..<matrix.batch {
                    unsafe inference_transpose(variant, Int64(matrix.rows), Int64(matrix.columns), x + index * size, y + index * size)
                }
            }
        }
        return Kernel { arguments in
            unsafe copy.run(from: arguments.inputPointer(0, as: UInt8.self), to: arguments.outputPointer(0, as: UInt8.self))
        }
    }
}

extension [Int] {
    fileprivate var isSorted: Bool { zip(self, dropFirst()).allSatisfy { $0 < $1 } }
}
