import FrontEnd

extension LogMel {
    /// Samples that a clip needs beyond its last frame's start, besides the frame's own 10 ms.
    static var clipTail: Int { LogMelContract().frameLength - LogMelContract().frameShift }

    /// All frames of a clip, `[count, 80]`, as the agent's streams give them: no mean is subtracted.
    /// - Parameters:
    ///   - samples: at 16 kHz, −1…1: 160 a frame, and ``clipTail`` for the last one.
    ///   - count: frames.
    static func frames(of samples: [Float], count: Int) -> [Float] {
        let contract = LogMelContract()
        // The contract is the preset's, which is valid.
        guard let mel = try? LogMel(contract: contract, capacity: count) else { return [] }
        mel.append(samples.span)
        var values = [Float](repeating: 0, count: count * contract.filters)
        var span = values.mutableSpan
        mel.copyFrames(0..<count, into: &span)
        return values
    }
}
