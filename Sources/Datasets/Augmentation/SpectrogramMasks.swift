/// Bands and instants of a spectrogram that a network must do without while it learns: the masks of SpecAugment (Park et al., Interspeech 2019), one of each kind, without warping of time.
public struct SpectrogramMasks: Hashable, Sendable {
    /// Neighbouring filters that are hidden, at most; any number from none on alike.
    public var bands: Int
    /// Neighbouring frames that are hidden, at most.
    public var frames: Int

    /// - Parameters: both 0 or more; what is wider than a spectrogram hides all of it.
    public init(bands: Int, frames: Int) { (self.bands, self.frames) = (bands, frames) }

    /// Sets what is hidden to zero, the mean of a filter where means have been subtracted.
    /// - Parameters:
    ///   - values: `[frames, filters]`.
    ///   - random: four numbers are taken.
    public func apply(to values: inout [Float], filters: Int, random: inout SeededGenerator) {
        let count = values.count / filters
        func stretch(_ most: Int, of size: Int, _ random: inout SeededGenerator) -> Range<Int> {
            let width = min(size, random.index(below: most + 1))
            let start = random.index(below: size - width + 1)
            return start..<start + width
        }
        let hidden = stretch(bands, of: filters, &random), instants = stretch(frames, of: count, &random)
        for frame in 0..<count { for filter in hidden { values[frame * filters + filter] = 0 } }
        for place in instants.lowerBound * filters..<instants.upperBound * filters { values[place] = 0 }
    }
}
