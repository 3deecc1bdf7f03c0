import Biometrics
import Evaluation
import Foundation
import Testing

@Suite struct EvaluationReportTests {
    /// Faces that are told apart well, voices less so, in one space; voices are noisier in the noisy condition.
    private func table(people: Int = 14, samples: Int = 6, dimension: Int = 24, seed: UInt64 = 5) throws -> EmbeddingTable {
        var generator = SeededGenerator(seed: seed)
        func normal() -> Float { (0..<12).reduce(Float(-6)) { sum, _ in sum + Float(generator.below(1 << 20)) / Float(1 << 20) } }
        var table = EmbeddingTable()
        for person in 0..<people {
            let centre = (0..<dimension).map { _ in normal() }
            for sample in 0..<samples {
                func embedding(_ spread: Float) -> [Float] { centre.map { $0 + spread * normal() } }
                func row(_ condition: Condition, _ role: EmbeddingRole) -> EmbeddingTable.Row {
                    EmbeddingTable.Row(item: "\(person)/\(sample)", identity: "p\(person)", condition: condition, role: role)
                }
                try table.append(row(.both, .face), embedding(0.5))
                try table.append(row(.both, .voice), embedding(1.2))
                try table.append(row(.noisy, .voice), embedding(3))
                if sample == 0 && person < 3 { try table.refuse(row(.blurred, .face), reason: "no face") }
            }
        }
        return table
    }

    private var quick: EvaluationProtocol {
        var settings = EvaluationProtocol(seed: 1)
        settings.trialsPerKind = 150
        settings.replicates = 60
        settings.episodes = 4
        return settings
    }

    @Test func everyMetricOfEveryCondition() throws {
        let report = try EvaluationReport(try table(), settings: quick, model: "test@1")
        #expect(report.sections.map(\.title) == ["both · face", "both · voice", "both · face against voice", "noisy · voice"])
        let names = [
            "auc", "eer", "tar@far=0.1", "tar@far=0.01", "tar@far=0.001", "minDCF(voxceleb)", "minDCF(sre2016)", "minCllr", "cllr", "nmi",
            "nmi(noise as clusters)", "coverage", "purity", "clusters per person", "map", "map(with self)", "1-shot accuracy", "5-shot accuracy", "rank-1", "rank-5",
            "tpir@fpir=0.1", "tpir@fpir=0.01",
        ]
        for section in report.sections where section.against == nil {
            #expect(section.metrics.map(\.name) == names, "\(section.title)")
            for metric in section.metrics {
                let value = try #require(metric.value, "\(section.title) \(metric.name): \(metric.note ?? "")")
                #expect(value >= 0 && (value <= 1 || metric.name == "cllr" || metric.name == "clusters per person"), "\(metric.name) \(value)")
                if let interval = metric.interval { #expect(interval.lower <= value + 1e-9 && value - 1e-9 <= interval.upper, "\(metric)") }
            }
            #expect(section.histogram?.same.reduce(0, +) == section.trials - (section.histogram?.different.reduce(0, +) ?? 0))
        }
        let (clear, noisy) = (report.sections[0], report.sections[3])
        for name in ["auc", "map", "rank-1", "1-shot accuracy"] {
            #expect((clear[name]?.value ?? 0) > (noisy[name]?.value ?? 1), "\(name)")
        }
        #expect(clear["tar@far=0.001"]?.note?.contains("impostor trials") == true)
        let cross = report.sections[2]
        #expect((cross["auc"]?.value ?? 0) > 0.9 && (cross["map(face to voice)"]?.value ?? 0) > 0.5 && cross["map(voice to face)"]?.interval != nil)
        #expect(cross.trials == 300)
    }

    @Test func theSameSeedGivesTheSameBytes() throws {
        let table = try table()
        let json = try EvaluationReport(table, settings: quick, model: "m").json()
        #expect(try EvaluationReport(table, settings: quick, model: "m").json() == json)
        let read = try EvaluationReport(json: json)
        #expect(try read.json() == json)
        var other = quick
        other.seed = 2
        #expect(try EvaluationReport(table, settings: other, model: "m").json() != json)
    }

    @Test func trialListsAreObeyed() throws {
        let table = try table()
        let list = TrialList(trials: [
            TrialList.Trial(a: "0/0", b: "0/1", isSame: true), TrialList.Trial(a: "1/0", b: "1/1", isSame: true),
            TrialList.Trial(a: "0/0", b: "1/1", isSame: false), TrialList.Trial(a: "0/0", b: "gone.mp4", isSame: false),
        ])
        let section = try EvaluationReport(table, trials: list, settings: quick, model: "m").sections[0]
        #expect(section.trials == 3 && section.unscoredTrials == 1 && section["auc"]?.value == 1)
        let wrong = TrialList(trials: list.trials + [TrialList.Trial(a: "0/0", b: "1/0", isSame: true)])
        let error = #expect(throws: EvaluationError.self) { try EvaluationReport(table, trials: wrong, settings: quick, model: "m") }
        #expect(error?.description.contains("trial 5: '0/0' and '1/0' are one person in the list") == true, "\(String(describing: error))")
        let nobody = TrialList(trials: [TrialList.Trial(a: "x", b: "y", isSame: true)])
        #expect(throws: EvaluationError.self) { try EvaluationReport(table, trials: nobody, settings: quick, model: "m") }
    }

    @Test func whatIsNotDefinedSaysWhy() throws {
        let report = try EvaluationReport(try table(people: 2, samples: 2), settings: quick, model: "m")
        let section = report.sections[0]
        #expect(section["5-shot accuracy"]?.value == nil)
        #expect(section["5-shot accuracy"]?.note == "5-shot accuracy: not defined, it needs at least two people with more than 5 samples")
        #expect(section["auc"]?.value != nil)
        let one = try EvaluationReport(try table(people: 1), settings: quick, model: "m").sections[0]
        #expect(one["auc"]?.value == nil && one["auc"]?.note?.contains("all of one person") == true)
        #expect(one["map"]?.value == 1)
        #expect(throws: EvaluationError(.badData, "no embeddings to evaluate")) { try EvaluationReport(EmbeddingTable(), settings: quick, model: "m") }
    }

    @Test func theTableIsReadable() throws {
        let report = try EvaluationReport(try table(), settings: quick, model: "m")
        let lines = report.table.split(separator: "\n").map(String.init)
        #expect(lines.count == 2 + Set(report.sections.flatMap(\.metrics).map(\.name)).count)
        #expect(lines[0].contains("both · face against voice") && lines[1].contains("84 (14)"))
        let auc = try #require(lines.first { $0.hasPrefix("auc") })
        #expect(auc.contains("[") && auc.split(separator: "]").count == 4, "\(auc)")
    }

    @Test func tablesRefuse() throws {
        var table = EmbeddingTable()
        let row = EmbeddingTable.Row(item: "a", identity: "p", condition: .both, role: .face)
        try table.append(row, [1, 2])
        func refused(_ row: EmbeddingTable.Row, _ embedding: [Float]) -> String {
            var copy = table
            do { try copy.append(row, embedding) } catch { return error.description }
            return "taken"
        }
        #expect(refused(row, [1, 2]).contains("two face embeddings in condition both"))
        #expect(refused(EmbeddingTable.Row(item: "a", identity: "q", condition: .face, role: .face), [1, 2]).contains("of 'p' in one row and of 'q'"))
        #expect(refused(EmbeddingTable.Row(item: "b", identity: "q", condition: .both, role: .face), [1]).contains("1 elements, expected 2"))
        #expect(refused(EmbeddingTable.Row(item: "b", identity: "q", condition: .both, role: .face), [0, 0]).contains("all zero"))
        #expect(refused(EmbeddingTable.Row(item: "b", identity: "q", condition: .both, role: .face), [.nan, 0]).contains("not finite"))
        // An invented modality needs no change anywhere.
        #expect(refused(EmbeddingTable.Row(item: "b", identity: "q", condition: Condition(rawValue: "dark"), role: EmbeddingRole(rawValue: "gait")), [1]) == "taken")
        #expect(throws: EvaluationError(.badData, "no voice embeddings in condition both")) { try table.selection(.both, .voice) }
    }
}
