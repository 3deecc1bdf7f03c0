public import Foundation

/// What a training run was, what it cost and how it ended: `run.json` in its folder.
///
/// Numbers that are not finite are written as the strings `nan`, `inf` and `-inf`; times are UTC in whole seconds (ISO 8601).
public struct RunRecord: Sendable, Codable, Equatable {
    public static let schema = "fwoc.run/1"

    public enum Status: String, Sendable, Codable, CaseIterable {
        /// At work, or killed without a chance to say so.
        case running
        case finished
        /// The selection metric no longer got better.
        case stoppedEarly = "stopped-early"
        /// By a signal; it can be resumed.
        case interrupted
        /// ``RunRecord/reason`` says why.
        case failed
    }

    /// One modality's encoder.
    public struct Modality: Sendable, Codable, Equatable {
        public var name: String
        /// The architecture's name in the recipe, or the model file that it comes from.
        public var encoder: String
        /// Of its embedding.
        public var dimension: Int
        public var isTrainable: Bool
        public var parameters: Int
        /// Of one inference, where they are known.
        public var multiplyAccumulates: Int?
        /// Milliseconds of one inference in `Inference` on one thread, where measured.
        public var milliseconds: Double?

        public init(
            name: String, encoder: String, dimension: Int, isTrainable: Bool, parameters: Int, multiplyAccumulates: Int? = nil, milliseconds: Double? = nil
        ) {
            self.name = name
            self.encoder = encoder
            self.dimension = dimension
            self.isTrainable = isTrainable
            self.parameters = parameters
            self.multiplyAccumulates = multiplyAccumulates
            self.milliseconds = milliseconds
        }
    }

    /// What makes one embedding of several.
    public struct Fuser: Sendable, Codable, Equatable {
        public var name: String
        public var dimension: Int
        public var parameters: Int
        public var toleratesMissingModality: Bool
        /// As of a modality.
        public var multiplyAccumulates: Int?
        public var milliseconds: Double?

        public init(
            name: String, dimension: Int, parameters: Int, toleratesMissingModality: Bool, multiplyAccumulates: Int? = nil, milliseconds: Double? = nil
        ) {
            self.name = name
            self.dimension = dimension
            self.parameters = parameters
            self.toleratesMissingModality = toleratesMissingModality
            self.multiplyAccumulates = multiplyAccumulates
            self.milliseconds = milliseconds
        }
    }

    public struct Loss: Sendable, Codable, Equatable {
        public var name: String
        /// What it is taken of: `fused`, or a modality's name.
        public var on: String
        public var weight: Double

        public init(name: String, on: String, weight: Double = 1) {
            self.name = name
            self.on = on
            self.weight = weight
        }
    }

    /// A part of the data, such as `training` or `validation`.
    public struct Subset: Sendable, Codable, Equatable {
        public var name: String
        public var people: Int
        public var rows: Int

        public init(name: String, people: Int, rows: Int) {
            self.name = name
            self.people = people
            self.rows = rows
        }
    }

    public private(set) var schema = Self.schema
    public var name: String
    public var status = Status.running
    /// Why it failed or stopped.
    public var reason: String?
    public var seed: UInt64
    /// YAML as resolved: every key with the value that was used.
    public var recipe: String
    public var modalities: [Modality]
    /// Absent where a single modality was trained.
    public var fuser: Fuser?
    public var losses: [Loss]
    /// `cpu` or `cuda`.
    public var device: String
    public var threads: Int
    public var processes: Int
    public var libtorch: String
    /// Version of the program.
    public var program: String
    public var data: [Subset]

    /// Seconds of work, without the pauses between an interruption and its resumption.
    public var seconds = 0.0
    /// Training alone, without validation.
    public var samplesPerSecond: Double?
    public var peakMemoryMiB: Double?
    /// Epochs and steps that are done.
    public var epochs = 0
    public var steps = 0
    /// The validation metric that the best checkpoint is chosen by.
    public var selectionMetric: String?
    public var isHigherBetter = true
    public var bestEpoch: Int?
    public var bestValue: Double?
    public var started: Date
    /// Absent while it runs.
    public var ended: Date?

    /// - Parameter started: is cut to whole seconds.
    public init(
        name: String, seed: UInt64, recipe: String, modalities: [Modality], fuser: Fuser? = nil, losses: [Loss], device: String, threads: Int,
        processes: Int = 1, libtorch: String, program: String, data: [Subset], started: Date = Date()
    ) {
        self.name = name
        self.seed = seed
        self.recipe = recipe
        self.modalities = modalities
        self.fuser = fuser
        self.losses = losses
        self.device = device
        self.threads = threads
        self.processes = processes
        self.libtorch = libtorch
        self.program = program
        self.data = data
        self.started = Self.wholeSeconds(started)
    }

    /// Says how the run ended.
    public mutating func end(_ status: Status, reason: String? = nil, at time: Date = Date()) {
        self.status = status
        self.reason = reason
        ended = Self.wholeSeconds(time)
    }

    private static func wholeSeconds(_ time: Date) -> Date { Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down)) }
}
