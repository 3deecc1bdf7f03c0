import Foundation
import Testing

/// Every public reference model against onnxruntime on fixed inputs: 1e-4 of the largest value of each output.
@Suite struct ReferenceFixtureTests {
    private static let tolerance = 1e-4
    static let fixtures = try! ReferenceModelFixtures(folder: TestData.fixtures.appendingPathComponent("reference-models"))

    @Test(
        .enabled(if: TestData.referenceModels != nil, "the public reference models are not here; set FWOC_REFERENCE_MODELS"),
        arguments: fixtures.cases.map(\.name))
    func agreesWithOnnxruntime(name: String) throws {
        let models = try #require(TestData.referenceModels)
        let test = try #require(Self.fixtures.cases.first { $0.name == name })
        // A file that is not the one the outputs were made with says nothing about the engine.
        let isIntact = try Self.fixtures.isIntact(test, models: models)
        try #require(
            isIntact,
            "\(test.model) in \(models.path) is not the file that its outputs were made with (SHA-256 differs); put the original back")
        let agreements = try Self.fixtures.run(test, models: models)
        #expect(agreements.count == test.steps.reduce(0) { $0 + $1.outputs.count })
        for agreement in agreements {
            #expect(
                agreement.difference <= Self.tolerance,
                "\(name), step \(agreement.step), output '\(agreement.output)' departs by \(agreement.difference) of its largest value")
        }
        let worst = agreements.map(\.difference).max() ?? .infinity
        TestData.say("\(name): \(agreements.count) outputs in \(test.steps.count) steps, largest relative difference \(worst)")
    }

    @Test func coversTheModelsThatTheProductNeeds() {
        let names = Set(Self.fixtures.cases.map(\.name))
        #expect(names.isSuperset(of: ["yunet_dynamic", "mobilefacenet_128", "speaker_tdnn_512", "silero_vad", "lr_asd_ava"]))
        #expect(Self.fixtures.cases.first { $0.name == "silero_vad" }?.steps.count == 10)
    }
}
