public import Biometrics

extension EvaluationReport {
    /// Figures of scores that no embedding stands behind, such as a classifier's over pairs: verification only.
    public static func section(_ condition: Condition, _ role: EmbeddingRole, _ trials: ScoredTrials, samples: Int, people: Int, settings: EvaluationProtocol) -> Section {
        let measured = VerificationMeasurement(trials, settings)
        return Section(
            condition: condition, role: role, samples: samples, people: people, refused: [:], trials: trials.count, unscoredTrials: 0, metrics: measured.metrics,
            curve: measured.curve, histogram: measured.histogram, confusions: [])
    }
}
