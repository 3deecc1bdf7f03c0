import Foundation
import Testing
import Training

/// Throats of other lengths.
@Suite struct VocalTractTests {
    /// Middle frequencies of Kaldi's filters, Hz.
    private static let middles = (1...80).map { filter -> Double in
        func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }
        return 700 * (exp((mel(20) + Double(filter) * (mel(8000) - mel(20)) / 81) / 1127) - 1)
    }

    @Test(arguments: [0.8, 0.93, 1.1, 1.25])
    func `What sounded at a frequency sounds at so many times of it`(_ factor: Double) {
        // Smooth in the filters' numbers, so that interpolation is exact to its second order.
        func frame(_ peak: Double) -> [Float] { Self.middles.map { Float(exp(-pow(log($0 / peak), 2) / 0.5)) } }
        var features = frame(900) + frame(2000) + frame(900)
        VocalTract(factor: factor, filters: 80).apply(to: &features)
        for (number, peak) in [900.0, 2000, 900].enumerated() {
            let expected = frame(peak * factor)
            for filter in 2..<78 where Self.middles[filter] / factor < 7800 && Self.middles[filter] / factor > 30 {
                #expect(abs(features[number * 80 + filter] - expected[filter]) < 0.01, "\(filter)")
            }
        }
    }

    @Test func `A throat of the same length changes nothing, a sound of all frequencies stays one`() {
        let own = (0..<160).map { _ in Float.random(in: -5...5) }
        var features = own
        VocalTract(factor: 1, filters: 80).apply(to: &features)
        for (a, b) in zip(features, own) { #expect(abs(a - b) < 1e-3) }
        var flat = [Float](repeating: 3, count: 240)
        VocalTract(factor: 1.4, filters: 80).apply(to: &flat)
        #expect(flat.allSatisfy { abs($0 - 3) < 1e-5 })
    }
}
