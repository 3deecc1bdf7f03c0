import Foundation
import Inference
import NodeTestCases
import Testing

/// ONNX's own backend node tests for the operators that the product needs and their relatives.
@Suite struct NodeTests {
    /// All cases pass, as they are optimised, as they are written and computed at load, except those that are excluded by name; an exclusion whose
    /// case passes is stale and fails.
    @Test func passExceptByChoice() throws {
        let archive = try NodeTestArchive()
        var reasons: [String: String] = [:]
        for exclusion in archive.exclusions {
            for name in exclusion.cases {
                #expect(reasons.updateValue(exclusion.reason, forKey: name) == nil, "'\(name)' is excluded twice")
            }
        }
        let names = Set(archive.cases.map(\.name))
        for name in reasons.keys.sorted() where !names.contains(name) { Issue.record("'\(name)' is excluded, but there is no such case") }

        var asWritten = NetworkOptions()
        asWritten.isOptimized = false
        var passed = 0, required = 0, requiredPassed = 0
        for test in archive.cases {
            let failure = archive.failure(test) ?? archive.failure(test, options: asWritten).map { "not optimised: \($0)" }
                ?? archive.failure(test, isFolded: true).map { "at load: \($0)" }
            required += test.required ? 1 : 0
            if failure == nil {
                passed += 1
                requiredPassed += test.required ? 1 : 0
            }
            switch (failure, reasons[test.name]) {
            case (let failure?, nil): Issue.record("\(test.name) (\(test.operator), operator set \(test.opset)): \(failure)")
            case (nil, let reason?): Issue.record("\(test.name) passes now, but is excluded: \(reason)")
            default: break
            }
        }
        TestData.say(
            "ONNX node tests: \(passed) of \(archive.cases.count) pass (\(requiredPassed) of \(required) of required operators); \(reasons.count) left out by choice:")
        for exclusion in archive.exclusions {
            TestData.say("  \(exclusion.reason): \(exclusion.cases.joined(separator: ", "))")
        }
        #expect(archive.cases.count > 900)
    }
}
