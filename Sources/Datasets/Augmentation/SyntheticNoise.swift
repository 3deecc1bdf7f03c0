/// Noise where there are no recordings of it.
enum SyntheticNoise {
    /// Falls by 3 dB an octave between 10 Hz and 7 kHz: white noise through the sum of three low-passes and itself (Paul Kellet's economy filter, whose
    /// ripple of 0.5 dB nobody hears).
    static func pink(_ count: Int, _ random: inout SeededGenerator) -> [Float] {
        var noise = random.normals(count)
        var (slow, middle, fast): (Float, Float, Float) = (0, 0, 0)
        unsafe noise.withUnsafeMutableBufferPointer { noise in
            for i in 0..<noise.count {
                let white = unsafe noise[i]
                slow = 0.99765 * slow + 0.0990460 * white
                middle = 0.96300 * middle + 0.2965164 * white
                fast = 0.57000 * fast + 1.0526913 * white
                unsafe noise[i] = slow + middle + fast + 0.1848 * white
            }
        }
        return noise
    }
}
