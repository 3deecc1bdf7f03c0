extension Program {
    /// Rewrites for speed; every value that is an output keeps its meaning.
    mutating func optimize(options: NetworkOptions, weights: WeightStore) throws(InferenceError) {
        for operation in operations.indices {
            for branch in operations[operation].branches.indices {
                try operations[operation].branches[branch].program.optimize(options: options, weights: weights)
            }
        }
        fuseQuantized()
        foldAffine()
        try useChannelsLast(options: options, weights: weights)
        try fuseEpilogues(options: options, weights: weights)
        removeDeadOperations()
        mergeSiblings()
        joinTimeBuffers()
        chainLayers(options: options, weights: weights)
    }
}
