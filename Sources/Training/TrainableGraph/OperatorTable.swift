import ModelBundle

/// The operators by name: each turns the inputs of a node into its outputs with libtorch, which records how.
///
/// A family adds its operators in one line of ``families``. They are asked in every run: whatever a node's attributes or values say is checked there.
enum OperatorTable {
    typealias Evaluation = @Sendable (NodeCall) throws -> [TorchTensor?]

    static let evaluations: [String: Evaluation] = {
        var table: [String: Evaluation] = [:]
        for family in families {
            for (name, evaluation) in family { precondition(table.updateValue(evaluation, forKey: name) == nil, "operator '\(name)' is there twice") }
        }
        return table
    }()

    /// Inputs that are read on the processor wherever the others are: shapes, axes, amounts.
    static let hostInputs: [String: Set<Int>] = [
        "Reshape": [1], "Expand": [1], "Slice": [1, 2, 3, 4], "Unsqueeze": [1], "Squeeze": [1], "Pad": [1, 2, 3], "Tile": [1], "Resize": [1, 2, 3],
        "Upsample": [1], "Split": [1], "TopK": [1], "ConstantOfShape": [0], "OneHot": [1], "Range": [0, 1, 2], "CumSum": [1], "Clip": [1, 2],
        "Dropout": [1, 2], "LSTM": [4], "GRU": [4], "RNN": [4], "ReduceSum": [1], "ReduceMean": [1], "ReduceMax": [1], "ReduceMin": [1], "ReduceProd": [1],
        "ReduceL1": [1], "ReduceL2": [1], "ReduceLogSum": [1], "ReduceLogSumExp": [1], "ReduceSumSquare": [1], "If": [0],
    ]

    private static let families: [[String: Evaluation]] = [
        elementwise, comparisons, reductions, products, convolutions, pools, normalizations, recurrences, arrangements, indexing, constants, resizing, quantization,
    ]
}
