import Tensors

/// The sound that belongs to a mouth, among sounds of the same moment, of other moments and of other people.
///
///     S(i, j, o) = 1/n Σ_t v_i(t) · a_j(t + o) ,   over the n frames t for which t + o lies in the window
///     L = − 1/2B Σᵢ [ log softmax_(j,o) (S(i, ·, ·)/T) at (i, 0)  +  log softmax_(j,o) (S(·, i, ·)/T) at (i, 0) ]
///
/// v and a are unit-length embeddings of mouths and of sounds, one for each 40 ms. A window compared whole is what is decided by afterwards, so that is what is
/// learnt, as in Chung, Chung and Kang, "Perfect Match", ICASSP 2019, but with offsets and strangers among the candidates. Neighbours one frame away
/// are no candidates: recordings are not in step to a frame.
///
/// Give no frames whose networks looked beyond the window's ends: both streams would know the ends by their padding, and find the offset by them.
public struct SynchronyLoss: Sendable {
    /// T, positive.
    public var temperature: Double
    /// Largest offset that is a candidate, in frames.
    public var reach: Int

    public init(temperature: Double = 0.05, reach: Int = 15) {
        self.temperature = temperature
        self.reach = reach
    }

    /// S, `[batch of mouths, batch of sounds, 2 · reach + 1]`.
    /// - Parameters:
    ///   - mouths, sounds: `[batch, time, dimension]`, of length 1; time is longer than ``reach``.
    public func similarities(_ mouths: TorchTensor, _ sounds: TorchTensor) throws(TorchError) -> TorchTensor {
        let (batch, others, time, dimension) = (mouths.shape[0], sounds.shape[0], mouths.shape[1], mouths.shape[2])
        let offsets = 2 * reach + 1
        // All products of all frames, and a matrix that takes the means along their diagonals.
        let products = try mouths.reshaped([batch * time, dimension]).matmul(sounds.reshaped([others * time, dimension]).transposed())
        var means = [Float](repeating: 0, count: time * time * offsets)
        for place in 0..<offsets {
            let offset = place - reach, count = time - abs(offset)
            guard count > 0 else { continue }
            for t in max(0, -offset)..<min(time, time - offset) { means[(t * time + t + offset) * offsets + place] = 1 / Float(count) }
        }
        let pairs = try products.reshaped([batch, time, others, time]).permuted([0, 2, 1, 3]).reshaped([batch * others, time * time])
        return try pairs.matmul(TorchTensor(means, shape: [time * time, offsets], device: mouths.device)).reshaped([batch, others, offsets])
    }

    /// - Parameters: as of ``similarities(_:_:)``; row i of both is of the same window. Further rows of mouths made no sound at all, and are candidates of every one.
    public func callAsFunction(_ mouths: TorchTensor, _ sounds: TorchTensor) throws(TorchError) -> TorchTensor {
        let batch = sounds.shape[0], all = mouths.shape[0], offsets = 2 * reach + 1
        var blocked = [Float](repeating: 0, count: all * batch * offsets)
        for row in 0..<batch { for step in [-1, 1] where reach >= 1 { blocked[(row * batch + row) * offsets + reach + step] = -1e4 } }
        let logits = try similarities(mouths, sounds) / temperature + TorchTensor(blocked, shape: [all, batch, offsets], device: mouths.device)
        let labels = (0..<batch).map { $0 * offsets + reach }
        let forMouths = try CrossEntropy()(logits: logits.sliced(0, 0, batch).reshaped([batch, batch * offsets]), labels: labels)
        let forSounds = try CrossEntropy()(logits: logits.permuted([1, 0, 2]).reshaped([batch, all * offsets]), labels: labels)
        return try (forMouths + forSounds) * 0.5
    }
}
