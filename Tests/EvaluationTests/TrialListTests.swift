import Evaluation
import Foundation
import Testing

@Suite struct TrialListTests {
    @Test func readsWithAndWithoutHeading() throws {
        let expected = [TrialList.Trial(a: "x/1.wav", b: "y/2.wav", isSame: true), TrialList.Trial(a: "x/1.wav", b: "z.wav", isSame: false)]
        for text in ["a,b,label\nx/1.wav,y/2.wav,1\nx/1.wav,z.wav,0\n", "x/1.wav,y/2.wav,1\r\nx/1.wav,z.wav,0", "\u{FEFF}x/1.wav , y/2.wav, same\n\nx/1.wav,z.wav,false\n"] {
            #expect(try TrialList(text: text).trials == expected, "\(text)")
        }
        #expect(try TrialList(text: "x,y,1\nz,x,0\n").items == ["x", "y", "z"])
    }

    @Test func quotedFields() throws {
        let text = "\"one, two.wav\",\"say \"\"hi\"\".wav\",1\n\"line\nbreak\",b,0\n"
        let list = try TrialList(text: text)
        #expect(list.trials.map(\.a) == ["one, two.wav", "line\nbreak"] && list.trials[0].b == "say \"hi\".wav")
        #expect(try TrialList(text: list.csv) == list)
    }

    @Test(arguments: [
        ("a,b,1\nc,d\n", "list.csv:2: 2 fields, expected 3: a,b,label"),
        ("a,b,1\n\n\nc,d,2\n", "list.csv:4: label '2', expected 1 (same person) or 0 (different people)"),
        ("\"a\nb\",c,1\nx,,0\n", "list.csv:3: an item without a name; expected a,b,label"),
        ("a,b,1\n\"c,d,0\n", "list.csv:2: a quote that is opened here is never closed"),
        ("a,b\"c,1\n", "list.csv:1: a quote within a field that does not begin with one; write \"…\" around the whole field and \"\" for a quote in it"),
        ("a,\"b\"c,1\n", "list.csv:1: text after a closing quote; expected a comma or the end of the line"),
        ("", "list.csv: no trials in it; expected lines of a,b,label"), ("a,b,label\n", "list.csv: no trials in it; expected lines of a,b,label"),
    ])
    func mistakesSayTheirLine(text: String, message: String) {
        #expect(throws: EvaluationError(.badData, message)) { try TrialList(text: text, name: "list.csv") }
    }

    @Test func filesThatAreNone() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "trials-\(UUID().uuidString).csv")
        let missing = #expect(throws: EvaluationError.self) { try TrialList(contentsOf: url) }
        #expect(missing?.category == .unreadable && missing?.description.contains(url.path) == true)
        try Data([0x61, 0xFF, 0xFE]).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let noText = #expect(throws: EvaluationError.self) { try TrialList(contentsOf: url) }
        #expect(noText?.category == .badData && noText?.description.contains("UTF-8") == true)
    }

    private func items(_ counts: [Int]) -> [TrialList.LabelledItem] {
        counts.enumerated().flatMap { person, count in (0..<count).map { TrialList.LabelledItem(name: "\(person)/\($0)", identity: "p\(person)") } }
    }

    @Test func allPairsAreAll() throws {
        let list = try TrialList.allPairs(items([3, 2, 1]))
        #expect(list.trials.count == 15 && list.sameCount == 4)
        #expect(Set(list.trials.map { Set([$0.a, $0.b]) }).count == 15)
    }

    @Test(arguments: [1, 7, 60, 500, 5000])
    func sampledPairsAreDifferentAndTrue(perKind: Int) throws {
        let items = items([40, 3, 2, 1, 9, 17])
        let identity = Dictionary(uniqueKeysWithValues: items.map { ($0.name, $0.identity) })
        let list = try TrialList.sampled(items, perKind: perKind, seed: 11)
        #expect(Set(list.trials.map { Set([$0.a, $0.b]) }).count == list.trials.count)
        #expect(list.trials.allSatisfy { $0.a != $0.b && $0.isSame == (identity[$0.a] == identity[$0.b]) })
        // 780 + 3 + 1 + 36 + 136 pairs of one person, of 2556.
        #expect(list.sameCount <= min(perKind, 956) && list.sameCount >= min(perKind, 956) * 9 / 10)
        #expect(list.trials.count - list.sameCount == min(perKind, 1600))
        #expect(try TrialList.sampled(items.reversed(), perKind: perKind, seed: 11) == list)
        if perKind < 1000 { #expect(try TrialList.sampled(items, perKind: perKind, seed: 12) != list) }
    }

    /// A person with many items must not decide the result alone.
    @Test func peopleAreDrawnAlike() throws {
        let list = try TrialList.sampled(items([200, 30, 30, 30]), perKind: 400, seed: 3)
        let ofTheFirst = list.trials.count { $0.isSame && $0.a.hasPrefix("0/") }
        // A quarter of 400 with five standard deviations; by pairs it would be 375.
        #expect(abs(ofTheFirst - 100) < 45, "\(ofTheFirst)")
    }

    @Test func refusals() {
        #expect(throws: EvaluationError(.badData, "item '0/0' is there twice; names must differ")) { try TrialList.allPairs(items([1]) + items([1])) }
        #expect(throws: EvaluationError(.badData, "no trials of different people can be made; the items are all of one person")) {
            try TrialList.sampled(items([5]), perKind: 3, seed: 1)
        }
        #expect(throws: EvaluationError(.badData, "no trials of one person with themself can be made; at least one person needs two items")) {
            try TrialList.sampled(items([1, 1]), perKind: 3, seed: 1)
        }
        #expect(throws: EvaluationError.self) { try TrialList.sampled(items([2, 2]), perKind: 0, seed: 1) }
    }
}
