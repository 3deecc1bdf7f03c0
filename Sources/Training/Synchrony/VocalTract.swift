import Foundation

/// Log-mel frames as somebody with a longer or shorter throat would have spoken them, at the same time: vocal tract length perturbation (Jaitly and Hinton 2013).
///
///     y(f) = x(f / factor)
///
/// by linear interpolation between the filters' middle frequencies; beyond the last ones these are repeated. A voice's formants and its pitch move together; when something is said stays, which is what
/// lips have to agree with.
public struct VocalTract: Sendable {
    /// For each filter where it reads: the lower one of two neighbours, and the upper one's share.
    private let places: [(lower: Int, share: Float)]

    /// - Parameters:
    ///   - factor: by which frequencies grow, 0.5…2.
    ///   - low, high: of the filter bank, Hz.
    public init(factor: Double, filters: Int, low: Double = 20, high: Double = 8000) {
        func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }
        let start = mel(low), step = (mel(high) - start) / Double(filters + 1)
        places = (0..<filters).map { filter in
            let frequency = 700 * (exp((start + Double(filter + 1) * step) / 1127) - 1)
            let place = max(0, min(Double(filters - 1), (mel(frequency / factor) - start) / step - 1)), lower = min(filters - 2, Int(place))
            return (max(0, lower), Float(place - Double(max(0, lower))))
        }
    }

    /// - Parameter features: `[frames, filters]`.
    public func apply(to features: inout [Float]) {
        let filters = places.count
        guard filters > 1 else { return }
        for frame in stride(from: 0, through: features.count - filters, by: filters) {
            let own = Array(features[frame..<frame + filters])
            for (filter, place) in places.enumerated() { features[frame + filter] = own[place.lower] * (1 - place.share) + own[place.lower + 1] * place.share }
        }
    }
}
