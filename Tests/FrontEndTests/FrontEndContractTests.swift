import FrontEnd
import Foundation
import Testing

@Suite struct FrontEndContractTests {
    static let presets: [(name: String, contract: FrontEndContract)] = [
        ("yunet", .yunet()), ("ultraLightFace320", .ultraLightFace320), ("mobileFaceNet128", .mobileFaceNet128), ("faceMBF512", .faceMBF512),
        ("faceMesh468", .faceMesh468), ("speakerTDNN512", .speakerTDNN512), ("silero", .silero), ("lrASD", .lrASD),
    ]

    @Test func everyPresetSurvivesItsFile() throws {
        for (name, contract) in Self.presets {
            let decoded = try JSONDecoder().decode(FrontEndContract.self, from: JSONEncoder().encode(contract))
            #expect(decoded == contract && decoded.fingerprint == contract.fingerprint, "\(name)")
        }
    }

    @Test func presetsDiffer() {
        #expect(Set(Self.presets.map(\.contract.fingerprint)).count == Self.presets.count)
    }

    /// The text is what bundles and galleries hold digests of: it must not change by accident.
    @Test func fingerprintsAreStable() {
        #expect(
            FrontEndContract.mobileFaceNet128.fingerprint == """
                fwoc.frontend/1
                picture.width=112
                picture.height=112
                picture.colour=rgb
                picture.geometry=fivePoints
                picture.template=[38.2946,51.6963,73.5318,51.5014,56.0252,71.7366,41.5493,92.3655,70.7299,92.2041]
                picture.border=0.0
                picture.mean=[123.675,116.28,103.53]
                picture.scale=[0.017124753,0.017507002,0.017429193]

                """)
        #expect(
            FrontEndContract.silero.fingerprint == """
                fwoc.frontend/1
                sound.kind=waveform
                sound.sampleRate=16000
                sound.window=512
                sound.context=64

                """)
        #expect(
            FrontEndContract.speakerTDNN512.fingerprint == """
                fwoc.frontend/1
                sound.kind=logMel
                sound.sampleRate=16000
                sound.frameLength=400
                sound.frameShift=160
                sound.transformLength=512
                sound.filters=80
                sound.lowFrequency=20.0
                sound.highFrequency=8000.0
                sound.preEmphasis=0.97
                sound.window=hamming
                sound.removesOffset=true
                sound.sampleScale=32768.0
                sound.energyFloor=1.1920929e-07
                sound.subtractsMean=true

                """)
    }

    @Test func aMismatchIsRefusedByName() throws {
        try FrontEndContract.lrASD.require(.lrASD)
        var other = FrontEndContract.faceMBF512
        other.picture!.mean[1] = 128
        #expect(throws: FrontEndError.contractMismatch(field: "picture.mean", got: "[127.5,128.0,127.5]", expected: "[127.5,127.5,127.5]")) {
            try other.require(.faceMBF512)
        }
        #expect(throws: FrontEndError.contractMismatch(field: "sound.kind", got: "absent", expected: "waveform")) {
            try FrontEndContract().require(.silero)
        }
        #expect(throws: FrontEndError.contractMismatch(field: "sound.kind", got: "waveform", expected: "absent")) {
            try FrontEndContract.silero.require(FrontEndContract())
        }
    }

    @Test func whatTheCodeCannotDoIsRefused() {
        var mel = LogMelContract()
        mel.transformLength = 1024
        #expect(throws: FrontEndError.contractMismatch(field: "sound.transformLength", got: "1024", expected: "512")) { try LogMel(contract: mel) }
        mel = LogMelContract()
        mel.frameLength = 600
        #expect(throws: FrontEndError.self) { try LogMel(contract: mel) }
        mel = LogMelContract()
        mel.highFrequency = 9000
        #expect(throws: FrontEndError.self) { try LogMel(contract: mel) }
        mel = LogMelContract()
        mel.energyFloor = .nan
        #expect(throws: FrontEndError.self) { try LogMel(contract: mel) }
        var mfcc = MFCCContract()
        mfcc.coefficients = 27
        #expect(throws: FrontEndError.self) { try MFCC(contract: mfcc) }
        mfcc = MFCCContract()
        mfcc.sampleRate = 8000
        #expect(throws: FrontEndError.self) { try MFCC(contract: mfcc) }
        #expect(throws: FrontEndError.self) { try SampleFraming(contract: WaveformContract(window: 0, context: 0)) }
        #expect(throws: FrontEndError.self) { try SampleFraming(contract: WaveformContract(window: 10, context: 11)) }
        var picture = FrontEndContract.yunet().picture!
        picture.mean = [1]
        #expect(throws: FrontEndError.self) { try DetectorInput(contract: picture) }
        picture = FrontEndContract.yunet().picture!
        picture.width = 0
        #expect(throws: FrontEndError.self) { try DetectorInput(contract: picture) }
        #expect(throws: FrontEndError.self) { try DetectorInput(contract: FrontEndContract.faceMBF512.picture!) }
        #expect(throws: FrontEndError.self) { try DetectorInput(contract: PictureContract(width: 32, height: 32, colour: .grey, geometry: .letterbox)) }
        picture = FrontEndContract.faceMBF512.picture!
        picture.scale[2] = .infinity
        #expect(throws: FrontEndError.self) { try PixelNormalisation(picture) }
    }

    @Test func errorsSayWhatToDo() {
        let error = FrontEndError.contractMismatch(field: "picture.colour", got: "grey", expected: "rgb or bgr")
        #expect("\(error)".contains("picture.colour is grey, expected rgb or bgr"))
    }
}
