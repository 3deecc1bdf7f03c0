import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// People with all their templates as a file: JSON, schema `fwoc.gallery/1`.
///
/// An archive holds biometric templates: it is written with permissions 0600, and belongs where the gallery itself may be.
public struct GalleryArchive: Sendable, Equatable, Codable {
    public static let schema = "fwoc.gallery/1"
    /// The largest file that is read, in bytes.
    public static let largestFile = 1 << 28

    public struct Template: Sendable, Equatable, Codable {
        public var modality: String
        /// Base 64 of little-endian binary32 elements, a unit vector.
        public var embedding: String
        public var quality: Float
        public var origin: String
        /// ISO 8601, UTC, milliseconds.
        public var enrolled: String
    }

    public struct Entry: Sendable, Equatable, Codable {
        public var id: String
        public var name: String
        public var created: String
        public var templates: [Template]
    }

    public var schema: String
    public var exported: String
    /// Revision of the gallery that was exported.
    public var revision: Int
    /// By modality.
    public var encoders: [String: EncoderIdentity]
    public var people: [Entry]

    /// Reads an archive.
    /// - Throws: ``GalleryError`` that names the place in the file.
    public init(contentsOf path: String) throws(GalleryError) {
        guard FileManager.default.fileExists(atPath: path) else { throw .noSuchFile(path: path) }
        let data: Data
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            guard size <= Self.largestFile else {
                throw GalleryError.invalidArchive(path: path, location: "file", reason: "\(size) bytes, at most \(Self.largestFile) are read")
            }
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as GalleryError {
            throw error
        } catch {
            throw .inputOutput(path: path, detail: "cannot be read: \((error as NSError).localizedFailureReason ?? "\(error)")")
        }
        try self.init(json: data, path: path)
    }

    /// - Parameter path: how messages name the file.
    public init(json data: Data, path: String) throws(GalleryError) {
        func refuse(_ location: String, _ reason: String) -> GalleryError { .invalidArchive(path: path, location: location, reason: reason) }
        struct Header: Decodable { var schema: String? }
        let header: Header
        do { header = try JSONDecoder().decode(Header.self, from: data) } catch { throw refuse("file", "not a JSON object") }
        guard header.schema == Self.schema else {
            throw refuse("schema", "is \(header.schema.map { "‘\($0.prefix(40))’" } ?? "missing"), expected ‘\(Self.schema)’")
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: data)
        } catch let error as DecodingError {
            throw refuse(Self.location(error), Self.reason(error))
        } catch {
            throw refuse("file", "\(error)")
        }
    }

    init(exported: Date, revision: Int, encoders: [String: EncoderIdentity], people: [Entry]) {
        schema = Self.schema
        self.exported = Self.text(exported)
        self.revision = revision
        self.encoders = encoders
        self.people = people
    }

    /// The same bytes for the same content.
    public func json() -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // Strings, finite numbers and dictionaries with string keys: nothing here can fail to encode.
        return try! encoder.encode(self)
    }

    /// Writes the archive with permissions 0600; a crash leaves the old file or the new one, never a part.
    public func write(to path: String) throws(GalleryError) {
        let temporary = "\(path).\(getpid()).part"
        func failed(_ action: String) -> GalleryError {
            let code = errno
            unsafe unlink(temporary)
            return code == EACCES || code == EPERM || code == EROFS
                ? .notPermitted(path: path, detail: "\(action): \(Gallery.message(code))")
                : .inputOutput(path: path, detail: "\(action): \(Gallery.message(code))")
        }
        let descriptor = unsafe open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failed("cannot write") }
        guard writeAll([UInt8](json()), to: descriptor) else {
            let error = failed("cannot write")
            close(descriptor)
            throw error
        }
        let synced = fsync(descriptor)
        close(descriptor)
        guard synced == 0, unsafe rename(temporary, path) == 0 else { throw failed("cannot write") }
    }

    static func text(_ date: Date) -> String {
        date.formatted(.iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: true).timeSeparator(.colon))
    }

    static func date(_ text: String) -> Date? {
        try? Date(text, strategy: .iso8601.year().month().day().dateSeparator(.dash).time(includingFractionalSeconds: true).timeSeparator(.colon))
    }

    private static func location(_ error: DecodingError) -> String {
        let path: [any CodingKey] =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context): context.codingPath
            case .keyNotFound(let key, let context): context.codingPath + [key]
            @unknown default: []
            }
        let text = path.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
        return text.isEmpty ? "file" : String(text.hasPrefix(".") ? text.dropFirst() : Substring(text))
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(let type, _), .valueNotFound(let type, _): "expected \(type)"
        case .keyNotFound: "missing"
        case .dataCorrupted(let context): context.debugDescription
        @unknown default: "not what was expected"
        }
    }
}

private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
        let count = unsafe bytes.withUnsafeBytes { bytes in
            unsafe write(descriptor, bytes.baseAddress! + written, bytes.count - written)
        }
        if count < 0 && errno != EINTR { return false }
        written += max(count, 0)
    }
    return true
}
