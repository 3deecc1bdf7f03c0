extension OperatorRegistry {
    /// The breadth of ONNX beyond the hot networks.
    static let furtherFamilies: [any Operator.Type] = []
}
