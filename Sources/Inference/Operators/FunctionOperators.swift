import Foundation
import Tensors

/// Functions of one number that no hot network uses, computed in double precision: `Erf`, `Gelu`, `Log`, `Softplus` …
struct FunctionOperator: NumericOperator {
    static let names = [
        "Erf", "Gelu", "Log", "Elu", "Selu", "Celu", "Softplus", "Softsign", "ThresholdedRelu", "Mish", "Floor", "Ceil", "Round", "Sign",
        "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
    ]

    func outputTypes(_ node: NodeContext) throws(InferenceError) -> [TensorType] {
        [try node.type(0, among: node.operation == "Sign" ? ElementType.numbers : ElementType.floats)]
    }

    func kernel<E: NumericElement>(_ node: NodeContext, _: E.Type) throws(InferenceError) -> Kernel {
        let function = try Self.function(node)
        var kernel = Kernel { arguments in
            let x = arguments.input(0, as: E.self)
            var y = arguments.output(0, as: E.self)
            for index in x.indices { y[index] = E(converting: function(x[index].double)) }
        }
        kernel.inPlaceInputs = [0]
        return kernel
    }

    private static func function(_ node: NodeContext) throws(InferenceError) -> (Double) -> Double {
        func alpha(_ fallback: Float) throws(InferenceError) -> Double { Double(try node.float("alpha", default: fallback)) }
        switch node.operation {
        case "Erf": return { erf($0) }
        case "Gelu":
            switch try node.string("approximate", default: "none") {
            case "none": return { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
            case "tanh": return { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
            case let approximation: throw node.unsupported("approximation '\(approximation)'")
            }
        case "Log": return { log($0) }
        case "Elu":
            let alpha = try alpha(1)
            return { $0 < 0 ? alpha * expm1($0) : $0 }
        case "Selu":
            let alpha = try alpha(1.67326319217681884765625), gamma = Double(try node.float("gamma", default: 1.05070102214813232421875))
            return { gamma * ($0 < 0 ? alpha * expm1($0) : $0) }
        case "Celu":
            let alpha = try alpha(1)
            return { $0 < 0 ? alpha * expm1($0 / alpha) : $0 }
        case "Softplus": return { softplus($0) }
        case "Softsign": return { $0 / (1 + abs($0)) }
        case "ThresholdedRelu":
            let alpha = try alpha(1)
            return { $0 > alpha ? $0 : 0 }
        case "Mish": return { $0 * tanh(softplus($0)) }
        case "Floor": return { $0.rounded(.down) }
        case "Ceil": return { $0.rounded(.up) }
        case "Round": return { $0.rounded(.toNearestOrEven) }
        case "Sign": return { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
        case "Sin": return { sin($0) }
        case "Cos": return { cos($0) }
        case "Tan": return { tan($0) }
        case "Asin": return { asin($0) }
        case "Acos": return { acos($0) }
        case "Atan": return { atan($0) }
        case "Sinh": return { sinh($0) }
        case "Cosh": return { cosh($0) }
        case "Asinh": return { asinh($0) }
        case "Acosh": return { acosh($0) }
        case "Atanh": return { atanh($0) }
        default: throw node.unsupported("not a function of one number")
        }
    }

    /// log(1 + eˣ) without overflow.
    private static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }
}
