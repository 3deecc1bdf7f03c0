import CKernels
import Tensors

/// `Softmax`: over one axis (operator set 13 on), or over everything from the axis on (before).
struct SoftmaxOperator: Operator {
    static let names = ["Softmax"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: [.float32])
        _ = try node.axis(node.int("axis", default: node.opset < 13 ? 1 : -1), rank: max(type.rank, 1))
        return [type]
    }

    func kernel(_ node: NodeContext) throws(InferenceError) -> Kernel {
        let shape = node.outputs[0].shape
        let axis = try node.axis(node.int("axis", default: node.opset < 13 ? 1 : -1), rank: max(shape.count, 1))
        let isFlat = node.opset < 13
        let outer = shape.prefix(axis).reduce(1, *)
        let size = isFlat ? shape.dropFirst(axis).reduce(1, *) : (shape.isEmpty ? 1 : shape[axis])
        let inner = isFlat ? 1 : shape.dropFirst(axis + 1).reduce(1, *)
        let variant = node.options.variant
        var kernel = Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: Float.self)
            let y = unsafe arguments.outputPointer(0, as: Float.self)
            unsafe inference_softmax(variant, Int64(outer), Int64(size), Int64(inner), x, y)
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }
}
