import CKernels
import Foundation
import ModelBundle

/// An activation function of a recurrent layer, with its parameters.
enum RecurrentActivation {
    /// One that the vector kernels have.
    case vectorised(inference_activation)
    case affine(alpha: Float, beta: Float)
    case scaledTanh(alpha: Float, beta: Float)
    case thresholdedRelu(alpha: Float)
    case elu(alpha: Float)
    case softsign
    case softplus

    /// For each direction `defaults.count` activations: those of the attribute `activations`, or the defaults.
    static func parse(_ node: NodeContext, defaults: [String], directions: Int) throws(InferenceError) -> [[RecurrentActivation]] {
        var names = defaults
        for _ in 1..<directions { names += defaults }
        switch node.attributes["activations"] {
        case .strings(let given)?:
            guard given.count == names.count else {
                throw node.malformed("\(given.count) activations for \(directions) directions, expected \(names.count)")
            }
            names = given
        case nil: break
        default: throw node.malformed("attribute 'activations' is not a list of strings")
        }
        var alphas = try floats(node, "activation_alpha"), betas = try floats(node, "activation_beta")
        var result: [[RecurrentActivation]] = []
        var current: [RecurrentActivation] = []
        for name in names {
            current.append(try make(node, name, &alphas, &betas))
            if current.count == defaults.count {
                result.append(current)
                current = []
            }
        }
        return result
    }

    private static func floats(_ node: NodeContext, _ name: String) throws(InferenceError) -> ArraySlice<Float> {
        switch node.attributes[name] {
        case .floats(let values)?: return values[...]
        case nil: return []
        default: throw node.malformed("attribute '\(name)' is not a list of floats")
        }
    }

    /// Parameters are listed for the activations that have them, in order; those that are not given have ONNX's defaults.
    private static func make(
        _ node: NodeContext, _ name: String, _ alphas: inout ArraySlice<Float>, _ betas: inout ArraySlice<Float>
    ) throws(InferenceError) -> RecurrentActivation {
        switch name.lowercased() {
        case "sigmoid": return .vectorised(inference_activation(Int(inference_sigmoid)))
        case "tanh": return .vectorised(inference_activation(Int(inference_tanh)))
        case "relu": return .vectorised(inference_activation(Int(inference_clip), 0, .infinity))
        case "leakyrelu": return .vectorised(inference_activation(Int(inference_leaky_relu), alphas.popFirst() ?? 0.01))
        case "hardsigmoid":
            return .vectorised(inference_activation(Int(inference_hard_sigmoid), alphas.popFirst() ?? 0.2, betas.popFirst() ?? 0.5))
        case "affine": return .affine(alpha: alphas.popFirst() ?? 1, beta: betas.popFirst() ?? 0)
        case "scaledtanh": return .scaledTanh(alpha: alphas.popFirst() ?? 1, beta: betas.popFirst() ?? 1)
        case "thresholdedrelu": return .thresholdedRelu(alpha: alphas.popFirst() ?? 1)
        case "elu": return .elu(alpha: alphas.popFirst() ?? 1)
        case "softsign": return .softsign
        case "softplus": return .softplus
        default: throw node.unsupported("activation '\(name)'")
        }
    }

    @unsafe func apply(_ values: UnsafeMutablePointer<Float>, count: Int, variant: Int32) {
        func each(_ function: (Float) -> Float) {
            for index in 0..<count { unsafe values[index] = unsafe function(values[index]) }
        }
        switch self {
        case .vectorised(let activation): unsafe inference_map(variant, activation, values, values, Int64(count))
        case .affine(let alpha, let beta): each { alpha * $0 + beta }
        case .scaledTanh(let alpha, let beta): each { alpha * tanh(beta * $0) }
        case .thresholdedRelu(let alpha): each { $0 > alpha ? $0 : 0 }
        case .elu(let alpha): each { $0 < 0 ? alpha * expm1($0) : $0 }
        case .softsign: each { $0 / (1 + abs($0)) }
        case .softplus: each { max($0, 0) + log1p(exp(-abs($0))) }
        }
    }
}
