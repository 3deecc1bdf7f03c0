public import Biometrics
public import Gallery

// With N people, n comparisons of different people and the wanted false accepts of a stranger P, the threshold is the higher of
//
//     t_P       the lowest score with  rate(t, N) ≤ P          (FalseAcceptEstimate)
//     t_floor   the bundle's threshold − 0.05
//
// rounded up to hundredths. t_floor is what a gallery of few people may not undercut: the bundle's thresholds rest on more people than a
// household has, and in those there are no siblings of who is not enrolled. Raising is never limited.
//
// Edge rules: N · 3/n > P means that so low a rate cannot be seen in so few comparisons; nothing is fitted then, and it says what is missing.
// A threshold above 1, the highest score there is, cannot be set: these modalities do not tell these people apart so surely.

/// A threshold for decisions by one set of modalities, fitted to the comparisons of a gallery, or why there is none.
public struct ThresholdFit: Sendable {
    /// What is asked for.
    public struct Settings: Sendable, Hashable {
        /// Estimated probability that a stranger is taken for one of the people, between 0 and 1.
        public var falseAccept: Double
        /// Fewer people make too few pairs: among four there are six.
        public var leastPeople = 5
        /// Fewer comparisons of one person say nothing about how often somebody is missed.
        public var leastGenuine = 20

        public init(falseAccept: Double) { self.falseAccept = falseAccept }
    }

    /// What is missing.
    public enum Shortage: Sendable, Hashable, CustomStringConvertible {
        case people(got: Int, needed: Int)
        /// Templates (pairs of a face's and a voice's), because each gives one comparison with everybody else.
        case templates(got: Int, needed: Int, impostors: Int, impostorsNeeded: Int)
        case genuine(got: Int, needed: Int)

        public var description: String {
            switch self {
            case .people(let got, let needed):
                "\(got) of at least \(needed) people: enroll \(needed - got) more"
            case .templates(let got, let needed, let impostors, let impostorsNeeded):
                "\(impostors) of at least \(impostorsNeeded) comparisons of different people: \(got) of \(needed) templates, enroll \(needed - got) more (at most \(Gallery.templatesPerPerson) are kept of each person)"
            case .genuine(let got, let needed):
                "\(got) of at least \(needed) comparisons of one person: enroll \(needed - got) more templates of people who have one already"
            }
        }
    }

    public enum Outcome: Sendable, Hashable {
        case fitted(threshold: Float, FalseAcceptEstimate)
        case tooLittle([Shortage])
        /// Only a score that no comparison can have would be rare enough among different people.
        case unreachable
        /// Nobody has templates of these modalities.
        case absent
    }

    /// How far below the bundle's threshold a gallery may set its own, in units of the fused score, in which different people average 0 and one
    /// person 1.
    public static let mostLowering: Float = 0.05

    public let comparison: GalleryComparison
    public let settings: Settings
    /// The bundle's threshold.
    public let before: Float
    public let outcome: Outcome

    public init(_ comparison: GalleryComparison, bundle before: Float, settings: Settings) {
        self.comparison = comparison
        self.settings = settings
        self.before = before
        outcome = Self.fit(comparison, before, settings)
    }

    /// The threshold in effect afterwards.
    public var after: Float { if case .fitted(let threshold, _) = outcome { threshold } else { before } }

    /// Share of the comparisons of one person below a threshold, 0…1; `nil` without such comparisons.
    public func misses(_ threshold: Float) -> Double? {
        let genuine = comparison.genuine
        guard genuine > 0 else { return nil }
        return Double(zip(comparison.scores, comparison.isSame).count { $1 && $0 < threshold }) / Double(genuine)
    }

    /// Comparisons of different people that reach a threshold.
    public func falseAccepts(_ threshold: Float) -> Int { zip(comparison.scores, comparison.isSame).count { !$1 && $0 >= threshold } }

    /// The lowest probability of taking a stranger for somebody that so many comparisons can show, 0…1.
    public var leastFalseAccept: Double {
        min(1, Double(comparison.people) * FalseAcceptEstimate.leastRate(impostors: comparison.impostors))
    }

    private static func fit(_ comparison: GalleryComparison, _ before: Float, _ settings: Settings) -> Outcome {
        guard comparison.people > 0 else { return .absent }
        let shortages = shortages(comparison, settings)
        guard shortages.isEmpty, let trials = try? comparison.trials() else { return .tooLittle(shortages) }
        let estimate = FalseAcceptEstimate(fitting: trials)
        guard let lowest = estimate.threshold(rate: settings.falseAccept, people: comparison.people) else { return .unreachable }
        let threshold = roundedUp(max(lowest, Double(before - mostLowering)))
        return threshold <= 1 ? .fitted(threshold: Float(threshold), estimate) : .unreachable
    }

    private static func shortages(_ comparison: GalleryComparison, _ settings: Settings) -> [Shortage] {
        var shortages: [Shortage] = []
        let people = comparison.people
        // t templates of N people are t · (N − 1) comparisons, of which 3N/P are needed; of N people at most 32 · N templates are kept.
        let perTemplate = FalseAcceptEstimate.ruleOfThree / settings.falseAccept
        let leastPeople = max(settings.leastPeople, 1 + Int((perTemplate / Double(Gallery.templatesPerPerson)).rounded(.up)))
        if people < leastPeople { shortages.append(.people(got: people, needed: leastPeople)) }
        let reckoned = max(people, leastPeople)
        let impostors = Int((perTemplate * Double(reckoned)).rounded(.up))
        if people < leastPeople || comparison.impostors < impostors {
            let needed = (impostors + reckoned - 2) / (reckoned - 1)
            if comparison.templates < needed {
                shortages.append(.templates(got: comparison.templates, needed: needed, impostors: comparison.impostors, impostorsNeeded: impostors))
            }
        }
        let genuine = comparison.genuine
        if genuine < settings.leastGenuine { shortages.append(.genuine(got: genuine, needed: settings.leastGenuine)) }
        return shortages
    }

    /// To hundredths: no score of a single comparison can be read off a threshold, and nobody sets finer ones.
    private static func roundedUp(_ value: Double) -> Double { ((value - 1e-6) * 100).rounded(.up) / 100 }
}
