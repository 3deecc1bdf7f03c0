/// A pixel format that a camera has, with its sizes and rates.
public struct CameraOffer: Hashable, Sendable {
    public struct Size: Hashable, Sendable {
        /// One value each where the driver lists its sizes.
        public var widths: ClosedRange<Int>
        public var heights: ClosedRange<Int>
        /// Frames per second; one value each where the driver lists its rates. Of the greatest size where this is a range.
        public var rates: [ClosedRange<Double>]
    }

    public var code: FourCharacterCode
    /// In the driver's words.
    public var description: String
    public var isCompressed: Bool
    /// libv4l2 makes it out of another format.
    public var isEmulated: Bool
    public var sizes: [Size]

    /// Nil where this project cannot read it.
    public var format: CameraFormat? { CameraFormat(code) }

    /// How well it serves: 2 in that size at that rate or a higher one, 1 in that size, 0 otherwise. What the driver does not say is assumed.
    func fitness(width: Int, height: Int, rate: Double) -> Int {
        guard !sizes.isEmpty else { return 2 }
        let fitting = sizes.filter { $0.widths.contains(width) && $0.heights.contains(height) }
        guard !fitting.isEmpty else { return 0 }
        // 29.97 serves where 30 is asked for.
        return fitting.contains { $0.rates.isEmpty || $0.rates.contains { rate * 0.99 <= $0.upperBound } } ? 2 : 1
    }
}

extension CameraSettings {
    /// The format to ask for among the offered ones; nil where none is wanted.
    func choice(among offers: [CameraOffer]) -> CameraOffer? {
        var best: (offer: CameraOffer, fitness: Int)?
        for wanted in formats {
            for offer in offers where offer.format == wanted {
                let fitness = offer.fitness(width: width, height: height, rate: rate)
                if fitness > best?.fitness ?? -1 { best = (offer, fitness) }
            }
        }
        return best?.offer
    }
}
