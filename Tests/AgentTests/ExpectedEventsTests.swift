import AgentRuntime
import Testing

@Suite struct ExpectedEventsTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private func expected(_ text: String) throws -> ExpectedEvents { try ExpectedEvents(path: try folder.write(text, to: "golden.jsonl")) }

    @Test func `The same lines are no difference, whether the file ends in a line end or not`() throws {
        #expect(try expected("a\nb\n").difference(from: ["a", "b"]) == nil)
        #expect(try expected("a\nb").difference(from: ["a", "b"]) == nil)
        #expect(try expected("").difference(from: []) == nil)
    }

    @Test func `A changed line is shown as it was and as it is`() throws {
        let difference = try #require(try expected("a\nb\nc\n").difference(from: ["a", "x", "c"]))
        let lines = difference.split(separator: "\n").map(String.init)
        #expect(lines == ["--- \(folder.path("golden.jsonl")) (3 events)", "+++ this replay (3 events)", "-2: b", "+2: x"])
    }

    @Test(arguments: [
        (["a"], ["-2: b"]), (["a", "b", "c"], ["+3: c"]), ([], ["-1: a", "-2: b"]), (["z", "a", "b"], ["+1: z"]),
    ] as [([String], [String])])
    func `Missing and added lines carry their number`(_ got: [String], _ changes: [String]) throws {
        let difference = try #require(try expected("a\nb\n").difference(from: got))
        #expect(difference.split(separator: "\n").dropFirst(2).map(String.init) == changes)
    }

    @Test func `The same lines in another order differ`() throws {
        #expect(try expected("a\nb\n").difference(from: ["b", "a"]) != nil)
    }

    @Test func `A file that is not there is named`() {
        let error = #expect(throws: AgentError.self) { try ExpectedEvents(path: folder.path("none.jsonl")) }
        #expect(error?.category == .noInput)
        #expect(error?.description.contains("none.jsonl") == true)
    }
}
