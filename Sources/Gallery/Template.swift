import Foundation

/// An embedding that is offered for enrolment.
public struct TemplateCandidate: Sendable {
    public var modality: Modality
    /// As the encoder gave it; the gallery stores it divided by its Euclidean norm.
    public var embedding: [Float]
    /// 0 (useless) … 1 (as good as it gets). A voice's is its length of speech over ``voiceOfFullQuality``, at most 1.
    public var quality: Float
    /// Seconds of speech from which on a longer voice template counts no more.
    public static let voiceOfFullQuality: Float = 3
    /// Where it came from, for people to read: see ``origin(file:at:)``.
    public var origin: String

    public init(modality: Modality, embedding: [Float], quality: Float, origin: String) {
        self.modality = modality
        self.embedding = embedding
        self.quality = quality
        self.origin = origin
    }

    /// The file's name without its folders, which may say more about the enroller's machine than they would like, and the time
    /// in the clip where there is one: `alice.mp4@12.4s`.
    public static func origin(file path: String, at seconds: Double? = nil) -> String {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let seconds else { return name }
        let tenths = (seconds * 10).rounded() / 10
        return "\(name)@\(tenths)s"
    }
}

/// A stored template without its embedding.
public struct TemplateInfo: Sendable, Hashable, Identifiable {
    public let id: Int64
    public let modality: Modality
    public let dimension: Int
    public let quality: Float
    public let origin: String
    public let enrolled: Date
}

/// A template as it lies in the database.
struct StoredTemplate {
    var id: Int64
    var embedding: [Float]
    var quality: Float
}

/// Unit vectors and their bytes.
enum UnitVector {
    /// The longest distance of a stored template's norm from one.
    static let normTolerance: Float = 1e-3

    /// `values` divided by its Euclidean norm; `nil` where an element is not finite or the norm is zero.
    static func normalizing(_ values: [Float]) -> [Float]? {
        var sum = 0.0
        for value in values { sum += Double(value) * Double(value) }
        guard sum.isFinite, sum > 1e-24 else { return nil }
        let scale = 1 / sum.squareRoot()
        return values.map { Float(Double($0) * scale) }
    }

    static func norm(_ values: [Float]) -> Float {
        var sum = 0.0
        for value in values { sum += Double(value) * Double(value) }
        return Float(sum.squareRoot())
    }

    /// Elements as little-endian binary32, one after the other.
    static func encode(_ values: [Float]) -> Data {
        var data = Data(capacity: values.count * 4)
        for value in values {
            let bits = value.bitPattern
            data.append(UInt8(truncatingIfNeeded: bits))
            data.append(UInt8(truncatingIfNeeded: bits >> 8))
            data.append(UInt8(truncatingIfNeeded: bits >> 16))
            data.append(UInt8(truncatingIfNeeded: bits >> 24))
        }
        return data
    }

    /// The inverse of ``encode(_:)``; `nil` where the length is no multiple of four.
    static func decode(_ data: Data) -> [Float]? {
        guard data.count.isMultiple(of: 4) else { return nil }
        let bytes = data.bytes
        return (0..<data.count / 4).map { index in
            Float(bitPattern: UInt32(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
        }
    }

    static func cosine(_ a: [Float], _ b: [Float]) -> Float { SnapshotKernel.dot(a.span, b.span) }
}
