extension Program {
    /// Rewrites for speed; every value that is an output keeps its meaning.
    mutating func optimize(options: NetworkOptions, weights: WeightStore) throws(InferenceError) {
    }
}
