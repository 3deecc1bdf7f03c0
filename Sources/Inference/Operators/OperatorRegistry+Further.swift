extension OperatorRegistry {
    /// The breadth of ONNX beyond the hot networks.
    static let furtherFamilies: [any Operator.Type] = [
        ComparisonOperator.self, PredicateOperator.self, WhereOperator.self, PowerOperator.self,
        LSTMOperator.self, GRUOperator.self, RNNOperator.self,
    ]
}
