import CKernels
import Foundation
import Tensors

/// `Pow`: powers with broadcasting; the exponent may hold another type than the base, whose type the result has.
struct PowerOperator: NumericOperator {
    static let names = ["Pow"]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        let type = try node.type(0, among: ElementType.numbers)
        _ = try node.type(1, among: ElementType.numbers)
        return [try node.makeType(try node.broadcast(0..<2), type.elementType)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let type = node.outputs[0]
        // The square is by far the commonest power.
        if E.self == Float.self, node.inputs[1]?.constant?.count == 1, try node.constantFloat(1) == 2, type.shape == (try node.shape(0)) {
            let variant = node.options.variant, count = Int64(type.count)
            var kernel = Kernel { arguments in
                let x = unsafe arguments.inputPointer(0, as: Float.self)
                unsafe inference_combine(variant, Int32(inference_multiply), x, 1, x, 1, arguments.outputPointer(0), count)
            }
            kernel.inPlaceInputs = [0]
            return kernel
        }
        let walk = BroadcastWalk(try node.shape(0), try node.shape(1), to: type.shape)
        switch try node.type(1).elementType {
        case .float32: return Self.kernel(walk, E.self, Float.self)
        case .float64: return Self.kernel(walk, E.self, Double.self)
        case .int8: return Self.kernel(walk, E.self, Int8.self)
        case .uint8, .bool: return Self.kernel(walk, E.self, UInt8.self)
        case .int16: return Self.kernel(walk, E.self, Int16.self)
        case .uint16: return Self.kernel(walk, E.self, UInt16.self)
        case .int32: return Self.kernel(walk, E.self, Int32.self)
        case .uint32: return Self.kernel(walk, E.self, UInt32.self)
        case .int64: return Self.kernel(walk, E.self, Int64.self)
        case .uint64: return Self.kernel(walk, E.self, UInt64.self)
        }
    }

    private static func kernel<E: NumericElement, P: NumericElement>(_ walk: BroadcastWalk, _: E.Type, _: P.Type) -> Kernel {
        Kernel { arguments in
            let x = unsafe arguments.inputPointer(0, as: E.self), z = unsafe arguments.inputPointer(1, as: P.self)
            let y = unsafe arguments.outputPointer(0, as: E.self)
            walk.forEachRun { left, leftStep, right, rightStep, result, count in
                for index in 0..<count {
                    unsafe y[result + index] = unsafe E(converting: pow(x[left + index * leftStep].double, z[right + index * rightStep].double))
                }
            }
        }
    }
}
