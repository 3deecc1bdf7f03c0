import Datasets
import ModelBundle

/// What is learnt, from what, and how: a YAML file.
///
///     name: faces-and-voices
///     seed: 1
///     data:
///       shards: [shards/clips]          # folders of `fwoc-train prepare`
///       split: {validation: 0.1, test: 0.2}
///     modalities:
///       - {name: face, encoder: mobilefacenet-small, size: 256}
///       - {name: voice, encoder: depthwise-tdnn, size: 256, seconds: 2}
///     fuser: {name: embracenet, size: 256}
///     losses:
///       - {name: triplet, on: fused, margin: 0.2}
///     optimizer: {name: adam, rate: 0.001}
///     schedule: {name: cosine, warm_up: 1}
///     batch: {people: 16, samples: 4}
///     epochs: 30
///
/// Every key has its documentation at the property that it becomes. Unknown keys are errors that name the line and the nearest known key.
public struct Recipe: Sendable {
    /// Of the run, in reports.
    public var name: String
    /// Everything that is drawn follows from it: first weights, splits, the axes that a teacher's answers are reduced to, and ``draws``.
    public var seed: UInt64
    /// What is drawn in training follows from it: order, crops, noise. The seed where it is not given. Who goes on from a run's weights keeps the seed and gives another number here:
    /// the same draws again are learnt by heart.
    public var draws: UInt64
    public var data: TrainingDataSource
    /// In the order of the fuser's inputs.
    public var modalities: [ModalityRecipe]
    public var fuser: FuserRecipe?
    public var losses: [LossTerm]
    public var optimizer: OptimizerRecipe
    public var schedule: LearningSchedule
    /// People of a batch, and samples of each.
    public var identitiesPerBatch: Int
    public var samplesPerIdentity: Int
    public var epochs: Int
    /// What networks multiply in while they learn: `precision: mixed` is 1.6 times as fast for `mobilefacenet-medium` and 2 times for `depthwise-tdnn`, one thread of an EPYC with bfloat16.
    public var precision: Precision
    /// Largest 2-norm of all gradients together; larger ones are scaled down.
    public var gradientLimit: Double
    /// Probability that a training sample loses one of its modalities (never all).
    public var modalityDropout: Double
    public var validation: ValidationRecipe
    /// Folder in which embeddings of frozen encoders are kept from run to run; templates of people, which stay on this machine.
    public var cache: String?
    /// Steps between checkpoints, besides those at the end of each epoch.
    public var checkpointSteps: Int
    /// The recipe as YAML with everything in place that was overridden, and paths from the root: it can be read from any folder.
    public var text: String
    /// As it was given: two runs with the same source are the same run, wherever the data have gone.
    public var source: String

    /// An encoder and what it reads.
    public struct ModalityRecipe: Sendable {
        public var modality: any Modality
        /// A name of the modality's, or the path of an ONNX file.
        public var encoder: String
        public var isFile: Bool
        /// Of its embedding; a file's own.
        public var dimension: Int
        /// Whether the encoder learns. One that does not is run once for each sample and view.
        public var isTrainable: Bool
        /// Looks at each sample that a frozen encoder is given: the first as it is, the others augmented.
        public var views: Int

        public var name: String { type(of: modality).name }
    }

    public struct FuserRecipe: Sendable, Hashable {
        public var name: String
        public var dimension: Int
        /// Whether triplets on `fused` see every sample also as one that contradicts itself: its first modality with the others of somebody else, which is nobody.
        public var learnsContradictions = false
    }

    public struct OptimizerRecipe: Sendable, Hashable {
        public enum Name: String, Sendable, CaseIterable { case adam, adamw, muon, sgd }
        public var name: Name
        public var rate: Double
        public var weightDecay: Double
        public var momentum: Double
        /// 0…<1: where above 0, what is measured and kept are weights averaged over the last steps (``WeightAverage``), of which one counts by this factor less than the next.
        public var average = 0.0
    }

    public struct ValidationRecipe: Sendable, Hashable {
        public enum Metric: String, Sendable, CaseIterable {
            case auc, eer, loss

            public var isHigherBetter: Bool { self == .auc }
        }
        /// By which the best checkpoint is chosen.
        public var metric: Metric
        /// Epochs between measurements.
        public var every: Int
        /// Measurements without a better one after which training stops; 0 for never.
        public var patience: Int
        /// Samples of each person at most.
        public var samplesPerIdentity: Int
    }
}

/// The names that a recipe may use: modalities besides faces and voices are added here.
public struct RecipeVocabulary: Sendable {
    public var modalities: [any Modality.Type]

    public init(modalities: [any Modality.Type] = [FaceModality.self, VoiceModality.self]) { self.modalities = modalities }
}
