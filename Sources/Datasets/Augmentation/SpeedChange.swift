import Glibc

/// Speech at another tempo, and with it another pitch: the sound is read faster or slower, between samples by a windowed sinc of 16 taps. Faster sound
/// ends early and begins again; of slower sound the end is cut off.
struct SpeedChange {
    let factor: Float

    private static let phases = 512
    private static let taps = 16

    /// `[phases, taps]`: a sinc that ends at 7.4 kHz, under a Hann window; each phase's sum is 1.
    private static let table: [Float] = {
        var table: [Float] = []
        for phase in 0..<phases {
            let weights = (0..<taps).map { tap in
                let distance = Double(tap - taps / 2 + 1) - Double(phase) / Double(phases)
                let x = Double.pi * distance * 0.925
                return (abs(x) < 1e-9 ? 1 : sin(x) / x) * (0.5 + 0.5 * cos(Double.pi * distance / Double(taps / 2)))
            }
            let sum = weights.reduce(0, +)
            table += weights.map { Float($0 / sum) }
        }
        return table
    }()

    func apply(to samples: [Float]) -> [Float] {
        let count = samples.count
        let step = Double(max(0.5, min(2, factor)))
        let before = Self.taps / 2 - 1
        // The sound in a ring, laid out as long as it is read.
        let length = Int(Double(count) * step) + Self.taps + 1
        let ring = unsafe [Float](unsafeUninitializedCapacity: length) { ring, filled in
            unsafe samples.withUnsafeBufferPointer { samples in
                var from = (count - before % count) % count
                for i in 0..<length {
                    unsafe ring[i] = samples[from]
                    from += 1
                    if from == count { from = 0 }
                }
            }
            filled = length
        }
        return unsafe [Float](unsafeUninitializedCapacity: count) { sound, filled in
            unsafe ring.withUnsafeBufferPointer { ring in
                unsafe Self.table.withUnsafeBufferPointer { table in
                    for i in 0..<count {
                        let place = Double(i) * step
                        let whole = Int(place)
                        let phase = Int((place - Double(whole)) * Double(Self.phases))
                        let (window, weights) = unsafe (ring.baseAddress! + whole, table.baseAddress! + phase * Self.taps)
                        var sum = unsafe UnsafeRawPointer(window).loadUnaligned(as: SIMD8<Float>.self) * UnsafeRawPointer(weights).loadUnaligned(as: SIMD8<Float>.self)
                        unsafe sum += UnsafeRawPointer(window + 8).loadUnaligned(as: SIMD8<Float>.self)
                            * UnsafeRawPointer(weights + 8).loadUnaligned(as: SIMD8<Float>.self)
                        unsafe sound[i] = sum.sum()
                    }
                }
            }
            filled = count
        }
    }
}
