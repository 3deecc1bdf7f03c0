import Foundation
import Tensors
import Testing
import Training

/// Every loss against loops that follow its equation, and its gradient against finite differences.
@Suite struct LossTests {
    /// Deterministic numbers, about normal.
    private static func rows(_ n: Int, _ d: Int, seed: UInt64) -> [Double] {
        var state = seed
        return (0..<n * d).map { _ in
            var sum = 0.0
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                sum += Double(state >> 11) / Double(1 << 53)
            }
            return sum - 6
        }
    }

    private static func unit(_ x: [Double], _ d: Int) -> [[Double]] {
        stride(from: 0, to: x.count, by: d).map { start in
            let row = x[start..<start + d]
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / length }
        }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private static func tensor(_ x: [Double], _ d: Int) throws -> TorchTensor { try TorchTensor(x, shape: [x.count / d, d]) }

    /// The gradient of a scalar by `x`, against central differences with steps of 10⁻⁵.
    private static func expectGradient(_ x: [Double], _ d: Int, tolerance: Double = 1e-6, _ loss: (TorchTensor) throws -> TorchTensor) throws {
        let leaf = try tensor(x, d)
        try leaf.setRequiresGradient(true)
        try loss(leaf).backward()
        let gradient = try #require(try leaf.gradient()).doubles()
        #expect(gradient.contains { $0 != 0 })
        for index in x.indices {
            var up = x, down = x
            up[index] += 1e-5
            down[index] -= 1e-5
            let slope = (try loss(tensor(up, d)).item() - loss(tensor(down, d)).item()) / 2e-5
            #expect(abs(slope - gradient[index]) < tolerance * max(1, abs(slope)), "at \(index): \(gradient[index]), by differences \(slope)")
        }
    }

    private let labels = [0, 1, 0, 2, 1]

    @Test(arguments: [0, 0.1])
    func crossEntropy(_ smoothing: Double) throws {
        let x = Self.rows(5, 3, seed: 1)
        var expected = 0.0
        for i in 0..<5 {
            let row = x[i * 3..<i * 3 + 3].map { $0 }, total = log(row.reduce(0) { $0 + exp($1) })
            for c in 0..<3 { expected -= ((c == labels[i] ? 1 - smoothing : 0) + smoothing / 3) * (row[c] - total) / 5 }
        }
        let loss = CrossEntropy(smoothing: smoothing)
        #expect(abs(try loss(logits: Self.tensor(x, 3), labels: labels).item() - expected) < 1e-9)
        try Self.expectGradient(x, 3) { try loss(logits: $0, labels: labels) }
    }

    @Test func `The margin is an angle`() throws {
        let x = Self.rows(5, 4, seed: 2), w = Self.rows(3, 4, seed: 3)
        let margin = AdditiveAngularMargin(scale: 8, margin: 0.4)
        let logits = try margin(embeddings: Self.tensor(x, 4), centres: Self.tensor(w, 4), labels: labels).doubles()
        let a = Self.unit(x, 4), b = Self.unit(w, 4)
        for i in 0..<5 {
            for c in 0..<3 {
                let angle = acos(Self.dot(a[i], b[c]))
                let expected = c != labels[i] ? cos(angle) : angle < .pi - 0.4 ? cos(angle + 0.4) : cos(angle) - 0.4 * sin(0.4)
                #expect(abs(logits[i * 3 + c] - 8 * expected) < 1e-6)
            }
        }
        try Self.expectGradient(x, 4, tolerance: 1e-5) { try CrossEntropy()(logits: margin(embeddings: $0, centres: Self.tensor(w, 4), labels: labels), labels: labels) }
        // Opposite to its own centre: beyond π − m, and still with a finite slope.
        let opposite = try TorchTensor([-2.0, 0, 0, 0], shape: [1, 4]), centre = try TorchTensor([1.0, 0, 0, 0], shape: [1, 4])
        try opposite.setRequiresGradient(true)
        let logit = try margin(embeddings: opposite, centres: centre, labels: [0]).sum()
        #expect(abs(try logit.item() - 8 * (-1 - 0.4 * sin(0.4))) < 1e-6)
        try logit.backward()
        #expect(try #require(try opposite.gradient()).doubles().allSatisfy(\.isFinite))
    }

    @Test(arguments: TripletLoss.Mining.allCases)
    func triplets(_ mining: TripletLoss.Mining) throws {
        let x = Self.rows(5, 3, seed: 4), unit = Self.unit(x, 3)
        let loss = TripletLoss(margin: 0.5, mining: mining)
        func distance(_ i: Int, _ j: Int) -> Double { 2 - 2 * Self.dot(unit[i], unit[j]) }
        var terms: [Double] = []
        for a in 0..<5 {
            let positives = (0..<5).filter { $0 != a && labels[$0] == labels[a] }, negatives = (0..<5).filter { labels[$0] != labels[a] }
            if positives.isEmpty { continue }
            if mining == .hard {
                terms.append(max(0, positives.map { distance(a, $0) }.max()! - negatives.map { distance(a, $0) }.min()! + 0.5))
            } else {
                for p in positives {
                    let all = negatives.map { distance(a, $0) }
                    terms.append(max(0, distance(a, p) - (all.filter { $0 > distance(a, p) }.min() ?? all.max()!) + 0.5))
                }
            }
        }
        #expect(abs(try loss(embeddings: Self.tensor(x, 3), labels: labels).item() - terms.reduce(0, +) / Double(terms.count)) < 1e-9)
        try Self.expectGradient(x, 3) { try loss(embeddings: $0, labels: labels) }
        // One identity, or none twice: no triplet, no gradient, no failure.
        #expect(try loss(embeddings: Self.tensor(x, 3), labels: [1, 1, 1, 1, 1]).item() == 0)
        #expect(try loss(embeddings: Self.tensor(x, 3), labels: [1, 2, 3, 4, 5]).item() == 0)
    }

    @Test func `Semi-hard negatives are the nearest beyond the positive`() {
        // Anchor 0, its positive 1 at 2; others at 1, 3, 4.
        let row: [Double] = [0, 2, 1, 3, 4]
        var distances = [Double](repeating: 9, count: 25)
        distances.replaceSubrange(0..<5, with: row)
        let labels = [7, 7, 1, 2, 3]
        #expect(TripletLoss(mining: .semiHard).triplets(distances: distances, labels: labels).first == TripletLoss.Triplet(0, 1, 3))
        #expect(TripletLoss(mining: .hard).triplets(distances: distances, labels: labels).first == TripletLoss.Triplet(0, 1, 2))
    }

    @Test(arguments: [0, 0.5, 1])
    func `Curriculum negatives`(_ difficulty: Double) throws {
        let f = Self.rows(5, 4, seed: 5), v = Self.rows(5, 4, seed: 6), a = Self.unit(f, 4), b = Self.unit(v, 4)
        func squared(_ i: Int, _ j: Int) -> Double { 2 - 2 * Self.dot(a[i], b[j]) }
        var apart: [Double] = [], own = 0.0
        for i in 0..<5 {
            own += squared(i, i) / 5
            for isTurned in [false, true] {
                let others = (0..<5).filter { labels[$0] != labels[i] }.map { isTurned ? squared($0, i) : squared(i, $0) }.sorted(by: >)
                apart.append(pow(max(0, 1.4 - others[Int((difficulty * Double(others.count - 1)).rounded())].squareRoot()), 2))
            }
        }
        let loss = CurriculumContrastive(margin: 1.4)
        let expected = (own + apart.reduce(0, +) / Double(apart.count)) / 2
        #expect(abs(try loss(Self.tensor(f, 4), Self.tensor(v, 4), labels: labels, difficulty: difficulty).item() - expected) < 1e-6)
        try Self.expectGradient(f, 4, tolerance: 1e-5) { try loss($0, Self.tensor(v, 4), labels: labels, difficulty: difficulty) }
        let curriculum = CurriculumContrastive.Curriculum()
        #expect([0, 1, 2, 99].map(curriculum.difficulty) == [0.3, 0.3, 0.4, 0.8])
    }

    @Test func `One among many, with a bank`() throws {
        let x = Self.rows(5, 4, seed: 7), y = Self.rows(5, 4, seed: 8), old = Self.rows(3, 4, seed: 9)
        let bank = MemoryBank(capacity: 2, dimension: 4)
        try bank.add(TorchTensor(old.map(Float.init), shape: [3, 4]), labels: [9, 0, 4])
        #expect(bank.labels == [0, 4])
        let a = Self.unit(x, 4), b = Self.unit(y, 4), c = Self.unit(old, 4)
        var expected = 0.0
        for i in 0..<5 {
            var sum = 0.0
            for j in 0..<5 where j == i || labels[j] != labels[i] { sum += exp(Self.dot(a[i], b[j]) / 0.2) }
            for (row, label) in [(1, 0), (2, 4)] where label != labels[i] { sum += exp(Self.dot(a[i], c[row]) / 0.2) }
            expected -= log(exp(Self.dot(a[i], b[i]) / 0.2) / sum) / 5
        }
        let loss = InfoNCE(temperature: 0.2)
        // The bank is in single precision.
        #expect(abs(try loss(Self.tensor(x, 4), Self.tensor(y, 4), labels: labels, bank: bank).item() - expected) < 1e-5)
        try Self.expectGradient(x, 4) { try loss.symmetric($0, Self.tensor(y, 4), labels: labels) }
        let restored = MemoryBank(capacity: 2, dimension: 4)
        restored.restore(rows: bank.state.rows, labels: bank.state.labels)
        #expect(try #require(try restored.embeddings()).doubles() == #require(try bank.embeddings()).doubles())
    }

    /// v ← m v + (1 − m) x of length 1 for each label, in the order in which labels were seen.
    @Test func `A bank with momentum keeps one mean for each person`() throws {
        let bank = MemoryBank(capacity: 2, dimension: 3, momentum: 0.75)
        let first = Self.rows(3, 3, seed: 12), second = Self.rows(1, 3, seed: 13)
        try bank.add(TorchTensor(first.map(Float.init), shape: [3, 3]), labels: [5, 6, 5])
        #expect(bank.labels == [6, 5])
        let a = Self.unit(first, 3), b = Self.unit(second, 3)
        func mixed(_ old: [Double], _ new: [Double]) -> [Double] { Self.unit(zip(old, new).map { 0.75 * $0 + 0.25 * $1 }, 3)[0] }
        let five = mixed(a[0], a[2])
        func expect(_ rows: [[Double]]) throws {
            let kept = try #require(try bank.embeddings()).doubles()
            for (x, y) in zip(kept, rows.flatMap { $0 }) { #expect(abs(x - y) < 1e-6) }
        }
        try expect([a[1], five])
        try bank.add(TorchTensor(second.map(Float.init), shape: [1, 3]), labels: [6])
        #expect(bank.labels == [5, 6])
        try expect([five, mixed(a[1], b[0])])
        // Of the labels that were seen last.
        try bank.add(TorchTensor(second.map(Float.init), shape: [1, 3]), labels: [7])
        #expect(bank.labels == [6, 7])
        #expect(!bank.fits(rows: bank.state.rows, labels: [1]) && bank.fits(rows: bank.state.rows, labels: [1, 2]))
    }

    @Test func distillation() throws {
        let s = Self.rows(4, 5, seed: 10), t = Self.rows(4, 5, seed: 11)
        func softened(_ x: [Double], _ i: Int) -> [Double] {
            let row = x[i * 5..<i * 5 + 5].map { exp($0 / 3) }
            return row.map { $0 / row.reduce(0, +) }
        }
        var divergence = 0.0
        for i in 0..<4 { divergence += 9 / 4 * zip(softened(t, i), softened(s, i)).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } }
        let student = try Self.tensor(s, 5), teacher = try Self.tensor(t, 5)
        #expect(abs(try Distillation.divergence(student: student, teacher: teacher, temperature: 3).item() - divergence) < 1e-9)
        #expect(abs(try Distillation.divergence(student: student, teacher: student).item()) < 1e-12)
        #expect(abs(try Distillation.absolute(student: student, teacher: teacher).item() - zip(s, t).reduce(0) { $0 + abs($1.0 - $1.1) } / 20) < 1e-9)
        let a = Self.unit(s, 5), b = Self.unit(t, 5)
        #expect(abs(try Distillation.cosine(student: student, teacher: teacher).item() - (1 - (0..<4).reduce(0) { $0 + Self.dot(a[$1], b[$1]) } / 4)) < 1e-9)
        var relational = 0.0
        for i in 0..<4 { for j in 0..<4 { relational += pow(Self.dot(a[i], a[j]) - Self.dot(b[i], b[j]), 2) / 16 } }
        #expect(abs(try Distillation.relational(student: student, teacher: teacher).item() - relational) < 1e-9)
        try Self.expectGradient(s, 5) { try Distillation.divergence(student: $0, teacher: teacher, temperature: 3) }
        try Self.expectGradient(s, 5) { try Distillation.cosine(student: $0, teacher: teacher) }
        try Self.expectGradient(s, 5) { try Distillation.relational(student: $0, teacher: teacher) }
        // Against known answers, of which two are the teacher's own.
        let k = Array(t.prefix(10)) + Self.rows(3, 5, seed: 12), known = try Self.tensor(k, 5), answers = Self.unit(k, 5)
        func near(_ x: [Double]) -> [Double] {
            let row = answers.map { exp(Self.dot(x, $0) / 0.2) }
            return row.map { $0 / row.reduce(0, +) }
        }
        let ta = Self.unit(t, 5), sa = Self.unit(s, 5)
        var similarity = 0.0
        for i in 0..<4 { similarity += zip(near(ta[i]), near(sa[i])).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } / 4 }
        #expect(abs(try Distillation.similarity(student: student, teacher: teacher, known: known, temperature: 0.2).item() - similarity) < 1e-9)
        #expect(abs(try Distillation.similarity(student: teacher, teacher: teacher, known: known).item()) < 1e-12)
        try Self.expectGradient(s, 5) { try Distillation.similarity(student: $0, teacher: teacher, known: known, temperature: 0.2) }
    }
}
