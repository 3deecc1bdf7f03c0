/// What a network costs.
public struct NetworkProfile: Sendable {
    public struct Step: Sendable {
        /// ONNX operator, or the engine's own after fusion (`fwoc.…`).
        public let operation: String
        public let name: String
        public let multiplyAccumulates: Int
        /// Processor time, mean over the runs; 0 where ``NetworkOptions/isProfiled`` is off.
        public let nanosecondsPerRun: Int
    }

    /// Runs since load or since the profile was reset.
    public let runs: Int
    public let arenaBytes: Int
    /// All packed weights, shared networks' included.
    public let weightBytes: Int
    /// In the order in which they run.
    public let steps: [Step]

    public var multiplyAccumulates: Int { steps.reduce(0) { $0 + $1.multiplyAccumulates } }
    public var nanosecondsPerRun: Int { steps.reduce(0) { $0 + $1.nanosecondsPerRun } }
}
