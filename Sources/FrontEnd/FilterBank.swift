internal import CKernels
internal import Foundation

/// Triangular filters on a power spectrum of 257 bins. Thread-bound.
@safe final class FilterBank {
    let filters: Int
    private let starts: Storage<Int32>
    private let counts: Storage<Int32>
    private let weights: Storage<Float>

    /// - Parameter rows: for each filter its weight on each bin, zero outside its triangle.
    private init(rows: [[Float]]) {
        filters = rows.count
        starts = Storage(count: rows.count)
        counts = Storage(count: rows.count)
        weights = Storage(count: max(1, rows.count * RealTransform.bins))
        var used = 0
        for (m, row) in rows.enumerated() {
            let first = row.firstIndex { $0 != 0 } ?? 0
            let last = row.lastIndex { $0 != 0 } ?? -1
            unsafe starts.elements[m] = Int32(first)
            unsafe counts.elements[m] = Int32(last + 1 - first)
            for k in first..<max(first, last + 1) {
                unsafe weights.elements[used] = row[k]
                used += 1
            }
        }
    }

    /// Kaldi's mel filters (`MelBanks`): centres equally spaced on mel(f) = 1127·ln(1 + f/700), triangles linear in mel, the Nyquist bin unused.
    static func kaldi(filters: Int, low: Double, high: Double, sampleRate: Double) -> FilterBank {
        func mel(_ f: Double) -> Double { 1127 * log(1 + f / 700) }
        let step = (mel(high) - mel(low)) / Double(filters + 1)
        return FilterBank(
            rows: (0..<filters).map { m in
                let left = mel(low) + Double(m) * step
                let centre = left + step
                let right = centre + step
                return (0..<RealTransform.bins).map { k in
                    let x = mel(Double(k) * sampleRate / Double(RealTransform.length))
                    guard k < RealTransform.bins - 1, x > left, x < right else { return 0 }
                    return Float(x <= centre ? (x - left) / (centre - left) : (right - x) / (right - centre))
                }
            })
    }

    /// The filters of `python_speech_features`: corners at whole bins, ⌊513·f/rate⌋, equally spaced on mel(f) = 2595·log₁₀(1 + f/700).
    static func wholeBins(filters: Int, low: Double, high: Double, sampleRate: Double) -> FilterBank {
        func mel(_ f: Double) -> Double { 2595 * log10(1 + f / 700) }
        func hertz(_ m: Double) -> Double { 700 * (pow(10, m / 2595) - 1) }
        let step = (mel(high) - mel(low)) / Double(filters + 1)
        let corners = (0..<filters + 2).map { i in
            // The last corner is `high` itself, not what rounding on the way through mel makes of it.
            let f = i == filters + 1 ? high : hertz(mel(low) + Double(i) * step)
            return (Double(RealTransform.length + 1) * f / sampleRate).rounded(.down)
        }
        return FilterBank(
            rows: (0..<filters).map { m in
                (0..<RealTransform.bins).map { k in
                    let x = Double(k)
                    if x >= corners[m] && x < corners[m + 1] { return Float((x - corners[m]) / (corners[m + 1] - corners[m])) }
                    if x >= corners[m + 1] && x < corners[m + 2] { return Float((corners[m + 2] - x) / (corners[m + 2] - corners[m + 1])) }
                    return 0
                }
            })
    }

    /// Energies of all filters into `output`, which has room for `filters`.
    func apply(_ power: borrowing Storage<Float>, into output: UnsafeMutablePointer<Float>) {
        unsafe fwoc_frontend_filter_bank(power.pointer, Int32(filters), starts.pointer, counts.pointer, weights.pointer, output)
    }
}
