import Foundation
import Tensors
import Testing
import Training

@Suite struct DenseDetectionTests {
    private static func answers(_ seed: Int, sides: [Int] = [3, 2, 1]) throws -> (values: [String: [Double]], tensors: DenseDetection.Answers) {
        var values: [String: [Double]] = [:], tensors: DenseDetection.Answers = [:]
        for (stride, side) in zip(DenseDetection.strides, sides) {
            for (kind, size) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
                let count = side * side * size
                let own = (0..<2 * count).map { index -> Double in
                    let draw = Double((index * 7919 + seed * 104729 + stride * 31 + size * 17) % 997) / 997
                    return size == 1 ? 0.02 + 0.96 * draw : 3 * draw - 1.5
                }
                values["\(kind)_\(stride)"] = own
                tensors["\(kind)_\(stride)"] = try TorchTensor(own, shape: [2, side * side, size])
            }
        }
        return (values, tensors)
    }

    @Test func `It is the sum that is written over it`() throws {
        let (s, student) = try Self.answers(1), (t, teacher) = try Self.answers(2)
        var entropy = 0.0, weights = 0.0, boxes = 0.0, points = 0.0
        for stride in DenseDetection.strides {
            for cell in 0..<(t["cls_\(stride)"] ?? []).count {
                func value(_ answers: [String: [Double]], _ kind: String, _ size: Int, _ index: Int) -> Double { answers["\(kind)_\(stride)"]?[cell * size + index] ?? .nan }
                let wanted = (value(t, "cls", 1, 0) * value(t, "obj", 1, 0)).squareRoot(), score = value(s, "cls", 1, 0)
                entropy -= (wanted - score) * (wanted - score) * (wanted * log(score) + (1 - wanted) * log(1 - score))
                guard wanted > 0.3 else { continue }
                let side = exp((value(t, "bbox", 4, 2) + value(t, "bbox", 4, 3)) / 2), weight = wanted * wanted
                func error(_ kind: String, _ size: Int, _ range: Range<Int>) -> Double { range.reduce(0) { $0 + abs(value(s, kind, size, $1) - value(t, kind, size, $1)) } }
                weights += weight
                boxes += weight * (error("bbox", 4, 0..<2) / side + error("bbox", 4, 2..<4))
                points += weight * error("kps", 10, 0..<10) / 10 / side
            }
        }
        #expect(weights > 1)
        let expected = entropy / (weights + 1) + boxes / (weights + 1e-3) + 6 * points / (weights + 1e-3)
        #expect(abs(try DenseDetection()(student, teacher).item() - expected) < 1e-9)
    }

    @Test func `Nobody is nearer to the teacher than the teacher`() throws {
        let (_, teacher) = try Self.answers(2)
        var same = teacher
        for stride in DenseDetection.strides { same["cls_\(stride)"] = try (#require(teacher["cls_\(stride)"]) * #require(teacher["obj_\(stride)"])).squareRoot() }
        let least = try DenseDetection()(same, teacher).item()
        for seed in 3..<6 { #expect(try DenseDetection()(Self.answers(seed).tensors, teacher).item() > least) }
    }

    @Test(arguments: [false, true]) func `Yes and no`(_ isWeighted: Bool) throws {
        let p = [0.1, 0.5, 0.9, 1, 0], t = [0, 0.5, 1, 1, 0.25], w = isWeighted ? [1, 2, 0, 3, 0.5] : [1, 1, 1, 1, 1]
        func clipped(_ x: Double) -> Double { min(1 - 1e-6, max(1e-6, x)) }
        var sum = 0.0
        for index in p.indices { sum -= w[index] * (t[index] * log(clipped(p[index])) + (1 - t[index]) * log(1 - clipped(p[index]))) }
        let made = try BinaryCrossEntropy()(TorchTensor(p, shape: [5]), TorchTensor(t, shape: [5]), weights: isWeighted ? TorchTensor(w, shape: [5]) : nil).item()
        #expect(abs(made - sum / w.reduce(0, +)) < 1e-9)
    }
}
