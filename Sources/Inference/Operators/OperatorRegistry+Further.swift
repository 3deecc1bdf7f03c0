extension OperatorRegistry {
    /// The breadth of ONNX beyond the hot networks.
    static let furtherFamilies: [any Operator.Type] = [
        ComparisonOperator.self, PredicateOperator.self, WhereOperator.self, PowerOperator.self, FunctionOperator.self,
        VariadicOperator.self, ModOperator.self,
        LSTMOperator.self, GRUOperator.self, RNNOperator.self, ConvTransposeOperator.self,
        LayerNormalizationOperator.self, GroupNormalizationOperator.self, AxisNormalizationOperator.self,
        LocalResponseNormalizationOperator.self,
        SplitOperator.self, ExpandOperator.self, DepthToSpaceOperator.self, ElementIndexOperator.self, SliceIndexOperator.self,
        ArgumentOperator.self, TopKOperator.self, CumulativeSumOperator.self, RangeOperator.self, OneHotOperator.self,
        QuantizeOperator.self, DequantizeOperator.self, DynamicQuantizeOperator.self, QuantizedConvOperator.self,
        QuantizedMatrixProductOperator.self,
    ]
}
