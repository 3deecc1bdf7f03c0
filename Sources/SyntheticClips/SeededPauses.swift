import Biometrics

/// Pauses between the sentences of somebody who speaks on, in seconds.
struct SeededPauses {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed, stream: 0x7061) }

    mutating func next() -> Double { random.uniform(0.15...0.7) }
}
