import FrontEnd
import Testing

@Suite struct SoundFixtureTests {
    func mel(_ contract: LogMelContract) throws -> [Float] {
        let mel = try LogMel(contract: contract)
        let samples = try Fixtures.sound()
        mel.append(samples.span)
        var output = [Float](repeating: 0, count: mel.availableFrames.count * contract.filters)
        var span = output.mutableSpan
        mel.copyFrames(mel.availableFrames, into: &span)
        return output
    }

    @Test func logMelAgreesWithKaldi() throws {
        let expected = try Fixtures.floats("mel.f32")
        let got = try mel(LogMelContract())
        #expect(got.count == expected.count)
        let worst = zip(got, expected).map { abs($0 - $1) }.max()!
        #expect(worst < 1e-4)
    }

    @Test func mfccAgreesWithPythonSpeechFeatures() throws {
        for (name, count) in [("mfcc", Int.max), ("mfcc_1", 1), ("mfcc_399", 399), ("mfcc_400", 400), ("mfcc_401", 401), ("mfcc_560", 560), ("mfcc_561", 561)] {
            let expected = try Fixtures.floats("\(name).f32")
            let samples = try Array(Fixtures.sound().prefix(count))
            let mfcc = try MFCC()
            mfcc.append(samples.span)
            mfcc.finish()
            #expect(mfcc.availableFrames.count * 13 == expected.count)
            var got = [Float](repeating: 0, count: mfcc.availableFrames.count * 13)
            var span = got.mutableSpan
            mfcc.copyFrames(mfcc.availableFrames, into: &span)
            let worst = zip(got, expected).map { abs($0 - $1) }.max()!
            #expect(worst < 1e-4)
        }
    }
}
