internal import CKernels

/// Power spectrum of 512 real samples. Both filter banks share it. Thread-bound.
@safe final class RealTransform {
    static let length = 512
    static let bins = 257

    private let table = Storage<Float>(count: fwoc_fft512_table_count)
    private let scratch = Storage<Float>(count: fwoc_fft512_scratch_count)
    let power = Storage<Float>(count: bins)

    init() { unsafe fwoc_frontend_fft512_prepare(table.pointer) }

    /// |X[k]|² for k = 0…256 into `power`, X[k] = Σ x[n]·exp(−2πi·kn/512).
    func transform(_ samples: borrowing Storage<Float>) {
        unsafe fwoc_frontend_power512(table.pointer, samples.pointer, scratch.pointer, power.pointer)
    }
}

/// Power spectrum |X[k]|², k = 0…256, of up to 512 real samples, zeros after them. For measurement; allocates.
public func powerSpectrum(_ samples: Span<Float>) -> [Float] {
    precondition(samples.count <= RealTransform.length)
    let transform = RealTransform()
    let input = Storage<Float>(count: RealTransform.length)
    for i in samples.indices { unsafe input.elements[i] = samples[i] }
    transform.transform(input)
    return unsafe Array(transform.power.elements)
}
