extension FrontEndContract {
    /// Canonical text: one `key=value` a line in a fixed order, numbers in their shortest exact form. Equal exactly for equal contracts.
    ///
    /// A digest of this text is what a bundle or a gallery stores; the digest is taken elsewhere.
    public var fingerprint: String {
        (["fwoc.frontend/1"] + fields.map { "\($0.key)=\($0.value)" }).joined(separator: "\n") + "\n"
    }

    /// Throws unless both contracts are the same preprocessing; the error names the first field that differs.
    /// - Parameter expected: what the code at hand does.
    public func require(_ expected: FrontEndContract) throws(FrontEndError) {
        let got = fields
        let wanted = expected.fields
        for (key, value) in wanted {
            let own = got.first { $0.key == key }?.value ?? "absent"
            if own != value { throw .contractMismatch(field: key, got: own, expected: value) }
        }
        for (key, value) in got where !wanted.contains(where: { $0.key == key }) {
            throw .contractMismatch(field: key, got: value, expected: "absent")
        }
    }

    var fields: [(key: String, value: String)] {
        (picture?.fields ?? []).map { ("picture.\($0.key)", $0.value) } + (sound?.fields ?? []).map { ("sound.\($0.key)", $0.value) }
    }
}

private func list(_ values: [Float]) -> String { "[" + values.map { "\($0)" }.joined(separator: ",") + "]" }

extension PictureContract {
    var fields: [(key: String, value: String)] {
        let geometryFields: [(key: String, value: String)] =
            switch geometry {
            case .letterbox: [("geometry", "letterbox")]
            case .fivePoints(let template): [("geometry", "fivePoints"), ("template", list(template.flatMap { [$0.x, $0.y] }))]
            case .levelSquare(let boxScale): [("geometry", "levelSquare"), ("boxScale", "\(boxScale)")]
            case .uprightSquare(let boxScale): [("geometry", "uprightSquare"), ("boxScale", "\(boxScale)")]
            case .speakingFace(let cropScale): [("geometry", "speakingFace"), ("cropScale", "\(cropScale)")]
            case .mouth(let widthScale): [("geometry", "mouth"), ("widthScale", "\(widthScale)")]
            }
        return [("width", "\(width)"), ("height", "\(height)"), ("colour", colour.rawValue)] + geometryFields
            + [("border", "\(border)"), ("mean", list(mean)), ("scale", list(scale))]
    }
}

extension SoundContract {
    var fields: [(key: String, value: String)] {
        switch self {
        case .logMel(let c):
            [
                ("kind", "logMel"), ("sampleRate", "\(c.sampleRate)"), ("frameLength", "\(c.frameLength)"), ("frameShift", "\(c.frameShift)"),
                ("transformLength", "\(c.transformLength)"), ("filters", "\(c.filters)"), ("lowFrequency", "\(c.lowFrequency)"),
                ("highFrequency", "\(c.highFrequency)"), ("preEmphasis", "\(c.preEmphasis)"), ("window", c.window.rawValue),
                ("removesOffset", "\(c.removesOffset)"), ("sampleScale", "\(c.sampleScale)"), ("energyFloor", "\(c.energyFloor)"),
                ("subtractsMean", "\(c.subtractsMean)"),
            ]
        case .mfcc(let c):
            [
                ("kind", "mfcc"), ("sampleRate", "\(c.sampleRate)"), ("frameLength", "\(c.frameLength)"), ("frameShift", "\(c.frameShift)"),
                ("transformLength", "\(c.transformLength)"), ("filters", "\(c.filters)"), ("coefficients", "\(c.coefficients)"),
                ("lowFrequency", "\(c.lowFrequency)"), ("highFrequency", "\(c.highFrequency)"), ("preEmphasis", "\(c.preEmphasis)"),
                ("lifter", "\(c.lifter)"), ("energyFirst", "\(c.energyFirst)"), ("roundsTo16Bits", "\(c.roundsTo16Bits)"),
            ]
        case .waveform(let c):
            [("kind", "waveform"), ("sampleRate", "\(c.sampleRate)"), ("window", "\(c.window)"), ("context", "\(c.context)")]
        }
    }
}
