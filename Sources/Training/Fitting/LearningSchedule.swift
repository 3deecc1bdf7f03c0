import Foundation
import ModelBundle

/// How the learning rate moves.
///
/// Recipe: `name: constant`; `cosine` falls as (1 + cos πt)/2 to `floor` of the rate (Loshchilov and Hutter, "SGDR", ICLR 2017, without restarts); `step`
/// multiplies by `factor` every `every` epochs. `warm_up` epochs rise from nothing in a straight line (Goyal et al., 2017).
public struct LearningSchedule: Sendable, Hashable {
    public enum Name: String, Sendable, CaseIterable { case constant, cosine, step }

    public var name: Name
    /// Epochs, may be broken.
    public var warmUp: Double
    /// Share of the rate at the end of `cosine`.
    public var floor: Double
    /// Of `step`.
    public var every: Double
    public var factor: Double

    public init(name: Name = .constant, warmUp: Double = 0, floor: Double = 0, every: Double = 10, factor: Double = 0.1) {
        (self.name, self.warmUp, self.floor, self.every, self.factor) = (name, warmUp, floor, every, factor)
    }

    init(_ section: inout YAMLSection) throws(BundleError) {
        self.init(
            name: try section.choice("name", default: .constant), warmUp: try section.optionalReal("warm_up", in: 0...10_000) ?? 0,
            floor: try section.optionalReal("floor", in: 0...1) ?? 0, every: try section.optionalReal("every", in: 0.001...100_000) ?? 10,
            factor: try section.optionalReal("factor", in: 0...1) ?? 0.1)
    }

    /// What the rate is multiplied with.
    /// - Parameters:
    ///   - epoch: how far training is in the middle of the step, in epochs: so that no step has the rate 0, neither the first of a warm-up nor cosine's last.
    ///   - epochs: how long it is meant to be.
    public func factor(epoch: Double, of epochs: Double) -> Double {
        if epoch < warmUp { return epoch / warmUp }
        switch name {
        case .constant: return 1
        case .cosine:
            let share = min(1, max(0, (epoch - warmUp) / max(epochs - warmUp, 1e-9)))
            return floor + (1 - floor) * (1 + cos(.pi * share)) / 2
        // A step that ends exactly at such an epoch still belongs to it; the small number is for quotients that are not exact.
        case .step: return pow(factor, max(0, (epoch / every - 1e-9).rounded(.down)))
        }
    }
}
