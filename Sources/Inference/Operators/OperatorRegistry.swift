/// All operators by name. A family is added in one line of ``OperatorRegistry/families``.
struct OperatorRegistry: Sendable {
    static let shared = OperatorRegistry()

    private let operators: [String: any Operator]

    private init() {
        var operators: [String: any Operator] = [:]
        for family in Self.families + Self.furtherFamilies {
            for name in family.names {
                precondition(operators.updateValue(family.init(), forKey: name) == nil, "operator '\(name)' is registered twice")
            }
        }
        self.operators = operators
    }

    subscript(name: String) -> (any Operator)? { operators[name] }

    /// ONNX operators that the engine runs, sorted.
    var names: [String] { operators.keys.filter { !$0.hasPrefix("fwoc.") }.sorted() + ["If"] }

    /// What the hot networks need.
    private static let families: [any Operator.Type] = [
        FloatMapOperator.self, ClipOperator.self, ArithmeticOperator.self, PReluOperator.self,
        ConvOperator.self, FusedConvOperator.self, TimeBufferOperator.self, TimeConvOperator.self, MatrixProductOperator.self, GemmOperator.self,
        QuantizedLayerOperator.self, QuantizePlanesOperator.self, QuantizedAddOperator.self,
        PoolOperator.self, GlobalPoolOperator.self, BatchNormalizationOperator.self,
        ViewOperator.self, ReshapeOperator.self, SqueezeOperator.self, FlattenOperator.self,
        TransposeOperator.self, ConcatOperator.self, SliceOperator.self, GatherOperator.self, PadOperator.self, ResizeOperator.self,
        ShapeOperator.self, ConstantOperator.self, ConstantOfShapeOperator.self, CastOperator.self,
        ReduceOperator.self, SoftmaxOperator.self,
    ]
}
