/// y[n] = Σ h[k]·x[n − k], for responses of thousands of samples.
///
/// Sound and response are one complex signal, x + ih: the imaginary part of its square, under the transform, is twice their convolution. Two
/// transforms do what is usually done with three.
public enum FastConvolution {
    /// Longest response.
    public static let longestResponse = FourierTransform.longest / 2

    /// - Parameter response: 1…``longestResponse`` samples.
    /// - Returns: as many samples as there were; the response's tail beyond is cut off.
    public static func convolve(_ samples: [Float], _ response: [Float]) -> [Float] {
        precondition(!response.isEmpty && response.count <= longestResponse, "a response of \(response.count) samples, expected 1…\(longestResponse)")
        // Of like energy: what rounding leaves of the squares is then small against the product.
        let (soundLevel, responseLevel) = (SoundLevel.meanSquare(samples) * Double(samples.count), SoundLevel.meanSquare(response) * Double(response.count))
        var result = [Float](repeating: 0, count: samples.count)
        guard soundLevel > 0, responseLevel > 0 else { return result }
        let balance = Float((soundLevel / responseLevel).squareRoot())
        guard balance > 0, balance.isFinite else { return result }
        var size = 8
        while size < samples.count + response.count - 1, size < FourierTransform.longest { size *= 2 }
        let step = size - response.count + 1
        var real = [Float](repeating: 0, count: size)
        var imaginary = real
        unsafe real.withUnsafeMutableBufferPointer { real in
            unsafe imaginary.withUnsafeMutableBufferPointer { imaginary in
                for start in stride(from: 0, to: samples.count, by: step) {
                    let count = min(step, samples.count - start)
                    for i in 0..<count { unsafe real[i] = samples[start + i] }
                    for i in count..<size { unsafe real[i] = 0 }
                    for i in 0..<response.count { unsafe imaginary[i] = balance * response[i] }
                    for i in response.count..<size { unsafe imaginary[i] = 0 }
                    unsafe FourierTransform.shared.forward(real.baseAddress!, imaginary.baseAddress!, count: size)
                    for i in 0..<size {
                        let (re, im) = unsafe (real[i], imaginary[i])
                        unsafe real[i] = re * re - im * im
                        unsafe imaginary[i] = 2 * re * im
                    }
                    unsafe FourierTransform.shared.inverse(real.baseAddress!, imaginary.baseAddress!, count: size)
                    let factor = 0.5 / (balance * Float(size))
                    for i in 0..<min(count + response.count - 1, samples.count - start) { unsafe result[start + i] += factor * imaginary[i] }
                }
            }
        }
        return result
    }
}
