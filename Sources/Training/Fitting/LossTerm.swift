import Foundation
import ModelBundle

/// One part of what is minimised: a loss, what it looks at, and how much it counts.
///
/// Recipe, by `name`:
/// - `cross-entropy`: `smoothing` (0)
/// - `additive-angular-margin`: `scale` (30), `margin` (0.3)
/// - `triplet`: `margin` (0.2), `mining` (semi-hard | hard)
/// - `contrastive`: `margin` (0.6), curriculum `start` (0.3), `step` (0.1), `every` (2), `end` (0.8); between two modalities
/// - `info-nce`: `temperature` (0.07), `bank` (0): past embeddings kept as negatives, `momentum` (0) of a bank that keeps one running mean for each person instead
///   of the newest; between two modalities, or within one embedding
/// - `distillation`: `teacher`, an ONNX file of one modality's input; `person` (0): the share of the mean of a clean teacher's answers to all samples of a person in what is
///   wanted of each of them, which says less of the room and the moment; `centred` (false): less the mean of a clean teacher's answers to all people, which says of nobody who
///   they are; `measure` (cosine | absolute | relational | divergence: both as logits | similarity: to all of a clean teacher's
///   answers), `temperature` of `divergence` (4) and `similarity` (0.07);
///   `sees` (same | clean): what the student sees, or each sample as it is, in which case the teacher is asked once for each and its answers are kept; a clean teacher of more
///   numbers than the student's is reduced to the principal axes of its answers, which are turned to what a student says already whose encoder is a file
/// - `preservation`: fused embeddings are to one another as all that went into them, side by side, is: ``Distillation/relational(student:teacher:)`` with the embeddings of
///   the modalities as they are, zeros where one is missing, which costs a modality alone nothing; `shares` (1 each): how much the modalities' cosines count, in the recipe's order
///
/// Of all: `on`, `fused`, a modality's name, or for losses between two modalities `[face, voice]`; `weight` (1).
public struct LossTerm: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case crossEntropy(smoothing: Double)
        case additiveAngularMargin(scale: Double, margin: Double)
        case triplet(margin: Double, mining: TripletLoss.Mining)
        case contrastive(margin: Double, CurriculumContrastive.Curriculum)
        case infoNCE(temperature: Double, bank: Int, momentum: Double)
        case distillation(teacher: String, Measure, temperature: Double, sees: TeacherView, person: Double, isCentred: Bool)
        case preservation(shares: [Double])
    }

    /// How a student is compared with its teacher.
    public enum Measure: String, Sendable, CaseIterable { case cosine, absolute, relational, divergence, similarity }

    /// What a teacher is shown.
    public enum TeacherView: String, Sendable, CaseIterable { case same, clean }

    private enum Name: String, CaseIterable {
        case crossEntropy = "cross-entropy", additiveAngularMargin = "additive-angular-margin", triplet, contrastive, infoNCE = "info-nce", distillation, preservation
    }

    public var name: String
    public var kind: Kind
    /// `fused` or names of modalities.
    public var on: [String]
    public var weight: Double

    /// What results are called by: `triplet(fused)`.
    public var label: String { "\(name)(\(on.joined(separator: "+")))" }
    /// Whether it classifies: the people that are learnt from are its classes.
    public var hasClasses: Bool {
        switch kind {
        case .crossEntropy, .additiveAngularMargin: true
        default: false
        }
    }

    init(_ section: inout YAMLSection, modalities: [String], hasFuser: Bool, folder: URL) throws(BundleError) {
        guard let name: Name = try section.optionalChoice("name") else {
            throw section.problem("name", "missing; one of \(Name.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.name = name.rawValue
        weight = try section.optionalReal("weight", in: 0...1e6) ?? 1
        let known = modalities + (hasFuser ? ["fused"] : [])
        let between = name == .contrastive
        var on = try section.texts("on")
        if on.isEmpty { on = between ? Array(modalities.prefix(2)) : [hasFuser ? "fused" : modalities[0]] }
        for name in on where !known.contains(name) { throw section.problem("on", "‘\(name)’ is not one of \(known.joined(separator: ", "))") }
        let expected = between ? 2...2 : name == .infoNCE ? 1...2 : 1...1
        guard expected.contains(on.count), Set(on).count == on.count else {
            throw section.problem("on", "\(name.rawValue) is \(between ? "between two modalities" : name == .infoNCE ? "within one embedding or between two modalities" : "on one embedding"); given is \(on.joined(separator: ", "))")
        }
        self.on = on
        switch name {
        case .crossEntropy: kind = .crossEntropy(smoothing: try section.optionalReal("smoothing", in: 0...0.99) ?? 0)
        case .additiveAngularMargin:
            kind = .additiveAngularMargin(scale: try section.optionalReal("scale", in: 0.1...1000) ?? 30, margin: try section.optionalReal("margin", in: 0...1.5) ?? 0.3)
        case .triplet: kind = .triplet(margin: try section.optionalReal("margin", in: 0...4) ?? 0.2, mining: try section.choice("mining", default: .semiHard))
        case .contrastive:
            let margin = try section.optionalReal("margin", in: 0...2) ?? 0.6
            kind = .contrastive(
                margin: margin,
                CurriculumContrastive.Curriculum(
                    start: try section.optionalReal("start", in: 0...1) ?? 0.3, step: try section.optionalReal("step", in: 0...1) ?? 0.1,
                    every: try section.optionalInteger("every", in: 1...10_000) ?? 2, end: try section.optionalReal("end", in: 0...1) ?? 0.8))
        case .infoNCE:
            kind = .infoNCE(
                temperature: try section.optionalReal("temperature", in: 1e-3...100) ?? 0.07, bank: try section.optionalInteger("bank", in: 0...1_000_000) ?? 0,
                momentum: try section.optionalReal("momentum", in: 0...0.9999) ?? 0)
        case .preservation:
            guard on == ["fused"] else { throw section.problem("on", "preservation compares fused embeddings with what went into them; it is on fused") }
            let shares = try section.texts("shares")
            let numbers = shares.compactMap(Double.init).filter { $0 > 0 && $0 <= 1e6 }
            guard numbers.count == shares.count, shares.isEmpty || shares.count == modalities.count else {
                throw section.problem("shares", "[\(shares.joined(separator: ", "))]: expected a number above 0 for each of \(modalities.joined(separator: ", "))")
            }
            kind = .preservation(shares: shares.isEmpty ? modalities.map { _ in 1 } : numbers)
        case .distillation:
            guard modalities.contains(on[0]) else { throw section.problem("on", "a teacher sees one modality's input; name one of \(modalities.joined(separator: ", "))") }
            let measure: Measure = try section.choice("measure", default: .cosine)
            kind = .distillation(
                teacher: Recipe.resolved(try section.text("teacher"), folder), measure,
                temperature: try section.optionalReal("temperature", in: 0.01...1000) ?? (measure == .similarity ? 0.07 : 4), sees: try section.choice("sees", default: .same),
                person: try section.optionalReal("person", in: 0...1) ?? 0, isCentred: try section.optionalFlag("centred") ?? false)
        }
    }
}
